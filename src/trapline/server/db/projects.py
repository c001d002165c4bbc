"""Projects: what owns everything else."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.db.row import Now, Number, Row


class ProjectRow(Row):
    """A project."""

    __tablename__ = "projects"

    id: Mapped[Number]
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    automatic_pipeline: Mapped[str | None]
    sequence_gap_s: Mapped[int] = mapped_column(default=120)
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
    archived_at: Mapped[datetime | None]
