"""Pull sources, their runs, and the ledger of their files."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.db.row import Key, Now, Row, Texts


class SourceRow(Row):
    """A pull source. `secrets` is encrypted and bound to this row; it never leaves the server."""

    __tablename__ = "pull_sources"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        UniqueConstraint("project_id", "name"),
        ForeignKeyConstraint(["project_id", "deployment_id"], ["deployments.project_id", "deployments.id"]),
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
    has_password: Mapped[bool] = mapped_column(default=False)
    has_auth_header: Mapped[bool] = mapped_column(default=False)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    schedule: Mapped[str] = mapped_column(default="0 * * * *")
    max_files_per_run: Mapped[int] = mapped_column(default=10)
    include: Mapped[Texts] = mapped_column(default=list)
    exclude: Mapped[Texts] = mapped_column(default=list)
    rate_limit_per_s: Mapped[float | None]
    min_age_s: Mapped[int] = mapped_column(default=0)
    filename_time_pattern: Mapped[str | None]
    timeouts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    is_active: Mapped[bool] = mapped_column(default=True)
    next_run_at: Mapped[datetime | None]
    consecutive_failures: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    last_pull_timestamp: Mapped[datetime | None]
    last_pulled_filename: Mapped[str | None]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


class RunRow(Row):
    """One poll of a pull source; at most one runs at a time, by constraint."""

    __tablename__ = "pull_runs"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "source_id"], ["pull_sources.project_id", "pull_sources.id"], ondelete="CASCADE"
        ),
        CheckConstraint("state in ('running', 'completed', 'failed', 'interrupted')", name="state"),
        Index("uq_pull_runs_running", "source_id", unique=True, postgresql_where="state = 'running'"),
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
    remaining: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]


class PulledFileRow(Row):
    """One file of a pull source: what was last seen of it (`fingerprint`: all that the listing said), and what became of it."""

    __tablename__ = "pulled_files"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "source_id"], ["pull_sources.project_id", "pull_sources.id"], ondelete="CASCADE"
        ),
        CheckConstraint("state in ('seen', 'imported', 'duplicate', 'skipped', 'failed', 'quarantined')", name="state"),
        Index("ix_pulled_files_state", "source_id", "state", "path"),
    )

    source_id: Mapped[UUID] = mapped_column(primary_key=True)
    path: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int]
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
    first_seen_at: Mapped[Now]
    updated_at: Mapped[Now]
