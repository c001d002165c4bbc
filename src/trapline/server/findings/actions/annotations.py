"""Annotations on request: those of many images, and the scores of one classification over its whole class list."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from trapline.server.findings.actions.analysis_responses import build_annotations
from trapline.server.findings.queries.annotation_search import (
    count_annotation_matches,
    list_annotation_matches,
)
from trapline.server.findings.queries.scores import StoredScores, get_score_row
from trapline.server.findings.rules.filters import AnnotationSearchFilter
from trapline.server.images.queries.images import get_image_row
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import NotFound
from trapline.wire.annotations import AnnotationWithImage, ClassificationScores
from trapline.wire.values import Page

if TYPE_CHECKING:
    from trapline.server.findings.rules.score_codec import Vector

BEYOND = 1e39


async def get_scores(system: AppContext, scope: Scope, annotation_id: UUID) -> ClassificationScores:
    """Show the scores of a classification, and its logits if they were sent, exact to single
    precision.

    A number beyond single precision is told as 1e39 or -1e39. Raises NotFound.
    """
    async with system.database.transaction(scope) as tx:
        stored = await get_score_row(scope, tx, annotation_id)
    scores, logits = await asyncio.to_thread(_decode, stored)
    if not scores and not logits:
        raise NotFound("No scores were sent with this annotation.")
    length = len(scores) or len(logits or ())
    return ClassificationScores(
        annotation_id=annotation_id,
        class_name=stored.class_name,
        algorithm=stored.algorithm,
        labels=stored.labels
        if stored.labels is not None and len(stored.labels) == length
        else None,
        scores=scores,
        logits=logits,
    )


def _decode(stored: StoredScores) -> tuple[list[float], list[float] | None]:
    # Loaded with the first question: it would take a tenth of a process's start.
    from trapline.server.findings.rules.score_codec import decode_scores

    if stored.content is None or stored.encoding is None:
        return _as_given(stored.data.get("scores")) or [], _as_given(stored.data.get("logits"))
    found = decode_scores(bytes(stored.content), stored.encoding)
    return _shortest(found.scores), None if found.logits is None else _shortest(found.logits)


def _as_given(numbers: Any) -> list[float] | None:
    return [float(number) for number in numbers] if isinstance(numbers, Sequence) else None


def _shortest(vector: "Vector") -> list[float]:
    """The shortest decimals that are these numbers in single precision."""
    import numpy as np

    plain = np.nan_to_num(vector.astype(str).astype(np.float64), posinf=BEYOND, neginf=-BEYOND)
    return [float(number) for number in plain]


async def list_annotations(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: AnnotationSearchFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> Page[AnnotationWithImage]:
    """List what completed analyses found, by the times of the images. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        if wanted.image_id is not None:
            await get_image_row(scope, tx, wanted.image_id)
        rows, following = await list_annotation_matches(
            scope, tx, project_id, wanted, descending=descending, limit=limit, cursor=cursor
        )
        count, estimated = await count_annotation_matches(scope, tx, project_id, wanted)
        count = max(count, len(rows))
        told = await build_annotations(
            system, scope, tx, [(row.annotation, row.algorithm) for row in rows]
        )
    results = [
        AnnotationWithImage(
            **dict(one),
            project_id=row.annotation.project_id,
            image_id=row.image.id,
            deployment_id=row.image.deployment_id,
            captured_at=row.image.captured_at,
            job_id=row.analysis.job_id,
            model_name=row.analysis.model_name,
            model_version=row.analysis.model_version,
        )
        for row, one in zip(rows, told, strict=True)
    ]
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)
