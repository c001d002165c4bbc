"""Images: one stored picture each, and the classes found on them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.db.row import Key, Now, Row, Texts


class ImageRow(Row):
    """One stored picture. Width and height are upright pixels; `upright_key` is null where the original is upright."""

    __tablename__ = "images"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        UniqueConstraint("deployment_id", "sha256"),
        ForeignKeyConstraint(["project_id", "deployment_id"], ["deployments.project_id", "deployments.id"]),
        CheckConstraint("width > 0 and height > 0", name="size"),
        Index("ix_images_project_time", "project_id", "captured_at", "id"),
        Index("ix_images_deployment_time", "deployment_id", "captured_at", "id"),
        Index("ix_images_without_thumbnails", "id", postgresql_where="thumbnails_at is null"),
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    deployment_id: Mapped[UUID]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    size_bytes: Mapped[int]
    media_type: Mapped[str]
    filename: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    orientation: Mapped[int] = mapped_column(default=1)
    storage_key: Mapped[str]
    upright_key: Mapped[str | None]
    thumbnails_at: Mapped[datetime | None]
    thumbnail_attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    captured_at: Mapped[datetime]
    captured_at_source: Mapped[str]
    captured_at_raw: Mapped[str | None]
    time_zone: Mapped[str]
    clock_offset_s: Mapped[int] = mapped_column(default=0)
    flags: Mapped[Texts] = mapped_column(default=list)
    exif: Mapped[dict[str, Any]] = mapped_column(default=dict)
    blank: Mapped[bool | None]
    reviewed: Mapped[bool] = mapped_column(default=False)
    source_id: Mapped[UUID | None]
    source_path: Mapped[str | None]
    created_at: Mapped[Now]


class ImageClassRow(Row):
    """A class found on an image, with the highest confidence: what makes filtering a million images by class quick."""

    __tablename__ = "image_classes"
    __table_args__ = (
        ForeignKeyConstraint(["project_id", "image_id"], ["images.project_id", "images.id"], ondelete="CASCADE"),
        Index("ix_image_classes_class_time", "project_id", "class_name", "captured_at", "image_id"),
    )

    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    class_name: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    captured_at: Mapped[datetime]
    confidence: Mapped[float]
