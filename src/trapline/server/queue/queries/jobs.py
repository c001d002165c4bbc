"""Jobs, and their state transitions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Select,
    Text,
    UniqueConstraint,
    Uuid,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import filter_by
from trapline.server.platform.db.row import Now, Number, Row
from trapline.server.platform.errors import NotFound
from trapline.server.queue.queries.job_counters import TASKS
from trapline.server.queue.rules.list_filters import JobFilter


class JobRow(Row):
    """One run of a pipeline over a selection of images.

    `open`, `completed` and `failed` count its analyses, and are updated in the same transactions.
    `nothing_found` counts completed analyses without findings, `discarded` results that arrived
    after the end of the job.

    New images of the project are added to its automatic job (`standing` is true). `expanded_to` is
    the last image of the selection that was queued; `expected` is the estimated number of images. A
    job that is to be started later is `not_started` and `paused`. `edited_at` is when a user last
    changed its name or priority.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        ForeignKeyConstraint(
            ["project_id", "pipeline_id"], ["pipelines.project_id", "pipelines.id"]
        ),
        CheckConstraint(
            "status in ('queued', 'processing', 'completed', 'failed', 'canceled')", name="status"
        ),
        CheckConstraint("open >= 0 and completed >= 0 and failed >= 0", name="counters"),
        Index("ix_jobs_project_time", "project_id", "id"),
        Index("ix_jobs_live", "id", postgresql_where="status in ('queued', 'processing')"),
        Index(
            "uq_jobs_standing", "project_id", "pipeline_id",
            unique=True, postgresql_where="standing and status in ('queued', 'processing')",
        ),
    )  # fmt: skip

    id: Mapped[Number]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    pipeline_id: Mapped[int]
    name: Mapped[str]
    pipeline_slug: Mapped[str]
    pipeline_version: Mapped[int]
    status: Mapped[str] = mapped_column(default="queued")
    priority: Mapped[int] = mapped_column(default=1)
    standing: Mapped[bool] = mapped_column(default=False)
    paused: Mapped[bool] = mapped_column(default=False)
    not_started: Mapped[bool] = mapped_column(default=False, server_default="false")
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    selection: Mapped[dict[str, Any]] = mapped_column(default=dict)
    requested_by: Mapped[str | None]
    preset: Mapped[str | None]
    content_preview: Mapped[str | None]
    told: Mapped[dict[str, Any]] = mapped_column(
        "metadata", default=dict, server_default=text("'{}'::jsonb")
    )
    fetching: Mapped[bool] = mapped_column(default=False, server_default="false")
    expanded: Mapped[bool] = mapped_column(default=False)
    expanded_to: Mapped[str | None]
    expected: Mapped[int | None]
    open: Mapped[int] = mapped_column(default=0)
    completed: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    nothing_found: Mapped[int] = mapped_column(default=0, server_default="0")
    discarded: Mapped[int] = mapped_column(default=0)
    last_move: Mapped[int] = mapped_column(default=0)
    last_leased_at: Mapped[datetime | None]
    created_at: Mapped[Now]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    updated_at: Mapped[Now]
    edited_at: Mapped[Now]


class JobImagesRow(Row):
    """The sorted image IDs of a job, in a separate table because they are many and rarely read."""

    __tablename__ = "job_images"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "job_id"], ["jobs.project_id", "jobs.id"], ondelete="CASCADE"
        ),
    )

    job_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    project_id: Mapped[int]
    image_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))


class AllowedMoveRow(Row):
    """The allowed state transitions of jobs, as in rules/; the database accepts no others."""

    __tablename__ = "allowed_moves"

    from_state: Mapped[str] = mapped_column(Text, primary_key=True)
    to_state: Mapped[str] = mapped_column(Text, primary_key=True)


class JobMoveRow(Row):
    """A state transition of a job, numbered within the job; the first is from `new`."""

    __tablename__ = "job_moves"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "job_id"], ["jobs.project_id", "jobs.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["from_state", "to_state"], ["allowed_moves.from_state", "allowed_moves.to_state"]
        ),
    )

    job_id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    from_state: Mapped[str]
    to_state: Mapped[str]
    at: Mapped[Now]
    actor: Mapped[str]
    reason: Mapped[str | None]
    worker_id: Mapped[UUID | None]


async def get_job_row(scope: Scope, tx: Transaction, job_id: int) -> JobRow:
    """Get a job.

    Raises:
        NotFound: the caller does not see it.
        Forbidden: the caller may not use it.
    """
    row = await tx.session.get(JobRow, job_id, populate_existing=True)
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    scope.check(row.project_id)
    return row


def select_jobs(scope: Scope, project_id: int | None, wanted: JobFilter) -> Select[JobRow]:
    """Select the visible jobs of one project, or of all."""
    pairs = (
        (JobRow.status, wanted.status),
        (JobRow.name, wanted.name),
        (JobRow.preset, wanted.preset),
    )
    statement = filter_by(select(JobRow), pairs)
    if wanted.slugs is not None:
        statement = statement.where(JobRow.pipeline_slug.in_(wanted.slugs))
    if wanted.created_after is not None:
        statement = statement.where(JobRow.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        statement = statement.where(JobRow.created_at < wanted.created_before)
    if project_id is not None:
        scope.check(project_id)
        return statement.where(JobRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(JobRow.project_id.in_(ids))


async def lock_job_row(scope: Scope, tx: Transaction, job_id: int) -> JobRow:
    """Get a job and lock its row.

    Raises:
        NotFound: the caller does not see it.
        Forbidden: the caller may not use it.
    """
    await get_job_row(scope, tx, job_id)
    return await tx.session.get_one(
        JobRow, job_id, populate_existing=True, with_for_update={"key_share": True}
    )


async def start_job(scope: Scope, tx: Transaction, job_id: int) -> bool:
    """Start a job that was created to be started later; return False if it is final."""
    tx.announce(TASKS, job_id)
    statement = (
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.status.in_(("queued", "processing")))
        .values(
            paused=JobRow.paused & ~JobRow.not_started,
            not_started=False,
            updated_at=text("clock_timestamp()"),
        )
        .returning(JobRow.id)
    )
    return (await tx.session.execute(statement)).scalar_one_or_none() is not None


async def set_paused(scope: Scope, tx: Transaction, job_id: int, *, paused: bool) -> bool:
    """Pause or resume the leasing of a job's tasks; return False if the job is final.

    A job that was not started stays so when it is paused, and is started when it is resumed.
    """
    tx.announce(TASKS, job_id)
    statement = (
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.status.in_(("queued", "processing")))
        .values(
            paused=paused,
            not_started=JobRow.not_started if paused else False,
            updated_at=text("clock_timestamp()"),
        )
        .returning(JobRow.id)
    )
    return (await tx.session.execute(statement)).scalar_one_or_none() is not None


async def list_hint_subjects(
    scope: Scope, tx: Transaction, job_ids: list[int]
) -> dict[int, tuple[int, str]]:
    """List the project and the pipeline slug of these jobs."""
    cursor = await tx.execute(
        "select id, project_id, pipeline_slug from jobs where id = any(%s)", (job_ids,)
    )
    return {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}


async def list_transition_rows(scope: Scope, tx: Transaction, job_id: int) -> list[JobMoveRow]:
    """List the transitions of a job, oldest first."""
    statement = select(JobMoveRow).where(JobMoveRow.job_id == job_id).order_by(JobMoveRow.number)
    return list((await tx.session.scalars(statement)).all())
