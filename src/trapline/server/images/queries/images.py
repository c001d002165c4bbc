"""Images, their tags and the classes found on them."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
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
    and_,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, defer, mapped_column

from trapline.server.images.queries.zone_dating import date_images, lock_clocks
from trapline.server.platform.access import RANK, Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Now, Row, Texts
from trapline.server.platform.errors import NotFound
from trapline.wire.auth import Role, TokenKind

MAX_THUMBNAIL_ATTEMPTS = 3
DELETES = Role.MANAGER
"""The role that is required to delete images and to see deleted ones."""

WITHOUT_CAMERA_TIME = (
    "captured_at_source in ('modified_time', 'received_time')"
    " and read_at is null and deleted_at is null"
)
"""The condition of `rules.capture_time.has_camera_time`, negated, for queries and their indexes."""


class ImageRow(Row):
    """A stored image. Width and height are upright; `upright_key` is null if the original is.

    A deleted image is kept for a retention period from `deleted_at` on, and only lists of deleted
    images contain it. `read_at` is the capture time that was read, if a person replaced it.
    """

    __tablename__ = "images"
    __table_args__ = (
        UniqueConstraint("project_id", "id"),
        UniqueConstraint("deployment_id", "sha256"),
        ForeignKeyConstraint(
            ["project_id", "deployment_id"], ["deployments.project_id", "deployments.id"]
        ),
        CheckConstraint("width > 0 and height > 0", name="size"),
        Index("ix_images_project_time", "project_id", "captured_at", "id"),
        Index("ix_images_deployment_time", "deployment_id", "captured_at", "id"),
        Index("ix_images_deployment_arrival", "deployment_id", "created_at"),
        Index("ix_images_without_thumbnails", "id", postgresql_where="thumbnails_at is null"),
        Index(
            "ix_images_deleted", "project_id", "deleted_at", "id",
            postgresql_where="deleted_at is not null",
        ),
        Index(
            "ix_images_sequence", "sequence_id", "captured_at", "id",
            postgresql_where="sequence_id is not null",
        ),
        Index(
            "ix_images_ungrouped", "deployment_id", "captured_at", "id",
            postgresql_where="sequence_id is null and deleted_at is null",
        ),
        Index("ix_images_starred", "project_id", "captured_at", "id", postgresql_where="starred"),
        Index("ix_images_blank", "project_id", "blank", "captured_at", "id"),
        Index(
            "ix_images_without_camera_time", "project_id", "captured_at", "id",
            postgresql_where=WITHOUT_CAMERA_TIME,
        ),
        Index(
            "ix_images_source_without_camera_time", "source_id",
            postgresql_where=WITHOUT_CAMERA_TIME,
        ),
        Index("ix_images_random", "project_id", text("left(md5(id::text), 8)"), "id"),
        Index("ix_images_reviewed", "project_id", "captured_at", "id", postgresql_where="reviewed"),
    )  # fmt: skip

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
    sequence_id: Mapped[UUID | None]
    starred: Mapped[bool] = mapped_column(default=False, server_default="false")
    read_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[str | None]
    deletion_reason: Mapped[str | None]
    created_at: Mapped[Now]


class ImageTagRow(Row):
    """A tag of an image."""

    __tablename__ = "image_tags"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "image_id"], ["images.project_id", "images.id"], ondelete="CASCADE"
        ),
        Index("ix_image_tags_tag", "project_id", "tag", "image_id"),
    )

    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int]


class ImageClassRow(Row):
    """A class found on an image with its highest confidence, for fast filters by class."""

    __tablename__ = "image_classes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "image_id"], ["images.project_id", "images.id"], ondelete="CASCADE"
        ),
        Index("ix_image_classes_class_time", "project_id", "class_name", "captured_at", "image_id"),
    )

    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    class_name: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    captured_at: Mapped[datetime]
    confidence: Mapped[float]


async def get_image_row(
    scope: Scope, tx: Transaction, image_id: UUID, *, deleted: bool = False
) -> ImageRow:
    """Get an image that the scope permits. Raises NotFound, Forbidden.

    With `deleted`, a deleted image is returned to callers with the role DELETES.
    """
    row = await tx.session.get(ImageRow, image_id)
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    if row.deleted_at is not None and not (deleted and _may_delete(scope, row.project_id)):
        raise NotFound
    scope.check(row.project_id)
    return row


def _may_delete(scope: Scope, project_id: int) -> bool:
    role = scope.roles.get(project_id)
    is_person = scope.kind not in (TokenKind.WORKER, TokenKind.PIPELINE)
    return is_person and role is not None and RANK[role] >= RANK[DELETES]


async def find_image_by_hash(
    scope: Scope, tx: Transaction, deployment_id: UUID, sha256: bytes
) -> UUID | None:
    """Find the image of a deployment with this SHA-256."""
    return (await list_images_by_hash(scope, tx, [(deployment_id, sha256)])).get(
        (deployment_id, sha256)
    )


async def list_images_by_hash(
    scope: Scope, tx: Transaction, keys: Sequence[tuple[UUID, bytes]]
) -> dict[tuple[UUID, bytes], UUID]:
    """List the images with these pairs of deployment and SHA-256, by pair."""
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


async def create_images(
    scope: Scope, tx: Transaction, rows: Sequence[ImageRow]
) -> list[tuple[UUID, bool]]:
    """Create images and return the ID of each and whether it is new.

    The same bytes are one image of a deployment. Images are dated by the present clock of their
    deployment.
    """
    for row in rows:
        scope.check(row.project_id)
    clocks = await lock_clocks(tx, {row.deployment_id for row in rows})
    columns = [column.key for column in ImageRow.__table__.columns if column.server_default is None]
    # The same order everywhere prevents deadlocks between transactions.
    ordered = sorted(rows, key=lambda row: (row.deployment_id, row.sha256))
    names = ", ".join(columns)
    cursor = await tx.execute(
        f"""
        insert into images ({names}) select {names}
            from jsonb_populate_recordset(null::images, %s::jsonb)
        on conflict (deployment_id, sha256) do nothing returning id
        """,  # noqa: S608
        (
            json.dumps(
                [{name: _as_json(getattr(row, name)) for name in columns} for row in ordered]
            ),
        ),
    )
    made = {image_id for (image_id,) in await cursor.fetchall()}
    # A row may have been dated before the clock of its deployment changed; date it again.
    for deployment_id, clock in clocks.items():
        of_deployment = [row for row in rows if row.deployment_id == deployment_id]
        stale = [row.id for row in of_deployment if (row.time_zone, row.clock_offset_s) != clock]
        if made.intersection(stale):
            await date_images(tx, [one for one in stale if one in made], *clock)
    others = [(row.deployment_id, row.sha256) for row in rows if row.id not in made]
    found = await list_images_by_hash(scope, tx, others) if others else {}
    return [
        (row.id, True) if row.id in made else (found[row.deployment_id, row.sha256], False)
        for row in rows
    ]


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return value if isinstance(value, str | int | float | list | dict | None) else str(value)


def select_images(
    scope: Scope, project_id: int | None, *, deleted: bool = False
) -> Select[ImageRow]:
    """Select the images that the caller sees, of one project or of all; or the deleted ones.

    EXIF is not loaded, because it is long and no list returns it.
    """
    short = select(ImageRow).options(defer(ImageRow.exif, raiseload=True))
    if deleted:
        statement = short.where(ImageRow.deleted_at.is_not(None))
        if project_id is not None:
            scope.check(project_id, DELETES)
            return statement.where(ImageRow.project_id == project_id)
        return statement.where(
            ImageRow.project_id.in_([one for one in scope.roles if _may_delete(scope, one)])
        )
    statement = short.where(ImageRow.deleted_at.is_(None))
    if project_id is not None:
        scope.check(project_id)
        return statement.where(ImageRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(ImageRow.project_id.in_(ids))


async def list_adjacent_images(
    tx: Transaction,
    image: ImageRow,
    listed: Select[ImageRow],
    captured: InstrumentedAttribute[datetime],
) -> tuple[UUID | None, UUID | None]:
    """Find the images of a list just before and just after this one by the time `captured`."""
    key = tuple_(captured, ImageRow.id)
    here = tuple_(image.captured_at, image.id)
    of_list = listed.with_only_columns(ImageRow.id).limit(1)
    before = of_list.where(key < here).order_by(captured.desc(), ImageRow.id.desc())
    after = of_list.where(key > here).order_by(captured, ImageRow.id)
    return (
        (await tx.session.execute(before)).scalar_one_or_none(),
        (await tx.session.execute(after)).scalar_one_or_none(),
    )


async def list_deleted_ids(scope: Scope, tx: Transaction, image_ids: Sequence[UUID]) -> set[UUID]:
    """List which of these images are deleted or purged."""
    there = select(ImageRow.id).where(ImageRow.id.in_(image_ids), ImageRow.deleted_at.is_(None))
    return set(image_ids) - set((await tx.session.scalars(there)).all())


async def list_tags(
    scope: Scope, tx: Transaction, image_ids: Sequence[UUID]
) -> dict[UUID, list[str]]:
    """List the tags of these images, by image."""
    cursor = await tx.execute(
        "select image_id, array_agg(tag order by tag) from image_tags"
        " where image_id = any(%b) group by 1",
        (list(image_ids),),
    )
    return {image_id: tags for image_id, tags in await cursor.fetchall()}


async def count_classes(scope: Scope, tx: Transaction, project_id: int) -> list[tuple[str, int]]:
    """Count how many images of a project show each class, the most frequent first."""
    scope.check(project_id)
    # Deleted images are few and are subtracted. A join with each of a million images was slow.
    cursor = await tx.execute(
        """
        with deleted as (
            select c.class_name, count(*) as images from images i join image_classes c
                on c.image_id = i.id
            where i.project_id = %(project)s and i.deleted_at is not null group by 1
        )
        select c.class_name, c.images - coalesce(d.images, 0) from (
            select class_name, count(*) as images from image_classes where project_id = %(project)s
                group by 1
        ) c left join deleted d using (class_name)
        where c.images > coalesce(d.images, 0) order by 2 desc, 1 limit 1000
        """,
        {"project": project_id},
    )
    return [(name, count) for name, count in await cursor.fetchall()]


def is_without_thumbnails() -> ColumnElement[bool]:
    """Condition of images that have no thumbnails and that no process has claimed."""
    return and_(
        ImageRow.thumbnails_at.is_(None),
        ImageRow.deleted_at.is_(None),
        ImageRow.thumbnail_attempts < MAX_THUMBNAIL_ATTEMPTS,
        ImageRow.thumbnails_claimed_until.is_(None)
        | (ImageRow.thumbnails_claimed_until <= func.now()),
    )


async def claim_images_without_thumbnails(
    scope: Scope, tx: Transaction, limit: int, claim: timedelta
) -> list[ImageRow]:
    """Claim images without thumbnails; other processes skip them until the claim expires.

    Images that failed before come last, so that they do not delay new ones.
    """
    waiting = (
        select(ImageRow.id)
        .where(is_without_thumbnails())
        .order_by(
            ImageRow.thumbnail_attempts,
            ImageRow.thumbnails_claimed_until.nulls_first(),
            ImageRow.id,
        )
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
    return list(
        (await tx.session.scalars(claimed, execution_options={"synchronize_session": False})).all()
    )


async def mark_thumbnails(scope: Scope, tx: Transaction, image_id: UUID, *, made: bool) -> None:
    """Record that an image has thumbnails, or that an attempt to generate them failed."""
    await mark_all_thumbnails(scope, tx, [image_id], made=made)


async def mark_all_thumbnails(
    scope: Scope, tx: Transaction, image_ids: Sequence[UUID], *, made: bool
) -> None:
    """Record that images have thumbnails, or that an attempt to generate them failed."""
    noted = "thumbnails_at = now()" if made else "thumbnail_attempts = thumbnail_attempts + 1"
    await tx.execute(
        f"update images set {noted}, thumbnails_claimed_until = null"  # noqa: S608
        " where id = any(%s)",
        (sorted(image_ids),),
    )
