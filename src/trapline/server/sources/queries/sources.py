"""Tables and queries for pull sources, their runs and their files."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Select,
    UniqueConstraint,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.images.queries.locations import list_precisions
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Now, Row, Texts
from trapline.server.platform.errors import NotFound


class SourceRow(Row):
    """A pull source.

    `secrets` and `event_secrets` are encrypted, bound to this row, and never returned. File records
    from before `moved_at` belong to an earlier location. No run of a failing source is started
    automatically before `not_before`; users can still start one.
    """

    __tablename__ = "pull_sources"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        UniqueConstraint("project_id", "name"),
        ForeignKeyConstraint(
            ["project_id", "deployment_id"], ["deployments.project_id", "deployments.id"]
        ),
        CheckConstraint("\"order\" in ('oldest', 'newest')", name="order"),
        Index("ix_pull_sources_due", "next_run_at", postgresql_where="is_active"),
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    deployment_id: Mapped[UUID]
    name: Mapped[str]
    gateway: Mapped[str]
    base_url: Mapped[str]
    auth_type: Mapped[str] = mapped_column(default="none")
    auth_username: Mapped[str | None]
    secrets: Mapped[bytes | None] = mapped_column(LargeBinary)
    event_secrets: Mapped[bytes | None] = mapped_column(LargeBinary)
    has_password: Mapped[bool] = mapped_column(default=False)
    has_auth_header: Mapped[bool] = mapped_column(default=False)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    secret_options: Mapped[Texts] = mapped_column(default=list, server_default="{}")
    schedule: Mapped[str] = mapped_column(default="0 * * * *")
    max_files_per_run: Mapped[int] = mapped_column(default=10)
    order: Mapped[str] = mapped_column(default="oldest", server_default="oldest")
    include: Mapped[Texts] = mapped_column(default=list)
    exclude: Mapped[Texts] = mapped_column(default=list)
    rate_limit_per_s: Mapped[float | None]
    concurrency: Mapped[int] = mapped_column(default=4, server_default="4")
    min_age_s: Mapped[int] = mapped_column(default=0)
    filename_time_pattern: Mapped[str | None]
    timeouts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    is_active: Mapped[bool] = mapped_column(default=True)
    next_run_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    consecutive_failures: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    last_pull_timestamp: Mapped[datetime | None]
    last_pulled_filename: Mapped[str | None]
    moved_at: Mapped[datetime | None]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


class RunRow(Row):
    """A run of a pull source; a constraint allows one run at a time."""

    __tablename__ = "pull_runs"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "source_id"],
            ["pull_sources.project_id", "pull_sources.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("state in ('running', 'completed', 'failed', 'interrupted')", name="state"),
        Index(
            "uq_pull_runs_running", "source_id", unique=True, postgresql_where="state = 'running'"
        ),
        Index("ix_pull_runs_source_time", "source_id", "started_at"),
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    source_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(default="running")
    trigger: Mapped[str]
    max_files: Mapped[int | None]
    started_at: Mapped[Now]
    heartbeat_at: Mapped[Now]
    finished_at: Mapped[datetime | None]
    listed: Mapped[int] = mapped_column(default=0)
    new: Mapped[int] = mapped_column(default=0)
    imported: Mapped[int] = mapped_column(default=0)
    duplicate: Mapped[int] = mapped_column(default=0)
    skipped: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    left_out: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    unlisted_folders: Mapped[int] = mapped_column(default=0, server_default="0")
    remaining: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]


class PulledFileRow(Row):
    """A file of a pull source; `fingerprint` identifies the version that was listed last."""

    __tablename__ = "pulled_files"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "source_id"],
            ["pull_sources.project_id", "pull_sources.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(
            "state in ('seen', 'imported', 'duplicate', 'skipped', 'failed', 'quarantined')",
            name="state",
        ),
        CheckConstraint("kind in ('file', 'folder')", name="kind"),
        Index("ix_pulled_files_state", "source_id", "state", "path"),
        Index(
            "ix_pulled_files_fresh",
            "source_id",
            text("coalesce(modified_at, '-infinity'::timestamptz)"),
            "path",
            postgresql_where="state = 'seen' and kind = 'file' and next_attempt_at is null",
        ),
        Index(
            "ix_pulled_files_pushed",
            "source_id",
            "path",
            postgresql_where="pushed_at is not null and state in ('seen', 'failed')",
        ),
    )

    source_id: Mapped[UUID] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    kind: Mapped[str] = mapped_column(default="file", server_default="file")
    state: Mapped[str] = mapped_column(default="seen")
    size: Mapped[int | None]
    modified_at: Mapped[datetime | None]
    etag: Mapped[str | None]
    fingerprint: Mapped[str] = mapped_column(default="")
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]
    error: Mapped[str | None]
    image_id: Mapped[UUID | None]
    pushed_at: Mapped[datetime | None]
    first_seen_at: Mapped[Now]
    updated_at: Mapped[Now]


async def get_source_row(
    scope: Scope, tx: Transaction, source_id: UUID, *, lock: bool = False
) -> SourceRow:
    """Get a pull source that the caller may access; raises NotFound or Forbidden.

    Its name, folders and files can name the place, so it does not exist for callers from whom the
    location of its deployment is withheld.
    """
    row = await tx.session.get(
        SourceRow, source_id, with_for_update={"key_share": True} if lock else None
    )
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    scope.check(row.project_id)
    if await list_precisions(scope, tx, [row.project_id], [row.deployment_id]):
        raise NotFound
    return row


async def is_active(scope: Scope, tx: Transaction, source_id: UUID) -> bool:
    """Return whether a source exists and is not paused."""
    row = await (
        await tx.execute("select is_active from pull_sources where id = %s", (source_id,))
    ).fetchone()
    return row is not None and bool(row[0])


def select_sources(
    scope: Scope, project_id: int | None, withheld: Collection[UUID]
) -> Select[SourceRow]:
    """Select the pull sources visible to the caller, of one project or of all.

    Those of `withheld` deployments are left out.
    """
    statement = select(SourceRow)
    if withheld:
        statement = statement.where(SourceRow.deployment_id.not_in(withheld))
    if project_id is not None:
        scope.check(project_id)
        return statement.where(SourceRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(SourceRow.project_id.in_(ids))


def is_due() -> ColumnElement[bool]:
    """Return the condition for sources that are due."""
    return SourceRow.is_active & (SourceRow.next_run_at <= func.now())


async def claim_due_sources(scope: Scope, tx: Transaction, limit: int) -> list[SourceRow]:
    """Lock due sources for this transaction; other schedulers skip locked sources."""
    statement = (
        select(SourceRow)
        .where(is_due())
        .order_by(SourceRow.next_run_at)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    return list((await tx.session.scalars(statement)).all())


async def count_states(
    scope: Scope, tx: Transaction, source_ids: list[UUID]
) -> dict[UUID, dict[str, int]]:
    """Count the files of each of these sources by state."""
    statement = (
        select(PulledFileRow.source_id, PulledFileRow.state, func.count())
        .where(PulledFileRow.source_id.in_(source_ids))
        .group_by(PulledFileRow.source_id, PulledFileRow.state)
    )
    counts: dict[UUID, dict[str, int]] = {source_id: {} for source_id in source_ids}
    for source_id, state, count in (await tx.session.execute(statement)).all():
        counts[source_id][state] = count
    return counts


async def list_last_runs(
    scope: Scope, tx: Transaction, source_ids: list[UUID]
) -> dict[UUID, RunRow]:
    """Return the newest run of each of these sources by source ID."""
    statement = (
        select(RunRow)
        .where(RunRow.source_id.in_(source_ids))
        .ext(distinct_on(RunRow.source_id))
        .order_by(RunRow.source_id, RunRow.started_at.desc(), RunRow.id.desc())
    )
    return {run.source_id: run for run in (await tx.session.scalars(statement)).all()}
