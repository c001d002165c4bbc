"""Lists of the annotations of many images."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from trapline.server.catalogue.actions.analysis_responses import build_annotations
from trapline.server.catalogue.queries.annotation_search import (
    AnnotationMatch,
    count_annotation_matches,
    list_annotation_matches,
)
from trapline.server.catalogue.queries.human_box_search import (
    HumanBoxMatch,
    can_match_human_boxes,
    count_human_box_matches,
    list_human_box_matches,
)
from trapline.server.catalogue.rules.filters import AnnotationSearchFilter
from trapline.server.images.queries.images import get_image_row
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.cursors import encode_cursor
from trapline.server.platform.db.pagination import EXACT_UP_TO
from trapline.server.review.actions.human_boxes import build_human_boxes
from trapline.wire.annotations import Annotation, AnnotationWithImage
from trapline.wire.values import Page

Match: TypeAlias = AnnotationMatch | HumanBoxMatch


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
    """List annotations of completed analyses and boxes of people, by capture time.

    Raises NotFound.
    """
    async with system.database.transaction(scope) as tx:
        if wanted.image_id is not None:
            await get_image_row(scope, tx, wanted.image_id)
        found: list[Match] = []
        has_more, count, estimated = False, 0, False
        if not wanted.human:
            rows, following = await list_annotation_matches(
                scope, tx, project_id, wanted, descending=descending, limit=limit, cursor=cursor
            )
            count, estimated = await count_annotation_matches(scope, tx, project_id, wanted)
            has_more = following is not None
            found += rows
        if can_match_human_boxes(wanted):
            found += await list_human_box_matches(
                scope, tx, project_id, wanted, descending=descending, limit=limit + 1, cursor=cursor
            )
            count += await count_human_box_matches(scope, tx, project_id, wanted)
        found.sort(key=_get_place, reverse=descending)
        has_more, shown = has_more or len(found) > limit, found[:limit]
        estimated = estimated or count > EXACT_UP_TO
        count = max(min(count, EXACT_UP_TO), len(shown))
        results = await _build(system, scope, tx, shown)
    return Page(
        results=results,
        next=encode_cursor(_get_place(shown[-1])) if has_more else None,
        count=count,
        count_is_estimate=estimated,
    )


def _get_place(match: Match) -> tuple[datetime, UUID, UUID]:
    """Return the sort key of the list."""
    one = match.box if isinstance(match, HumanBoxMatch) else match.annotation
    return match.image.captured_at, match.image.id, one.id


async def _build(
    system: AppContext, scope: Scope, tx: Transaction, matches: Sequence[Match]
) -> list[AnnotationWithImage]:
    boxes = [match.box for match in matches if isinstance(match, HumanBoxMatch)]
    of_models = [match for match in matches if isinstance(match, AnnotationMatch)]
    built: list[Annotation] = await build_human_boxes(scope, tx, boxes)
    built += await build_annotations(
        system, scope, tx, [(match.annotation, match.algorithm) for match in of_models]
    )
    by_id = {one.id: one for one in built}
    return [_add_image(by_id[_get_place(match)[2]], match) for match in matches]


def _add_image(one: Annotation, match: Match) -> AnnotationWithImage:
    analysis = None if isinstance(match, HumanBoxMatch) else match.analysis
    return AnnotationWithImage(
        **dict(one),
        project_id=match.image.project_id,
        image_id=match.image.id,
        deployment_id=match.image.deployment_id,
        captured_at=match.image.captured_at,
        job_id=None if analysis is None else analysis.job_id,
        model_name=None if analysis is None else analysis.model_name,
        model_version=None if analysis is None else analysis.model_version,
    )
