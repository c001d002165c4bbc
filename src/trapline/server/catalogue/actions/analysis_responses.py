"""Responses with analyses and annotations, built from rows, with signed URLs of their files."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from trapline.server.findings.queries.analyses import AnalysisDetailRow, AnalysisRow
from trapline.server.findings.queries.annotation_pages import AnalysisAnnotations, Found
from trapline.server.findings.queries.annotations import AnnotationRow
from trapline.server.images.actions.signed_urls import sign_file_urls
from trapline.server.platform.access import Scope, parse_actor
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.review.actions.identifications import list_effective_identifications
from trapline.wire.analyses import Analysis, AnalysisPriority, AnalysisState
from trapline.wire.annotations import Annotation, AnnotationType
from trapline.wire.identifications import Identification

OPEN = frozenset({"queued", "processing"})


def build_analysis(
    system: AppContext,
    found: AnalysisAnnotations,
    effective: Mapping[UUID, Identification],
    *,
    is_deleted: bool = False,
) -> Analysis:
    """Build an analysis with the first page of its annotations.

    `effective` has the effective identifications by annotation.
    """
    row, detail = (
        found.row,
        found.detail or AnalysisDetailRow(parameters={}, provenance={}, priority="normal"),
    )
    paths = [annotation.storage_path for annotation, _ in found.annotations]
    urls = sign_file_urls(system, paths, is_deleted=is_deleted)
    return Analysis(
        id=row.id,
        image_id=row.image_id,
        job_id=row.job_id,
        model_name=row.model_name,
        model_version=row.model_version,
        status=AnalysisState(row.state),
        parameters=detail.parameters,
        provenance=detail.provenance,
        external_job_id=detail.external_job_id,
        priority=AnalysisPriority(detail.priority),
        # A task that waits for its next attempt still has the error of the last one.
        error_message=detail.error_message if row.state == AnalysisState.FAILED else None,
        is_stale=_is_stale(system, row),
        simulated=row.simulated,
        requested_by_id=parse_actor(detail.requested_by),
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        updated_at=row.updated_at,
        annotation_count=found.count,
        annotations=[
            _build_annotation(annotation, key, urls, effective)
            for annotation, key in found.annotations
        ],
        next=found.next,
    )


def _is_stale(system: AppContext, row: AnalysisRow) -> bool:
    if row.job_id is not None or row.state not in OPEN:
        return False
    return row.updated_at < datetime.now(UTC) - timedelta(seconds=system.callbacks.stale_after_s)


async def build_analyses(
    system: AppContext, scope: Scope, tx: Transaction, found: Sequence[AnalysisAnnotations]
) -> list[Analysis]:
    """Build analyses, each with the first page of its annotations and their identifications."""
    effective = await list_effective_identifications(
        scope, tx, [annotation for one in found for annotation, _ in one.annotations]
    )
    return [build_analysis(system, one, effective) for one in found]


async def build_annotations(
    system: AppContext, scope: Scope, tx: Transaction, found: Sequence[Found]
) -> list[Annotation]:
    """Build annotations with their effective identifications and the URLs of cited files."""
    effective = await list_effective_identifications(
        scope, tx, [annotation for annotation, _ in found]
    )
    urls = sign_file_urls(system, [annotation.storage_path for annotation, _ in found])
    return [_build_annotation(annotation, key, urls, effective) for annotation, key in found]


def _build_annotation(
    row: AnnotationRow,
    algorithm: str | None,
    urls: Mapping[str, str],
    effective: Mapping[UUID, Identification],
) -> Annotation:
    return Annotation(
        id=row.id,
        analysis_id=row.analysis_id,
        annotation_type=AnnotationType(row.annotation_type),
        class_name=row.class_name,
        confidence=row.confidence,
        data=row.data,
        storage_path=row.storage_path,
        artifact_id=row.artifact_id,
        download_url=urls.get(row.storage_path or ""),
        parent_id=row.parent_id,
        ordering=row.ordering,
        scaled=row.annotation_type != AnnotationType.CUSTOM and "scaled" in row.data,
        algorithm=algorithm,
        created_at=row.created_at,
        identification=effective.get(row.id),
    )
