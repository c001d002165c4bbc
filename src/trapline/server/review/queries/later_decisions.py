"""Decisions of other users, and results of models, since the caller read images."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.review.queries.bulk_identifications import BulkIdentificationRow
from trapline.server.review.queries.identifications import IdentificationRow

_CHANGED_BOXES = """
    select b.image_id, b.id, b.supersedes, b.updated_at as at from human_boxes b
    where b.image_id = any(%(images)s::uuid[]) and b.withdrawn_at is null
        and b.updated_at > %(seen)s and b.updated_by <> %(own)s
    union all
    select b.image_id, b.id, b.supersedes, b.updated_at from human_boxes b
    where b.project_id = any(%(projects)s) and b.image_id = any(%(images)s::uuid[])
        and b.withdrawn_at is not null and b.updated_at > %(seen)s and b.updated_by <> %(own)s
"""
"""Boxes that other users drew, changed or withdrew."""
_CHANGED_RESULTS = """
    select i.id as image_id from images i
    where i.id = any(%(images)b) and (
        exists (
            select from analyses a where a.image_id = i.id and a.state = 'completed'
                and not a.simulated and coalesce(a.completed_at, a.created_at) > %(seen)s
        ) or exists (
            select from projects p join observation_sets s on s.id = p.observation_set_id
            where p.id = i.project_id and s.finished_at > %(seen)s and s.derived > 0
        )
    )
"""
"""Images whose observations come from later results of models or from later settings.

The first set of a project has no settings before it: nothing was derived for it.
"""


async def find_later_decision(
    scope: Scope, tx: Transaction, rows: Sequence[IdentificationRow], seen: datetime
) -> UUID | None:
    """Return an image about which another user decided after a time, or None.

    A decision about a box does not concern those about other boxes.
    """
    cursor = await tx.execute(
        f"""
        with own as materialized (
            select * from unnest(%(images)s::uuid[], %(boxes)s::uuid[]) as n (image_id, box_id)
        )
        select image_id from (
            select d.image_id, d.created_at as at from identifications d
            join own n on n.image_id = d.image_id and (n.box_id is null
                or d.annotation_id is null or n.box_id = d.annotation_id)
            where d.created_at > %(seen)s and d.withdrawn_at is null and d.kind <> 'comment'
                and d.made_by <> %(own)s
            union all
            select b.image_id, b.at from ({_CHANGED_BOXES}) b
            join own n on n.image_id = b.image_id
                and (n.box_id is null or n.box_id in (b.id, b.supersedes))
        ) later order by at desc limit 1
        """,  # noqa: S608 - made of constants
        {
            "images": [row.image_id for row in rows],
            "boxes": [row.annotation_id for row in rows],
            "projects": sorted({row.project_id for row in rows}),
            "seen": seen,
            "own": scope.person,
        },
    )
    found = await cursor.fetchone()
    return found[0] if found else None


async def list_decided_meanwhile(
    scope: Scope, tx: Transaction, row: BulkIdentificationRow, images: Collection[UUID]
) -> set[UUID]:
    """List the images that other users identified after the selection was shown."""
    cursor = await tx.execute(
        f"""
        select image_id from identifications where image_id = any(%(images)s::uuid[])
            and created_at > %(seen)s and made_by <> %(own)s and withdrawn_at is null
            and kind <> 'comment'
        union select image_id from ({_CHANGED_BOXES}) b
        """,  # noqa: S608 - made of constants
        {
            "images": list(images),
            "projects": [row.project_id],
            "seen": row.created_at,
            "own": row.made_by,
        },
    )
    return {key for (key,) in await cursor.fetchall()}


async def list_later_results(
    scope: Scope, tx: Transaction, images: Collection[UUID], seen: datetime
) -> set[UUID]:
    """List the images whose results of models changed after a time.

    A result changes when an analysis is completed, and when other settings take effect.
    """
    if not images:
        return set()
    cursor = await tx.execute(_CHANGED_RESULTS, {"images": sorted(images), "seen": seen})
    return {key for (key,) in await cursor.fetchall()}
