"""Bulk identifications: the table, its selection of images, and its progress."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Select,
    Uuid,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, defer, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Row
from trapline.server.platform.errors import NotFound
from trapline.wire.bulk_identifications import MOST_SKIPPED_SHOWN, BulkState

UNFINISHED = "state in ('running', 'withdrawing')"
MOST_PREPARED = 5
"""Maximum number of prepared ones that a user has in a project; older ones are deleted."""
PREPARED_FOR_S = 3600.0
"""How long a prepared one can be started."""


class BulkIdentificationRow(Row):
    """A bulk identification. `image_ids` are its images, of which the first `done` are done.

    `made_by` is its author. `actor` is the user or token on whose request it is running or being
    withdrawn, and `acts_for` the person.
    """

    __tablename__ = "bulk_identifications"
    __table_args__ = (
        CheckConstraint(
            "state in ('prepared', 'running', 'completed', 'withdrawing', 'withdrawn', 'stopped')",
            name="state",
        ),
        CheckConstraint("unit in ('images', 'sequences')", name="unit"),
        Index("ix_bulk_identifications_project_time", "project_id", "created_at", "id"),
        Index("ix_bulk_identifications_unfinished", "id", postgresql_where=UNFINISHED),
        Index(
            "ix_bulk_identifications_prepared",
            "created_at",
            postgresql_where="state = 'prepared'",
        ),
    )

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(default="prepared", server_default="prepared")
    statement: Mapped[dict[str, Any]]
    unit: Mapped[str]
    image_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    images: Mapped[int]
    reviewed: Mapped[int]
    done: Mapped[int] = mapped_column(default=0, server_default="0")
    identified: Mapped[int] = mapped_column(default=0, server_default="0")
    skipped: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'"))
    skipped_images: Mapped[list[Any]] = mapped_column(
        JSONB, default=list, server_default=text("'[]'")
    )
    withdrawn: Mapped[int] = mapped_column(default=0, server_default="0")
    reason: Mapped[str | None]
    made_by: Mapped[str]
    actor: Mapped[str]
    acts_for: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    started_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


def select_bulk_identifications(
    scope: Scope, project_id: int | None, *, made_by: str | None = None
) -> Select[BulkIdentificationRow]:
    """Select the started ones that the caller sees, without their images."""
    statement = select(BulkIdentificationRow).options(
        defer(BulkIdentificationRow.image_ids, raiseload=True)
    )
    statement = statement.where(BulkIdentificationRow.started_at.is_not(None))
    if made_by is not None:
        statement = statement.where(BulkIdentificationRow.made_by == made_by)
    if project_id is not None:
        scope.check(project_id)
        return statement.where(BulkIdentificationRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(BulkIdentificationRow.project_id.in_(ids))


async def get_bulk_row(
    scope: Scope, tx: Transaction, bulk_id: UUID, *, locked: bool = False
) -> BulkIdentificationRow:
    """Get one without its images. Raises NotFound, Forbidden."""
    statement = (
        select(BulkIdentificationRow)
        .options(defer(BulkIdentificationRow.image_ids, raiseload=True))
        .where(BulkIdentificationRow.id == bulk_id)
    )
    if (ids := scope.project_ids()) is not None:
        statement = statement.where(BulkIdentificationRow.project_id.in_(ids))
    if locked:
        statement = statement.with_for_update(key_share=True)
    row = (await tx.session.scalars(statement)).one_or_none()
    if row is None:
        raise NotFound
    scope.check(row.project_id)
    return row


async def find_unfinished(
    scope: Scope, tx: Transaction, bulk_id: UUID | None
) -> tuple[UUID, str] | None:
    """Find an unfinished one, or this one if it is unfinished; return its ID and its actor.

    A random one that no other process works on, so that a long one does not delay the others.
    """
    cursor = await tx.execute(
        f"select id, actor from bulk_identifications where {UNFINISHED} "  # noqa: S608
        "and (%(id)s::uuid is null or id = %(id)s) order by random() limit 1 "
        "for no key update skip locked",
        {"id": bulk_id},
    )
    row = await cursor.fetchone()
    return None if row is None else (row[0], row[1])


async def lock_unfinished(
    scope: Scope, tx: Transaction, bulk_id: UUID, actor: str
) -> BulkIdentificationRow | None:
    """Lock one that is still unfinished; None if another process works on it, or its actor changed.

    The project is not checked.
    """
    statement = (
        select(BulkIdentificationRow)
        .options(defer(BulkIdentificationRow.image_ids, raiseload=True))
        .where(
            BulkIdentificationRow.id == bulk_id,
            BulkIdentificationRow.actor == actor,
            text(UNFINISHED),
        )
        .with_for_update(key_share=True, skip_locked=True)
    )
    return (await tx.session.scalars(statement)).one_or_none()


async def list_chunk(
    scope: Scope, tx: Transaction, row: BulkIdentificationRow, limit: int
) -> list[UUID]:
    """List the next images of one that is running."""
    cursor = await tx.execute(
        "select image_ids[%s:%s] from bulk_identifications where id = %s",
        (row.done + 1, row.done + limit, row.id),
    )
    [(images,)] = await cursor.fetchall()
    return list(images)


async def list_sequences_of(
    scope: Scope, tx: Transaction, images: Collection[UUID]
) -> dict[UUID, list[UUID]]:
    """List which of these images each sequence has, by capture time."""
    cursor = await tx.execute(
        "select sequence_id, id from images where id = any(%b) and sequence_id is not null "
        "order by captured_at, id",
        (list(images),),
    )
    found: dict[UUID, list[UUID]] = {}
    for sequence_id, image_id in await cursor.fetchall():
        found.setdefault(sequence_id, []).append(image_id)
    return found


async def list_bulk_members(
    scope: Scope, tx: Transaction, bulk_id: UUID, limit: int
) -> list[tuple[UUID, UUID]]:
    """List identifications of a bulk that are not withdrawn, each with its image."""
    cursor = await tx.execute(
        "select id, image_id from identifications where bulk_id = %s and withdrawn_at is null "
        "order by id limit %s",
        (bulk_id, limit),
    )
    return [(key, image) for key, image in await cursor.fetchall()]


async def record_chunk(
    scope: Scope,
    tx: Transaction,
    row: BulkIdentificationRow,
    *,
    done: int,
    identified: int,
    skipped: Mapping[UUID, str],
) -> None:
    """Record the progress of a locked one; delete its selection at the end."""
    counts = dict(row.skipped)
    for reason in skipped.values():
        counts[reason] = counts.get(reason, 0) + 1
    named = [{"image_id": str(key), "reason": reason} for key, reason in skipped.items()]
    await tx.execute(
        """
        update bulk_identifications set done = done + %(done)s,
            identified = identified + %(identified)s, skipped = %(skipped)s,
            skipped_images = %(named)s,
            state = case when done + %(done)s >= images then 'completed' else state end,
            finished_at = case when done + %(done)s >= images then clock_timestamp() end,
            image_ids = case when done + %(done)s >= images then '{}' else image_ids end
        where id = %(id)s
        """,
        {
            "id": row.id,
            "done": done,
            "identified": identified,
            "skipped": Jsonb(counts),
            "named": Jsonb([*row.skipped_images, *named][:MOST_SKIPPED_SHOWN]),
        },
    )


async def create_bulk_row(scope: Scope, tx: Transaction, row: BulkIdentificationRow) -> None:
    """Store a prepared one, and delete older ones that its author has not started."""
    scope.check(row.project_id)
    tx.session.add(row)
    await tx.session.flush()
    await tx.session.refresh(row, ["created_at"])
    await tx.execute(
        """
        delete from bulk_identifications where id in (
            select id from bulk_identifications
            where project_id = %s and made_by = %s and state = 'prepared'
            order by created_at desc, id desc offset %s
        ) and state = 'prepared'
        """,
        (row.project_id, row.made_by, MOST_PREPARED),
    )


async def purge_prepared(scope: Scope, tx: Transaction, limit: int) -> int:
    """Delete prepared ones that were not started in time; return their number."""
    cursor = await tx.execute(
        """
        delete from bulk_identifications where id in (
            select id from bulk_identifications where state = 'prepared'
                and created_at < clock_timestamp() - make_interval(secs => %s)
            limit %s for update skip locked
        )
        """,
        (PREPARED_FOR_S, limit),
    )
    return cursor.rowcount


def set_state(row: BulkIdentificationRow, state: BulkState) -> None:
    """Set the state of a locked one, and its end if it ends."""
    row.state = state.value
    is_over = state in (BulkState.COMPLETED, BulkState.WITHDRAWN, BulkState.STOPPED)
    row.finished_at = func.clock_timestamp() if is_over else None


async def count_selected(
    scope: Scope, tx: Transaction, images: Sequence[UUID]
) -> dict[UUID, tuple[int, bool]]:
    """Return the project of images, and whether they are reviewed; deleted ones included.

    Images that the caller does not see are left out.
    """
    cursor = await tx.execute(
        "select id, project_id, reviewed from images where id = any(%b)", (list(images),)
    )
    return {
        key: (project, reviewed)
        for key, project, reviewed in await cursor.fetchall()
        if scope.sees(project)
    }
