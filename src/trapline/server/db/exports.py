"""Exports: what was asked for, how far it is, and which images each holds."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.db.row import Key, Row

LIVE = "state in ('queued', 'gathering', 'writing')"
_NONE = text("'[]'::jsonb")


class ExportRow(Row):
    """An export. `attempt` counts who took it up: only the last one moves it.

    It is gathered up to `gathered_to`, which fills the first `spooled_bytes` of its spool. `forgotten_images` are those
    of it that are gone for good; those that are only marked are counted when somebody asks.
    """

    __tablename__ = "exports"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        CheckConstraint(
            "state in ('queued', 'gathering', 'writing', 'ready', 'invalid', 'failed', 'canceled', 'expired')",
            name="state",
        ),
        CheckConstraint("(state = 'ready') <= (storage_key is not null)", name="file"),
        Index("ix_exports_project_time", "project_id", "created_at", "id"),
        Index("ix_exports_live", "updated_at", postgresql_where=LIVE),
        Index("ix_exports_expiry", "expires_at", postgresql_where="storage_key is not null"),
    )

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    format: Mapped[str]
    selection: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default="queued")
    requested_by: Mapped[str]
    attempt: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    gathered_to: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    spooled_bytes: Mapped[int] = mapped_column(default=0, server_default="0")
    expected: Mapped[int | None]
    images: Mapped[int] = mapped_column(default=0, server_default="0")
    annotations: Mapped[int] = mapped_column(default=0, server_default="0")
    written: Mapped[int | None]
    fixed: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=_NONE)
    left_out: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=_NONE)
    problems: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=_NONE)
    error: Mapped[str | None]
    storage_key: Mapped[str | None]
    size_bytes: Mapped[int | None]
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    forgotten_images: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())


class ExportImageRow(Row):
    """An image that an export holds; it stays when the image is gone, so that this can be told."""

    __tablename__ = "export_images"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "export_id"], ["exports.project_id", "exports.id"], ondelete="CASCADE"),
    )

    export_id: Mapped[UUID] = mapped_column(primary_key=True)
    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[int]
