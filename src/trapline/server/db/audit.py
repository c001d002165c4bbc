"""The audit: who did what, when, from where."""

from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.db.row import Key, Now, Row


class AuditRow(Row):
    """One change made by somebody. It outlives what it speaks of, so it refers to that by text."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "project_id", "at"),)

    id: Mapped[Key]
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id", ondelete="SET NULL"))
    at: Mapped[Now]
    actor: Mapped[str]
    action: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[str]
    address: Mapped[str] = mapped_column(default="")
    request_id: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
