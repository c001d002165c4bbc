"""Search of the annotations of completed analyses over many images, by capture time."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    func,
    not_,
    select,
    true,
    tuple_,
)

from trapline.server.catalogue.rules.filters import AnnotationSearchFilter
from trapline.server.findings.queries.algorithm_rows import AlgorithmRow
from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.findings.queries.annotations import AnnotationRow
from trapline.server.images.queries.images import ImageClassRow, ImageRow, select_images
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.cursors import decode_cursor, encode_cursor
from trapline.server.platform.db.pagination import EXACT_UP_TO
from trapline.server.review.queries.reviewed_annotations import build_reviewed_condition
from trapline.server.review.queries.taxon_labels import (
    build_taxon_condition,
    select_labels_of_taxon,
)
from trapline.wire.annotations import AnnotationType

LOOKED_THROUGH = 100_000
"""Maximum number of annotations that a count examines."""
COMMON = (AnnotationType.BOUNDING_BOX, AnnotationType.CLASSIFICATION)
"""The types of most annotations, which are not in the index by type."""


class AnnotationMatch(NamedTuple):
    """An annotation with its analysis, its image, and the key of its algorithm."""

    annotation: AnnotationRow
    analysis: AnalysisRow
    image: ImageRow
    algorithm: str | None


def _select_by_index(
    scope: Scope, project_id: int | None, wanted: AnnotationSearchFilter
) -> Select[ImageRow]:
    """Select by conditions that have an index; start with images, whose index has the order."""
    statement = (
        select_images(scope, project_id)
        .join(AnalysisRow, AnalysisRow.image_id == ImageRow.id)
        .join(AnnotationRow, AnnotationRow.analysis_id == AnalysisRow.id)
        .outerjoin(AlgorithmRow, AlgorithmRow.id == AnnotationRow.algorithm_id)
        .where(AnalysisRow.state == "completed", ~AnalysisRow.simulated)
    )
    equal = (
        (ImageRow.deployment_id, wanted.deployment_id),
        (ImageRow.id, wanted.image_id),
        (AnalysisRow.job_id, wanted.job_id),
    )
    statement = statement.where(*(column == value for column, value in equal if value is not None))
    if wanted.annotation_type is not None and wanted.annotation_type not in COMMON:
        # A literal, because the planner cannot match a parameter with the condition of the index.
        kind = bindparam(None, str(wanted.annotation_type), Text, literal_execute=True)
        statement = statement.where(
            AnnotationRow.annotation_type == kind, AnnotationRow.project_id == ImageRow.project_id
        )
    if wanted.class_name is not None:
        # The classes of images are stored, so a rare class is not searched for in all annotations.
        statement = statement.join(ImageClassRow, ImageClassRow.image_id == ImageRow.id).where(
            ImageClassRow.project_id == ImageRow.project_id,
            ImageClassRow.class_name == wanted.class_name,
        )
    if wanted.taxon_id is not None:
        statement = statement.where(build_taxon_condition(wanted.taxon_id))
    if wanted.captured_after is not None:
        statement = statement.where(ImageRow.captured_at >= wanted.captured_after)
    if wanted.captured_before is not None:
        statement = statement.where(ImageRow.captured_at < wanted.captured_before)
    if wanted.reviewed:
        statement = statement.where(ImageRow.reviewed)
    return statement


def _list_other_conditions(wanted: AnnotationSearchFilter) -> list[ColumnElement[bool]]:
    """List the conditions without an index, which are checked for each annotation."""
    equal = (
        (
            AnnotationRow.annotation_type,
            wanted.annotation_type if wanted.annotation_type in COMMON else None,
        ),
        (AnnotationRow.class_name, wanted.class_name),
        (AnalysisRow.model_name, wanted.model),
        (AnalysisRow.model_version, wanted.model_version),
        (AlgorithmRow.key, wanted.algorithm),
    )
    conditions = [column == value for column, value in equal if value is not None]
    if wanted.taxon_id is not None:
        conditions.append(AnnotationRow.class_name.in_(select_labels_of_taxon(wanted.taxon_id)))
    if wanted.confidence_min is not None:
        conditions.append(AnnotationRow.confidence >= wanted.confidence_min)
    if wanted.confidence_max is not None:
        conditions.append(AnnotationRow.confidence <= wanted.confidence_max)
    if wanted.reviewed is not None:
        # In most projects few images are reviewed; identifications are searched for only on those.
        is_reviewed = and_(ImageRow.reviewed, build_reviewed_condition())
        conditions.append(is_reviewed if wanted.reviewed else not_(is_reviewed))
    return conditions


async def list_annotation_matches(
    scope: Scope,
    tx: Transaction,
    project_id: int | None,
    wanted: AnnotationSearchFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> tuple[Sequence[AnnotationMatch], str | None]:
    """List a page of annotations; also return the cursor of the next page.

    Raises InvalidRequest for a cursor of another list.
    """
    place = (ImageRow.captured_at, ImageRow.id, AnnotationRow.id)
    statement = _select_by_index(scope, project_id, wanted).where(*_list_other_conditions(wanted))
    if cursor is not None:
        last = tuple_(*decode_cursor(cursor, [datetime, UUID, UUID]))
        statement = statement.where(tuple_(*place) < last if descending else tuple_(*place) > last)
    ordered = statement.order_by(
        *[column.desc() if descending else column.asc() for column in place]
    )
    chosen = ordered.with_only_columns(
        AnnotationRow, AnalysisRow, ImageRow, AlgorithmRow.key
    ).limit(limit + 1)
    rows = [AnnotationMatch(*row) for row in (await tx.session.execute(chosen)).all()]
    if len(rows) <= limit:
        return rows, None
    end = rows[limit - 1]
    return rows[:limit], encode_cursor([end.image.captured_at, end.image.id, end.annotation.id])


async def count_annotation_matches(
    scope: Scope, tx: Transaction, project_id: int | None, wanted: AnnotationSearchFilter
) -> tuple[int, bool]:
    """Count matches up to EXACT_UP_TO; return the count and whether it is an estimate.

    If more than LOOKED_THROUGH annotations must be examined, the count is that of some of them.
    """
    conditions = _list_other_conditions(wanted)
    most = LOOKED_THROUGH if conditions else EXACT_UP_TO
    candidates = _select_by_index(scope, project_id, wanted)
    matches = and_(true(), *conditions).label("matches")
    some = candidates.with_only_columns(AnnotationRow.id, matches).limit(most + 1).subquery()
    counted = select(func.count(), func.count().filter(some.c.matches)).select_from(some)
    examined, count = (await tx.session.execute(counted)).one()
    return min(count, EXACT_UP_TO), examined > most or count > EXACT_UP_TO
