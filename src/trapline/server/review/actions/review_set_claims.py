"""Hand out the items of review sets: claim, renew and release."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Conflict, Forbidden, NotFound
from trapline.server.review.queries.review_set_items import (
    claim_items,
    list_item_images,
    list_whole_sequences,
    release_claims,
    renew_claims,
)
from trapline.server.review.queries.review_sets import (
    ReviewSetRow,
    SetCounts,
    count_items,
    get_review_set_row,
    is_assigned,
)
from trapline.wire.review_sets import (
    CLAIM_S,
    ReleasedReviewItems,
    ReviewClaimRequest,
    ReviewReleaseRequest,
)

MOST_IMAGES_SHOWN = 1000
"""Maximum number of images of an item that a claim returns."""


@dataclass(frozen=True)
class SetClaim:
    """Items that a person claimed: images by position, and the sequences that have just these."""

    images: dict[int, list[UUID]]
    sequences: dict[int, UUID]
    lost: list[int]
    expires_at: datetime
    counts: SetCounts


async def claim_set_items(
    scope: Scope, tx: Transaction, project_id: int, set_id: UUID, wanted: ReviewClaimRequest
) -> SetClaim:
    """Renew the claims of held items, and claim further ones.

    Raises NotFound; Forbidden if the set is assigned to others; Conflict if it is closed.
    """
    row = await get_review_set_row(scope, tx, project_id, set_id)
    await _require_reviewer(scope, tx, row)
    if row.closed_at is not None:
        raise Conflict("This review set is closed. Nothing was changed. A manager can open it.")
    expires_at = datetime.now(UTC) + timedelta(seconds=CLAIM_S)
    held = await renew_claims(scope, tx, row, wanted.held) if wanted.held else set()
    claimed = await claim_items(scope, tx, row, wanted.count, wanted.held) if wanted.count else []
    images = await list_item_images(scope, tx, row, claimed)
    return SetClaim(
        images={position: found[:MOST_IMAGES_SHOWN] for position, found in images.items()},
        sequences=await list_whole_sequences(scope, tx, row, claimed),
        lost=sorted(set(wanted.held) - held),
        expires_at=expires_at,
        counts=await count_items(scope, tx, row, scope.user_id),
    )


async def _require_reviewer(scope: Scope, tx: Transaction, row: ReviewSetRow) -> None:
    if scope.user_id is None:
        raise Forbidden("Only a user can review. Nothing was changed. Use the token of a user.")
    if not await is_assigned(scope, tx, row):
        raise Forbidden(
            "This review set is assigned to other people. Nothing was changed. A manager can "
            "assign it to you."
        )


async def release_items(
    system: AppContext, scope: Scope, project_id: int, set_id: UUID, wanted: ReviewReleaseRequest
) -> ReleasedReviewItems:
    """Release claims of the caller, of these items or of all. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_review_set_row(scope, tx, project_id, set_id)
        if scope.user_id is None:
            raise NotFound
        return ReleasedReviewItems(released=await release_claims(scope, tx, row, wanted.items))
