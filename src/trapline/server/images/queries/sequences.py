"""Sequences: images of a deployment that are closer in time than the gap of the project."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Select, select
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from trapline.server.images.queries.sequence_regrouping import LockedDeployment, regroup_marked
from trapline.server.images.rules.sequences import SequenceSpan, merge_sequences, split_sequences
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Row
from trapline.server.platform.errors import NotFound

DISSOLVED = 5000
"""Maximum number of images that leave a sequence in one transaction."""


class SequenceRow(Row):
    """A sequence, from its first image to its last.

    A database trigger sets `recheck` when images leave it, because it may have to be split.
    `dissolve` means that all of its images must be grouped again. A `manual` one has images that a
    person put into it by a split or a merge.
    """

    __tablename__ = "sequences"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "deployment_id"],
            ["deployments.project_id", "deployments.id"],
            ondelete="CASCADE",
        ),
        Index("ix_sequences_project_time", "project_id", "started_at", "id"),
        Index("ix_sequences_deployment_time", "deployment_id", "started_at", "ended_at"),
        Index("ix_sequences_unsettled", "id", postgresql_where="recheck or dissolve"),
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    deployment_id: Mapped[UUID]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    images: Mapped[int]
    recheck: Mapped[bool] = mapped_column(default=False, server_default="false")
    dissolve: Mapped[bool] = mapped_column(default=False, server_default="false")
    manual: Mapped[bool] = mapped_column(default=False, server_default="false")


async def get_sequence_row(scope: Scope, tx: Transaction, sequence_id: UUID) -> SequenceRow:
    """Get a sequence that the scope permits. Raises NotFound, Forbidden."""
    row = await tx.session.get(SequenceRow, sequence_id)
    if row is None or row.dissolve or not scope.sees(row.project_id):
        raise NotFound
    scope.check(row.project_id)
    return row


def select_sequences(scope: Scope, project_id: int | None) -> Select[SequenceRow]:
    """Select the sequences that the caller sees, of one project or of all."""
    statement = select(SequenceRow).where(~SequenceRow.dissolve)
    if project_id is not None:
        scope.check(project_id)
        return statement.where(SequenceRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(SequenceRow.project_id.in_(ids))


async def reset_sequences(scope: Scope, tx: Transaction, project_id: int) -> None:
    """Mark all sequences of a project to be dissolved and grouped again."""
    scope.check(project_id)
    await tx.execute(
        "update sequences set dissolve = true where project_id = %s and not dissolve", (project_id,)
    )


async def reset_changed_sequences(
    scope: Scope, tx: Transaction, project_id: int, changed: frozenset[str]
) -> None:
    """Group the images of a project into new sequences if its time gap has changed."""
    if "sequence_gap_s" in changed:
        await reset_sequences(scope, tx, project_id)


async def list_stale_sequences(
    scope: Scope, tx: Transaction, limit: int
) -> list[tuple[UUID, bool]]:
    """List sequences to check again; return the ID of each and whether to dissolve it."""
    cursor = await tx.execute(
        "select id, dissolve from sequences where recheck or dissolve order by id limit %s",
        (limit,),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def list_ungrouped(scope: Scope, tx: Transaction, limit: int) -> list[UUID]:
    """List deployments that have images in no sequence."""
    # The recursion goes from one deployment to the next in the index and skips their images.
    cursor = await tx.execute(
        """
        with recursive found as (
            (select deployment_id from images where sequence_id is null and deleted_at is null
                order by deployment_id limit 1)
            union all
            select (
                select i.deployment_id from images i where i.sequence_id is null
                    and i.deleted_at is null
                  and i.deployment_id > found.deployment_id order by i.deployment_id limit 1
            ) from found where found.deployment_id is not null
        )
        select deployment_id from found where deployment_id is not null limit %s
        """,
        (limit,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def group_batch(scope: Scope, tx: Transaction, deployment_id: UUID, limit: int) -> int:
    """Group images of a deployment that are in no sequence, by time; return their number.

    The deployment is locked, and skipped if another transaction groups its images. New images join
    the sequences that they are close to, and can merge two of them, but none that people split.
    """
    cursor = await tx.execute(
        """
        select d.project_id, p.sequence_gap_s from deployments d join projects p
            on p.id = d.project_id
        where d.id = %s for no key update of d skip locked
        """,
        (deployment_id,),
    )
    found = await cursor.fetchone()
    if found is None:
        return 0
    project_id, gap_s = found
    cursor = await tx.execute(
        """
        select i.id, i.captured_at, exists(
            select from sequence_marks m where m.image_id = i.id
        ) from images i where i.deployment_id = %s and i.sequence_id is null
            and i.deleted_at is null
        order by i.captured_at, i.id limit %s
        """,
        (deployment_id, limit),
    )
    rows = await cursor.fetchall()
    images = [(row[0], row[1]) for row in rows]
    if not images:
        return 0
    new: list[SequenceSpan[UUID]] = split_sequences(images, gap_s)
    gap = timedelta(seconds=gap_s)
    cursor = await tx.execute(
        """
        select distinct s.id, s.started_at, s.ended_at, s.images, s.manual
        from unnest(%s::timestamptz[], %s::timestamptz[]) as n(began, over)
        join sequences s on s.deployment_id = %s and s.started_at < n.over and s.ended_at > n.began
            and not s.dissolve
        """,
        ([one.start - gap for one in new], [one.end + gap for one in new], deployment_id),
    )
    known = await cursor.fetchall()
    if any(is_marked for _, _, is_marked in rows) or any(row[4] for row in known):
        deployment = LockedDeployment(deployment_id, project_id, gap_s)
        near = {row[0] for row in known}
        await regroup_marked(
            scope, tx, deployment, sequences=near, images={image for image, _ in images}
        )
        return len(images)
    sizes = {row[0]: row[3] for row in known}
    old: list[SequenceSpan[UUID]] = [SequenceSpan(row[1], row[2], [], [row[0]]) for row in known]
    made, grown = [], []
    for one in merge_sequences(new, old, gap_s):
        if not one.known:
            made.append((uuid7(), one))
            continue
        keep = max(one.known, key=lambda key: (sizes[key], key))
        others = [key for key in one.known if key != keep]
        if others:
            await tx.execute(
                "update images set sequence_id = %s where sequence_id = any(%b)", (keep, others)
            )
            await tx.execute("delete from sequences where id = any(%b)", (others,))
        grown.append((keep, one, sum(sizes[key] for key in others)))
    await tx.execute(
        """
        insert into sequences (id, project_id, deployment_id, started_at, ended_at, images)
        select n.id, %s, %s, n.began, n.over, n.images
        from unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::bigint[])
            as n(id, began, over, images)
        """,
        (
            project_id,
            deployment_id,
            [key for key, _ in made],
            [one.start for _, one in made],
            [one.end for _, one in made],
            [len(one.images) for _, one in made],
        ),
    )
    belongs = [(image, key) for key, one in made for image in one.images]
    belongs += [(image, key) for key, one, _ in grown for image in one.images]
    await _settle(
        tx,
        sorted(belongs),
        [(key, one.start, one.end, len(one.images) + more) for key, one, more in grown],
    )
    return len(images)


async def _settle(
    tx: Transaction,
    belongs: Sequence[tuple[UUID, UUID]],
    grown: Sequence[tuple[UUID, datetime, datetime, int]],
) -> None:
    await tx.execute(
        """
        update images i set sequence_id = n.sequence
            from unnest(%b::uuid[], %b::uuid[]) as n(id, sequence)
        where i.id = n.id
        """,
        ([image for image, _ in belongs], [key for _, key in belongs]),
    )
    await tx.execute(
        """
        update sequences s set started_at = n.began, ended_at = n.over, images = s.images + n.more
        from unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::bigint[])
            as n(id, began, over, more)
        where s.id = n.id
        """,
        tuple([list(column) for column in zip(*grown, strict=True)] or [[], [], [], []]),
    )


async def split_sequence(scope: Scope, tx: Transaction, sequence_id: UUID) -> None:
    """Split a sequence that images left; the first part keeps its ID, an empty one is deleted."""
    cursor = await tx.execute(
        """
        select s.project_id, s.deployment_id, p.sequence_gap_s, s.manual from sequences s
        join deployments d on d.id = s.deployment_id join projects p on p.id = s.project_id
        where s.id = %s and s.recheck for no key update of d
        """,
        (sequence_id,),
    )
    found = await cursor.fetchone()
    if found is None:
        return
    project_id, deployment_id, gap_s, is_manual = found
    if is_manual:
        deployment = LockedDeployment(deployment_id, project_id, gap_s)
        await regroup_marked(scope, tx, deployment, sequences={sequence_id})
        return
    cursor = await tx.execute(
        """
        with apart as (
            select captured_at, captured_at - lag(captured_at) over times >=
                make_interval(secs => %s) as begins
            from images where sequence_id = %s window times as (order by captured_at, id)
        ), parts as (
            select captured_at, count(*) filter (where begins) over
                (order by captured_at range unbounded preceding)
                as part from apart
        )
        select min(captured_at), max(captured_at), count(*) from parts group by part order by 1
        """,
        (gap_s, sequence_id),
    )
    parts = await cursor.fetchall()
    if not parts:
        await tx.execute("delete from sequences where id = %s", (sequence_id,))
        return
    for began, over, count in parts[1:]:
        key = uuid7()
        await tx.execute(
            """
            insert into sequences (id, project_id, deployment_id, started_at, ended_at, images)
            values (%s, %s, %s, %s, %s, %s)
            """,
            (key, project_id, deployment_id, began, over, count),
        )
        await tx.execute(
            "update images set sequence_id = %s where sequence_id = %s"
            " and captured_at between %s and %s",
            (key, sequence_id, began, over),
        )
    await tx.execute(
        "update sequences set started_at = %s, ended_at = %s, images = %s, recheck = false"
        " where id = %s",
        (*parts[0], sequence_id),
    )


async def empty_sequence(scope: Scope, tx: Transaction, sequence_id: UUID) -> None:
    """Remove images from a sequence to dissolve; delete it when it is empty."""
    # A change by a person may have used the sequence meanwhile: it is not dissolved any more.
    cursor = await tx.execute(
        "select from sequences s join deployments d on d.id = s.deployment_id"
        " where s.id = %s and s.dissolve for no key update of d",
        (sequence_id,),
    )
    if await cursor.fetchone() is None:
        return
    cursor = await tx.execute(
        """
        update images i set sequence_id = null from (
            select id from images where sequence_id = %s order by id limit %s for no key update
        ) l where i.id = l.id
        """,
        (sequence_id, DISSOLVED),
    )
    if cursor.rowcount < DISSOLVED:
        await tx.execute("delete from sequences where id = %s", (sequence_id,))
