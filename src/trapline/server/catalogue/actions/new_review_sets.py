"""Create review sets from a filter of images, and hand out their items."""

from collections.abc import Iterable, Mapping
from random import SystemRandom
from typing import Any
from uuid import UUID

from trapline.server.catalogue.actions.images import build_box, build_images
from trapline.server.catalogue.queries.image_filters import (
    filter_images,
    get_capture_time_column,
    resolve_filter,
)
from trapline.server.catalogue.queries.image_findings import (
    MAX_BOXES,
    BoxSummary,
    list_box_corners,
)
from trapline.server.catalogue.rules.filters import ImageFilter
from trapline.server.images.queries.images import ImageRow, select_images
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.errors import Unprocessable
from trapline.server.projects.queries.projects import get_project_row
from trapline.server.review.actions.independent_observations import (
    ReviewImageContext,
    list_own_observations,
)
from trapline.server.review.actions.review_set_claims import claim_set_items
from trapline.server.review.actions.review_sets import build_review_sets, require_reviewers
from trapline.server.review.queries.review_sets import ReviewSetRow, create_items, replace_people
from trapline.wire.images import Image
from trapline.wire.observations import Observation
from trapline.wire.review_sets import (
    MOST_IMAGES,
    ClaimedReviewItems,
    NewReviewSet,
    ReviewClaimRequest,
    ReviewSet,
    ReviewSetItem,
    ReviewSetOrder,
)

LONGEST_FILTER = 4000


async def create_review_set(
    system: AppContext,
    scope: Scope,
    project_id: int,
    wanted: ImageFilter,
    query: str,
    new: NewReviewSet,
) -> ReviewSet:
    """Create a review set of the images that match a filter now; `query` is the filter as text.

    Raises:
        NotFound, Forbidden: the caller has no access to the project, or is not a manager.
        Unprocessable: no image matches, too many match, or one of the people cannot review.
    """
    if len(query) > LONGEST_FILTER:
        raise Unprocessable(
            f"The filter must have at most {LONGEST_FILTER:,} characters. Nothing was created."
        )
    if wanted.deleted:
        raise Unprocessable("deleted: deleted images cannot be reviewed. Nothing was created.")
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, ReviewSet)
        if done:
            return done
        await get_project_row(scope, tx, project_id)
        scope.check(project_id)
        await require_reviewers(scope, tx, project_id, new.people)
        images = await _list_matching(scope, tx, project_id, wanted, new.order)
        if not images:
            raise Unprocessable(
                "No image matches this filter. Nothing was created. Use a wider filter."
            )
        row = ReviewSetRow(
            project_id=project_id,
            name=new.name,
            unit=new.unit.value,
            reviews=new.reviews,
            item_order=new.order.value,
            filter=query,
            created_by=scope.person,
        )
        tx.session.add(row)
        await tx.session.flush()
        await tx.session.refresh(row)
        count = await create_items(scope, tx, row, images, MOST_IMAGES)
        if max(count, len(images)) > MOST_IMAGES:
            raise Unprocessable(
                f"More than {MOST_IMAGES:,} images match this filter. Nothing was created. Use a "
                "narrower filter, for example one deployment, and several sets."
            )
        if new.people:
            await replace_people(scope, tx, row, new.people)
        tx.audit(
            "create",
            "review set",
            row.id,
            project_id,
            name=row.name,
            unit=row.unit,
            reviews=row.reviews,
            images=count,
        )
        [built] = await build_review_sets(scope, tx, [row])
        return save_response(scope, tx, built)


async def _list_matching(
    scope: Scope, tx: Transaction, project_id: int, wanted: ImageFilter, order: ReviewSetOrder
) -> list[UUID]:
    """List the images that match a filter in the order of a set, at most MOST_IMAGES + 1."""
    resolved = await resolve_filter(scope, tx, project_id, wanted)
    captured = get_capture_time_column(resolved)
    statement = filter_images(select_images(scope, project_id), resolved)
    listed = statement.with_only_columns(ImageRow.id).limit(MOST_IMAGES + 1)
    if order is ReviewSetOrder.OLDEST_FIRST:
        listed = listed.order_by(captured, ImageRow.id)
    else:
        listed = listed.order_by(captured.desc(), ImageRow.id.desc())
    images = list((await tx.session.scalars(listed)).all())
    if order is ReviewSetOrder.RANDOM:
        SystemRandom().shuffle(images)
    return images


async def claim_items(
    system: AppContext, scope: Scope, project_id: int, set_id: UUID, wanted: ReviewClaimRequest
) -> ClaimedReviewItems:
    """Claim items of a set with their images, without the decisions of other people.

    Raises NotFound, Forbidden, and Conflict if the set is closed.
    """
    async with system.database.transaction(scope) as tx:
        claimed = await claim_set_items(scope, tx, project_id, set_id, wanted)
        keys = {key for each in claimed.images.values() for key in each}
        statement = select_images(scope, project_id).where(ImageRow.id.in_(keys))
        rows = list((await tx.session.scalars(statement)).all())
        images = {one.id: one for one in await build_images(system, scope, tx, rows)}
        observed = await list_own_observations(
            scope,
            tx,
            project_id,
            {
                row.id: ReviewImageContext(
                    row.id, row.project_id, row.sequence_id, row.deployment_id, row.captured_at
                )
                for row in rows
            },
        )
        boxes = {one.annotation_id for one in observed if one.annotation_id is not None}
        corners = await list_box_corners(scope, tx, boxes)
    by_image: dict[UUID, list[Observation]] = {}
    for one in observed:
        by_image.setdefault(one.image_id, []).append(one)
    items = []
    for position, of_item in sorted(claimed.images.items()):
        shown = [key for key in of_item if key in images]
        items.append(
            ReviewSetItem(
                position=position,
                sequence_id=claimed.sequences.get(position),
                images=[
                    _hide_decisions(images[key], by_image.get(key, ()), corners) for key in shown
                ],
                observations=[one for key in shown for one in by_image.get(key, ())],
            )
        )
    counts = claimed.counts
    return ClaimedReviewItems(
        items=[one for one in items if one.images],
        lost=claimed.lost,
        expires_at=claimed.expires_at,
        total=counts.items,
        done=counts.done,
        mine=counts.mine,
        open=counts.open,
    )


def _hide_decisions(
    image: Image, observed: Iterable[Observation], corners: Mapping[UUID, dict[str, Any]]
) -> Image:
    """Return an image with what these observations say, in place of the current ones.

    `observed` is left out: the observations of the item have the counts. Tags are left out: they
    can be the words of other people.
    """
    ones = list(observed)
    names = list(dict.fromkeys(one.name for one in ones if one.name and one.kind != "blank"))
    boxed = [one for one in ones if one.annotation_id in corners]
    boxed.sort(key=lambda one: (one.source != "human", -(one.confidence or 0), one.id))
    return image.model_copy(
        update={
            "classes": names,
            "blank": all(one.kind == "blank" for one in ones) if ones else None,
            "needs_review": any(one.needs_review for one in ones),
            "reviewed": any(one.source == "human" for one in ones),
            "reviewers": [],
            "observed": [],
            "tags": [],
            "boxes": [
                build_box(
                    BoxSummary(
                        one.annotation_id,
                        one.name or None,
                        one.confidence,
                        corners[one.annotation_id],
                    )
                )
                for one in boxed[:MAX_BOXES]
                if one.annotation_id is not None
            ],
        }
    )
