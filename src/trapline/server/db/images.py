"""Images: one stored picture each, and the classes found on them."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Select,
    UniqueConstraint,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.db.base import Transaction
from trapline.server.db.row import Key, Now, Row, Texts
from trapline.server.errors import NotFound
from trapline.server.rules.access import Scope

MAX_THUMBNAIL_ATTEMPTS = 3


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
        Index("ix_images_deployment_arrival", "deployment_id", "created_at"),
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
    thumbnails_claimed_until: Mapped[datetime | None]
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


async def get_image(scope: Scope, tx: Transaction, image_id: UUID) -> ImageRow:
    """Get an image that the caller may touch; raises NotFound or Forbidden."""
    row = await tx.session.get(ImageRow, image_id)
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    scope.check(row.project_id)
    return row


async def find_image_by_hash(scope: Scope, tx: Transaction, deployment_id: UUID, sha256: bytes) -> UUID | None:
    """Find the image of a deployment that has these very bytes."""
    return (await _find_by_hashes(scope, tx, [(deployment_id, sha256)])).get((deployment_id, sha256))


async def _find_by_hashes(
    scope: Scope, tx: Transaction, keys: Sequence[tuple[UUID, bytes]]
) -> dict[tuple[UUID, bytes], UUID]:
    cursor = await tx.execute(
        """
        select deployment_id, sha256, id, project_id from images
        where (deployment_id, sha256) in (select * from unnest(%s::uuid[], %s::bytea[]))
        """,
        ([deployment_id for deployment_id, _ in keys], [sha256 for _, sha256 in keys]),
    )
    found = {}
    for deployment_id, sha256, image_id, project_id in await cursor.fetchall():
        scope.check(project_id)
        found[deployment_id, bytes(sha256)] = image_id
    return found


async def add_images(scope: Scope, tx: Transaction, rows: Sequence[ImageRow]) -> list[tuple[UUID, bool]]:
    """Add images; answers each one's id and whether it is new: by constraint the same bytes in a deployment are one."""
    for row in rows:
        scope.check(row.project_id)
    columns = [column.key for column in ImageRow.__table__.columns if column.server_default is None]
    # In one order everywhere, so that two transactions never wait for each other's pictures.
    ordered = sorted(rows, key=lambda row: (row.deployment_id, row.sha256))
    names = ", ".join(columns)
    cursor = await tx.execute(
        f"""
        insert into images ({names}) select {names} from jsonb_populate_recordset(null::images, %s::jsonb)
        on conflict (deployment_id, sha256) do nothing returning id
        """,  # noqa: S608
        (json.dumps([{name: _as_json(getattr(row, name)) for name in columns} for row in ordered]),),
    )
    made = {image_id for (image_id,) in await cursor.fetchall()}
    others = [(row.deployment_id, row.sha256) for row in rows if row.id not in made]
    found = await _find_by_hashes(scope, tx, others) if others else {}
    return [(row.id, True) if row.id in made else (found[row.deployment_id, row.sha256], False) for row in rows]


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return value if value is None or isinstance(value, str | int | float | list | dict) else str(value)


def select_images(scope: Scope, project_id: int | None) -> Select[ImageRow]:
    """Select the images that the caller sees, of one project or of all."""
    statement = select(ImageRow)
    if project_id is not None:
        scope.check(project_id)
        return statement.where(ImageRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(ImageRow.project_id.in_(ids))


async def find_neighbours(scope: Scope, tx: Transaction, image: ImageRow) -> tuple[UUID | None, UUID | None]:
    """Find the images of the same project taken just before and just after this one."""
    scope.check(image.project_id)
    key = tuple_(ImageRow.captured_at, ImageRow.id)
    here = tuple_(image.captured_at, image.id)
    of_project = select(ImageRow.id).where(ImageRow.project_id == image.project_id).limit(1)
    before = of_project.where(key < here).order_by(ImageRow.captured_at.desc(), ImageRow.id.desc())
    after = of_project.where(key > here).order_by(ImageRow.captured_at, ImageRow.id)
    return (
        (await tx.session.execute(before)).scalar_one_or_none(),
        (await tx.session.execute(after)).scalar_one_or_none(),
    )


async def count_classes(scope: Scope, tx: Transaction, project_id: int) -> list[tuple[str, int]]:
    """Count how many images of a project show each class, the most frequent first."""
    scope.check(project_id)
    statement = (
        select(ImageClassRow.class_name, func.count())
        .where(ImageClassRow.project_id == project_id)
        .group_by(ImageClassRow.class_name)
        .order_by(func.count().desc(), ImageClassRow.class_name)
        .limit(1000)
    )
    return [(name, count) for name, count in (await tx.session.execute(statement)).all()]


async def claim_without_thumbnails(scope: Scope, tx: Transaction, limit: int, claim: timedelta) -> list[ImageRow]:
    """Claim images that have no thumbnails yet; until the claim runs out, others pass them by.

    Those that were tried before come last, so that none of them keeps a fresh one waiting.
    """
    waiting = (
        select(ImageRow.id)
        .where(
            ImageRow.thumbnails_at.is_(None),
            ImageRow.thumbnail_attempts < MAX_THUMBNAIL_ATTEMPTS,
            ImageRow.thumbnails_claimed_until.is_(None) | (ImageRow.thumbnails_claimed_until <= func.now()),
        )
        .order_by(ImageRow.thumbnail_attempts, ImageRow.thumbnails_claimed_until.nulls_first(), ImageRow.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
        .cte("waiting")
        .prefix_with("materialized", dialect="postgresql")
    )
    claimed = (
        update(ImageRow)
        .where(ImageRow.id.in_(select(waiting.c.id)))
        .values(thumbnails_claimed_until=func.now() + claim)
        .returning(ImageRow)
    )
    return list((await tx.session.scalars(claimed, execution_options={"synchronize_session": False})).all())


async def mark_thumbnails(scope: Scope, tx: Transaction, image_id: UUID, *, made: bool) -> None:
    """Note that an image has its thumbnails, or could not be given any this time."""
    await mark_all_thumbnails(scope, tx, [image_id], made=made)


async def mark_all_thumbnails(scope: Scope, tx: Transaction, image_ids: Sequence[UUID], *, made: bool) -> None:
    """Note that these images have their thumbnails, or could not be given any this time."""
    noted = "thumbnails_at = now()" if made else "thumbnail_attempts = thumbnail_attempts + 1"
    await tx.execute(
        f"update images set {noted}, thumbnails_claimed_until = null where id = any(%s)",  # noqa: S608
        (sorted(image_ids),),
    )
