"""Decisions of other users since the caller read images."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.identifications import IdentificationRow


async def find_later_decision(
    scope: Scope, tx: Transaction, rows: Sequence[IdentificationRow], seen: datetime
) -> UUID | None:
    """Return an image about which another user decided after a time, or None.

    A decision about a box does not concern those about other boxes.
    """
    cursor = await tx.execute(
        """
        select d.image_id from identifications d
        join unnest(%(images)s::uuid[], %(boxes)s::uuid[]) as n (image_id, annotation_id)
            on n.image_id = d.image_id and (n.annotation_id is null or d.annotation_id is null
                or n.annotation_id = d.annotation_id)
        where d.created_at > %(seen)s and d.withdrawn_at is null and d.kind <> 'comment'
            and d.made_by <> %(own)s
        order by d.created_at desc limit 1
        """,
        {
            "images": [row.image_id for row in rows],
            "boxes": [row.annotation_id for row in rows],
            "seen": seen,
            "own": scope.person,
        },
    )
    found = await cursor.fetchone()
    return found[0] if found else None
