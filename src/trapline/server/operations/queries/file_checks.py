"""Checks of stored files: their progress, and the files that are missing or damaged."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Now, Row

CLAIMED_S = 600.0
"""Maximum time for one image before another process continues the check."""


class FileCheckRow(Row):
    """A check by its name, `background` or `command`.

    `last_image` is null between two passes over all images.
    """

    __tablename__ = "file_checks"

    name: Mapped[str] = mapped_column(primary_key=True)
    last_image: Mapped[UUID | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    images: Mapped[int] = mapped_column(default=0, server_default="0")
    size_bytes: Mapped[int] = mapped_column(default=0, server_default="0")
    claimed_until: Mapped[datetime | None]


class HarmedFileRow(Row):
    """A stored file of an image that is missing or damaged."""

    __tablename__ = "harmed_files"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "image_id"], ["images.project_id", "images.id"], ondelete="CASCADE"
        ),
        CheckConstraint("state in ('missing', 'damaged')", name="state"),
        Index(None, "key"),
    )

    image_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    state: Mapped[str]
    found_at: Mapped[Now]


class CheckProgress(NamedTuple):
    """The progress of a pass: the last image, and the numbers of images and bytes so far."""

    last_image: UUID | None
    images: int
    size_bytes: int


class StoredImage(NamedTuple):
    """The files of an image."""

    id: UUID
    project_id: int
    filename: str
    sha256: str
    size_bytes: int
    storage_key: str
    upright_key: str | None
    has_thumbnails: bool


async def start_check(
    scope: Scope, tx: Transaction, name: str, every_s: float, *, restart: bool = False
) -> CheckProgress | None:
    """Claim a check, in its current pass or at the start of the next.

    None if it is not due or another process has claimed it.
    """
    await tx.execute("insert into file_checks (name) values (%s) on conflict do nothing", (name,))
    cursor = await tx.execute(
        """
        update file_checks set
            started_at = case when last_image is null or %(restart)s then now() else started_at end,
            images = case when last_image is null or %(restart)s then 0 else images end,
            size_bytes = case when last_image is null or %(restart)s then 0 else size_bytes end,
            last_image = case when %(restart)s then null else last_image end,
            claimed_until = now() + make_interval(secs => %(claimed)s)
        where name = %(name)s and (claimed_until is null or claimed_until < now()) and (
            last_image is not null or started_at is null or finished_at is null
                or finished_at < started_at
            or started_at <= now() - make_interval(secs => %(every)s)
        )
        returning last_image, images, size_bytes
        """,
        {"name": name, "restart": restart, "claimed": CLAIMED_S, "every": every_s},
    )
    row = await cursor.fetchone()
    return CheckProgress(*row) if row else None


async def record_progress(
    scope: Scope, tx: Transaction, name: str, progress: CheckProgress
) -> None:
    """Record the progress of a pass, and renew the claim."""
    await tx.execute(
        "update file_checks set last_image = %s, images = %s, size_bytes = %s,"
        " claimed_until = now() + make_interval(secs => %s) where name = %s",
        (*progress, CLAIMED_S, name),
    )


async def release_check(scope: Scope, tx: Transaction, name: str, *, finished: bool) -> None:
    """Release the claim; after a finished pass the next one starts at the first image."""
    finish = ", last_image = null, finished_at = now()" if finished else ""
    await tx.execute(
        f"update file_checks set claimed_until = null{finish} where name = %s",  # noqa: S608
        (name,),
    )


async def list_stored(
    scope: Scope, tx: Transaction, after: UUID | None, limit: int
) -> list[StoredImage]:
    """List images with their files, in the order of their IDs."""
    cursor = await tx.execute(
        """
        select id, project_id, filename, encode(sha256, 'hex'), size_bytes, storage_key,
            upright_key,
            thumbnails_at is not null
        from images where id > %s order by id limit %s
        """,
        (after or UUID(int=0), limit),
    )
    return [StoredImage(*row) for row in await cursor.fetchall()]


async def list_harmed(scope: Scope, tx: Transaction) -> list[tuple[StoredImage, str, str]]:
    """List all files that are missing or damaged, with their images and states."""
    cursor = await tx.execute(
        """
        select i.id, i.project_id, i.filename, encode(i.sha256, 'hex'), i.size_bytes, i.storage_key,
            i.upright_key,
            i.thumbnails_at is not null, h.key, h.state
        from harmed_files h join images i on i.id = h.image_id order by i.id, h.key
        """
    )
    return [(StoredImage(*row[:-2]), row[-2], row[-1]) for row in await cursor.fetchall()]


async def list_origins(scope: Scope, tx: Transaction, image: StoredImage) -> list[tuple[UUID, str]]:
    """List the sources that an original was pulled from, with its path in each."""
    cursor = await tx.execute(
        "select i.source_id, i.source_path from deployments d join images i on i.deployment_id = "
        "d.id"
        " where d.project_id = %s and i.sha256 = decode(%s, 'hex') and i.source_id is not null"
        " and i.source_path is not null order by i.id limit 10",
        (image.project_id, image.sha256),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def record_harmed(
    scope: Scope, tx: Transaction, image: StoredImage, found: Mapping[str, str]
) -> bool:
    """Record which files of an image are missing or damaged, by key.

    False if the image was deleted meanwhile.
    """
    await tx.execute(
        "delete from harmed_files where image_id = %s and not key = any(%s)",
        (image.id, list(found)),
    )
    for key, state in found.items():
        cursor = await tx.execute(
            "insert into harmed_files (image_id, key, project_id, state)"
            " select id, %s, project_id, %s from images where id = %s"
            " on conflict (image_id, key) do update set state = excluded.state",
            (key, state, image.id),
        )
        if not cursor.rowcount:
            return False
    return True


async def delete_harmed(scope: Scope, tx: Transaction, keys: Sequence[str]) -> None:
    """Remove files that are intact again."""
    await tx.execute("delete from harmed_files where key = any(%s)", (list(keys),))


async def request_thumbnails(scope: Scope, tx: Transaction, image_id: UUID) -> None:
    """Mark an image so that the background process generates its thumbnails again."""
    await tx.execute(
        "update images set thumbnails_at = null, thumbnail_attempts = 0, thumbnails_claimed_until "
        "= null where id = %s",
        (image_id,),
    )


async def count_harmed(scope: Scope, tx: Transaction) -> dict[str, int]:
    """Count the files that are missing or damaged, by state."""
    cursor = await tx.execute("select state, count(distinct key) from harmed_files group by state")
    return {state: count for state, count in await cursor.fetchall()}


async def find_check_age(scope: Scope, tx: Transaction) -> float | None:
    """Return the seconds since the last complete check of all files.

    If none is complete, since the start of the first one; None if none has started.
    """
    cursor = await tx.execute(
        "select extract(epoch from now() - coalesce(max(finished_at), min(started_at)))::float "
        "from file_checks"
    )
    row = await cursor.fetchone()
    return row[0] if row else None
