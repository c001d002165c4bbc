"""Refuse decisions about images that changed after the caller read them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Conflict
from trapline.server.review.queries.identifications import IdentificationRow
from trapline.server.review.queries.later_decisions import (
    find_later_decision,
    list_later_results,
)
from trapline.wire.identifications import IdentificationKind


async def require_unchanged(
    scope: Scope,
    tx: Transaction,
    rows: Sequence[IdentificationRow],
    seen: datetime,
    independent: Collection[UUID],
) -> None:
    """Require that the caller knows what new identifications of locked images decide about.

    No other user decided about the images after they were read, except about those in
    `independent`, and the results of models that a confirmation confirms are still the same.

    Raises:
        Conflict: an image changed.
    """
    decided = [
        row
        for row in rows
        if row.kind != IdentificationKind.COMMENT and row.image_id not in independent
    ]
    image_id = await find_later_decision(scope, tx, decided, seen) if decided else None
    if image_id is not None:
        raise Conflict(
            f"Another user decided about image {image_id} after you read it. Nothing was stored. "
            "Read its identifications and boxes, then send the request without `seen` to add "
            "yours.",
            [("seen", f"another user decided about image {image_id} after this time")],
        )
    confirmed = {row.image_id for row in rows if row.kind == IdentificationKind.CONFIRM}
    if changed := await list_later_results(scope, tx, confirmed, seen):
        raise Conflict(
            f"The results of models for image {min(changed)} changed after you read it. Nothing "
            "was stored. Read its observations, then send the request with the time at which you "
            "read them as `seen`.",
            [("seen", f"the results of models for image {min(changed)} changed after this time")],
        )
