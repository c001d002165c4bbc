"""Annotations: what analyses found, and the long score lists that classifiers send along."""

from typing import Any
from uuid import UUID

from sqlalchemy import REAL, CheckConstraint, ForeignKeyConstraint, Index, Integer, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.db.row import Key, Now, Row


class AnnotationRow(Row):
    """One structured finding. `fingerprint` makes posting the same again create nothing, by constraint.

    `parent_id` (a classification's box) is of the same analysis; it carries no foreign key, because the check would
    cost a third of the line's rate, and both rows are always written by one statement.
    """

    __tablename__ = "annotations"
    __table_args__ = (
        UniqueConstraint("analysis_id", "fingerprint"),
        ForeignKeyConstraint(["project_id", "analysis_id"], ["analyses.project_id", "analyses.id"], ondelete="CASCADE"),
        CheckConstraint("confidence between 0 and 1", name="confidence"),
        Index("ix_annotations_analysis_order", "analysis_id", "ordering", "id"),
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    analysis_id: Mapped[UUID]
    image_id: Mapped[UUID]
    annotation_type: Mapped[str]
    class_name: Mapped[str | None]
    confidence: Mapped[float | None] = mapped_column(REAL)
    data: Mapped[dict[str, Any]]
    storage_path: Mapped[str | None]
    parent_id: Mapped[UUID | None]
    ordering: Mapped[int | None] = mapped_column(Integer)
    algorithm_id: Mapped[int | None]
    fingerprint: Mapped[UUID]
    created_at: Mapped[Now]


class ScoreVectorRow(Row):
    """The scores and logits of one classification over its whole class list, compressed, exact to single precision."""

    __tablename__ = "score_vectors"

    annotation_id: Mapped[UUID] = mapped_column(primary_key=True)
    analysis_id: Mapped[UUID] = mapped_column(index=True)
    project_id: Mapped[int]
    encoding: Mapped[str]
    classes: Mapped[int] = mapped_column(Integer)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "analysis_id"], ["analyses.project_id", "analyses.id"], ondelete="CASCADE"),
    )
