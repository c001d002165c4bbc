"""Group the images near marked ones again, by marks and time, in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from trapline.server.images.rules.marked_sequences import (
    MarkedGroup,
    MarkedImage,
    assign_sequence_ids,
    group_marked_images,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

LEAST_GAP = timedelta(microseconds=1)


class LockedDeployment(NamedTuple):
    """A deployment that this transaction has locked, and the time gap of its project."""

    id: UUID
    project_id: int
    gap_s: int


async def lock_for_grouping(
    scope: Scope, tx: Transaction, deployment_id: UUID
) -> LockedDeployment | None:
    """Lock a deployment, so that no other transaction groups its images."""
    cursor = await tx.execute(
        """
        select d.id, d.project_id, p.sequence_gap_s from deployments d
        join projects p on p.id = d.project_id where d.id = %s for no key update of d
        """,
        (deployment_id,),
    )
    row = await cursor.fetchone()
    return None if row is None else LockedDeployment(*row)


async def regroup_marked(
    scope: Scope,
    tx: Transaction,
    deployment: LockedDeployment,
    *,
    sequences: Collection[UUID] = (),
    images: Collection[UUID] = (),
    earlier: Mapping[UUID, UUID] | None = None,
) -> None:
    """Group sequences and images again, with all sequences that this concerns.

    These are the sequences closer than the gap, and those of images with the same marks. `earlier`
    are the sequences of images before a change that is undone.
    """
    loaded: dict[UUID, MarkedImage] = {}
    seen: set[UUID] = set()
    marks: set[UUID] = set()
    groups: list[MarkedGroup] = []
    wanted, single = set(sequences), set(images)
    while wanted or single:
        seen |= wanted
        found = await _load(tx, deployment.id, wanted, single)
        loaded |= {one.id: one for one in found}
        groups = group_marked_images(
            sorted(loaded.values(), key=lambda one: (one.at, one.id)), deployment.gap_s
        )
        new = {one.mark for one in found if one.mark is not None} - marks
        marks |= new
        near = await _list_near(tx, deployment, groups, seen)
        of_marks, single = await _list_of_marks(tx, new, loaded)
        # A marked sequence may also have images without the mark, or be about to be dissolved.
        wanted = (near | of_marks | new) - seen
    await _save(tx, deployment, assign_sequence_ids(groups, earlier or {}), seen)


async def _load(
    tx: Transaction, deployment_id: UUID, sequences: Iterable[UUID], images: Iterable[UUID]
) -> list[MarkedImage]:
    """Lock and load images; those that were deleted meanwhile are left out."""
    cursor = await tx.execute(
        """
        select i.id, i.captured_at, i.sequence_id, m.sequence_id, m.span from images i
        left join lateral (
            select sequence_id, span from sequence_marks where image_id = i.id
            order by change_id desc limit 1
        ) m on true
        where i.deployment_id = %s and i.deleted_at is null
            and (i.sequence_id = any(%b::uuid[]) or i.id = any(%b::uuid[]))
        order by i.id for no key update of i
        """,
        (deployment_id, sorted(sequences), sorted(images)),
    )
    return [
        MarkedImage(key, at, sequence, mark, span or timedelta(0))
        for key, at, sequence, mark, span in await cursor.fetchall()
    ]


async def _list_near(
    tx: Transaction,
    deployment: LockedDeployment,
    groups: Sequence[MarkedGroup],
    seen: Collection[UUID],
) -> set[UUID]:
    gap = max(timedelta(seconds=deployment.gap_s), LEAST_GAP)
    cursor = await tx.execute(
        """
        select distinct s.id from unnest(%s::timestamptz[], %s::timestamptz[]) as n(began, over)
        join sequences s on s.deployment_id = %s and s.started_at < n.over and s.ended_at > n.began
        where not s.dissolve and s.id <> all(%s::uuid[])
        """,
        (
            [one.images[0].at - gap for one in groups],
            [one.images[-1].at + gap for one in groups],
            deployment.id,
            list(seen),
        ),
    )
    return {key for (key,) in await cursor.fetchall()}


async def _list_of_marks(
    tx: Transaction, marks: Collection[UUID], loaded: Collection[UUID]
) -> tuple[set[UUID], set[UUID]]:
    """List the sequences of images with these marks, and such images without a sequence."""
    if not marks:
        return set(), set()
    cursor = await tx.execute(
        """
        select i.sequence_id, i.id from sequence_marks m join images i on i.id = m.image_id
        where m.sequence_id = any(%b::uuid[]) and i.deleted_at is null and not exists (
            select from sequence_marks later where later.image_id = m.image_id
                and later.change_id > m.change_id
        )
        """,
        (sorted(marks),),
    )
    rows = await cursor.fetchall()
    return (
        {sequence for sequence, _ in rows if sequence is not None},
        {image for sequence, image in rows if sequence is None and image not in loaded},
    )


async def _save(
    tx: Transaction,
    deployment: LockedDeployment,
    groups: Sequence[tuple[UUID, MarkedGroup]],
    seen: Collection[UUID],
) -> None:
    moved = sorted(
        (one.id, key) for key, group in groups for one in group.images if one.sequence_id != key
    )
    await tx.execute(
        """
        update images i set sequence_id = n.sequence
            from unnest(%b::uuid[], %b::uuid[]) as n(id, sequence)
        where i.id = n.id
        """,
        ([image for image, _ in moved], [key for _, key in moved]),
    )
    kept = [key for key, _ in groups]
    await tx.execute(
        "delete from sequences where id = any(%b::uuid[]) and id <> all(%b::uuid[])",
        (sorted(seen), kept),
    )
    await tx.execute(
        """
        insert into sequences (id, project_id, deployment_id, started_at, ended_at, images, manual)
        select n.id, %s, %s, n.began, n.over, n.images, n.manual
        from unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::boolean[])
            as n(id, began, over, images, manual)
        on conflict (id) do update set started_at = excluded.started_at,
            ended_at = excluded.ended_at, images = excluded.images, manual = excluded.manual,
            recheck = false, dissolve = false
        """,
        (
            deployment.project_id,
            deployment.id,
            kept,
            [group.images[0].at for _, group in groups],
            [group.images[-1].at for _, group in groups],
            [len(group.images) for _, group in groups],
            [group.mark is not None for _, group in groups],
        ),
    )
