"""Deployments: one camera at one place over one period."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.db.row import Key, Now, Row


class DeploymentRow(Row):
    """A deployment; `is_default` marks the one that takes images without a deployment, one a project."""

    __tablename__ = "deployments"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        UniqueConstraint("project_id", "name"),
        Index("uq_deployments_default", "project_id", unique=True, postgresql_where="is_default"),
        CheckConstraint("latitude between -90 and 90", name="latitude"),
        CheckConstraint("longitude between -180 and 180", name="longitude"),
    )

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str]
    is_default: Mapped[bool] = mapped_column(default=False)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    coordinate_uncertainty_m: Mapped[float | None]
    time_zone: Mapped[str] = mapped_column(default="UTC")
    clock_offset_s: Mapped[int] = mapped_column(default=0)
    camera: Mapped[str] = mapped_column(default="")
    habitat: Mapped[str] = mapped_column(default="")
    notes: Mapped[str] = mapped_column(default="")
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
