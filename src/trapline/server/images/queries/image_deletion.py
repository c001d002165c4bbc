"""Deletion of images: the mark, the purge of rows, and the list of files to delete later."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Row
from trapline.server.platform.imaging.tile_files import has_tiles
from trapline.server.platform.store.storage_keys import build_tiles_key


class DiscardedFileRow(Row):
    """A file of the store that no row references; it is deleted at `due_at`.

    Originals are named by their content, so another image can have the same file. It is found by
    `sha256`.
    """

    __tablename__ = "discarded_files"
    __table_args__ = (
        Index(None, "due_at"),
        Index("ix_discarded_files_content", "project_id", "sha256"),
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    due_at: Mapped[datetime]


class DeletionMark(NamedTuple):
    """An image that was just deleted or restored."""

    project_id: int
    image_id: UUID


class ImagePurgeCandidate(NamedTuple):
    """An image whose retention period after deletion is over."""

    id: UUID
    project_id: int
    deployment_id: UUID
    filename: str
    sha256: bytes
    storage_key: str
    upright_key: str | None
    width: int
    height: int
    captured_at: datetime
    deleted_at: datetime
    deleted_by: str | None
    reason: str | None


async def mark_deleted(
    scope: Scope, tx: Transaction, images: Sequence[UUID], reason: str
) -> list[DeletionMark]:
    """Mark images as deleted; images that are deleted already are skipped."""
    cursor = await tx.execute(
        """
        update images i set deleted_at = clock_timestamp(), deleted_by = %s, deletion_reason = %s
            from (
            select id from images where id = any(%b) and deleted_at is null
                order by id for no key update
        ) l where i.id = l.id returning i.project_id, i.id
        """,
        (scope.actor, reason, sorted(images)),
    )
    return [DeletionMark(*row) for row in await cursor.fetchall()]


async def mark_restored(
    scope: Scope, tx: Transaction, images: Sequence[UUID]
) -> list[DeletionMark]:
    """Remove the mark of deleted images; other images are skipped."""
    cursor = await tx.execute(
        """
        update images i set deleted_at = null, deleted_by = null, deletion_reason = null from (
            select id from images where id = any(%b) and deleted_at is not null
                order by id for no key update
        ) l where i.id = l.id returning i.project_id, i.id
        """,
        (sorted(images),),
    )
    return [DeletionMark(*row) for row in await cursor.fetchall()]


async def list_deleted_with_tasks(
    scope: Scope, tx: Transaction, lately_s: float, limit: int
) -> list[UUID]:
    """List images with open tasks that were deleted within `lately_s` seconds.

    A job can add a task while its image is being deleted.
    """
    cursor = await tx.execute(
        """
        select i.id from images i
        where i.deleted_at > now() - make_interval(secs => %s) and exists (
            select 1 from analyses a join jobs j on j.id = a.job_id
                and j.status in ('queued', 'processing')
            where a.image_id = i.id and a.state in ('queued', 'processing')
        ) limit %s
        """,
        (lately_s, limit),
    )
    return [row[0] for row in await cursor.fetchall()]


async def claim_purge_candidates(
    scope: Scope, tx: Transaction, kept_s: float, limit: int
) -> list[ImagePurgeCandidate]:
    """Lock images that were deleted more than `kept_s` seconds ago; skip locked ones."""
    cursor = await tx.execute(
        """
        select id, project_id, deployment_id, filename, sha256, storage_key, upright_key,
            width, height, captured_at, deleted_at, deleted_by, deletion_reason
        from images where deleted_at <= now() - make_interval(secs => %s)
        order by id limit %s for update skip locked
        """,
        (kept_s, limit),
    )
    return [ImagePurgeCandidate(*row) for row in await cursor.fetchall()]


async def discard_image_files(
    scope: Scope,
    tx: Transaction,
    doomed: Sequence[ImagePurgeCandidate],
    thumbnails: Sequence[tuple[str, int]],
    due_in_s: float,
) -> None:
    """List all files of images and their analyses for deletion in `due_in_s` seconds.

    `thumbnails` are pairs of key and project.
    """
    files: list[tuple[str, int, bytes | None]] = [
        (key, project_id, None) for key, project_id in thumbnails
    ]
    for image in doomed:
        keys = [image.storage_key, image.upright_key]
        if has_tiles(image.width, image.height):
            keys.append(build_tiles_key(image.project_id, bytes(image.sha256).hex()))
        files += [(key, image.project_id, bytes(image.sha256)) for key in keys if key is not None]
    cursor = await tx.execute(
        """
        select f.storage_path, f.project_id from artifacts f join analyses a on a.id = f.analysis_id
        where a.image_id = any(%b)
        """,
        ([image.id for image in doomed],),
    )
    files += [(path, project_id, None) for path, project_id in await cursor.fetchall()]
    await discard_files(scope, tx, files, due_in_s)


async def discard_files(
    scope: Scope, tx: Transaction, files: Sequence[tuple[str, int, bytes | None]], due_in_s: float
) -> None:
    """List files for deletion in `due_in_s` seconds.

    Each is a key, a project, and the SHA-256 if the key contains it.
    """
    ordered = sorted(set(files), key=lambda file: file[0])
    await tx.execute(
        """
        insert into discarded_files (key, project_id, sha256, due_at)
        select f.key, f.project_id, f.sha256, clock_timestamp() + make_interval(secs => %s)
        from unnest(%s::text[], %s::bigint[], %s::bytea[]) as f(key, project_id, sha256)
        on conflict (key) do update set due_at = excluded.due_at
        """,
        (
            due_in_s,
            [key for key, _, _ in ordered],
            [one for _, one, _ in ordered],
            [sha for _, _, sha in ordered],
        ),
    )


async def purge_image_rows(scope: Scope, tx: Transaction, images: Sequence[UUID]) -> None:
    """Delete the rows of images, with their analyses and annotations."""
    ordered = (sorted(images),)
    # Without foreign keys, which would slow down each result.
    await tx.execute("delete from observations where image_id = any(%b)", ordered)
    await tx.execute("delete from observed_classes where image_id = any(%b)", ordered)
    await tx.execute("delete from images where id = any(%b)", ordered)


async def restore_files(scope: Scope, tx: Transaction, project_id: int, sha256: bytes) -> None:
    """Cancel the deletion of files with these bytes, because they are imported again.

    Waits while one of them is being deleted. A file that is stored after this call is kept.
    """
    await tx.execute(
        "delete from discarded_files where project_id = %s and sha256 = %s", (project_id, sha256)
    )


async def claim_discarded_files(
    scope: Scope, tx: Transaction, limit: int
) -> list[tuple[str, bool]]:
    """Lock files that are due; return each key and whether an image uses the file again."""
    cursor = await tx.execute(
        """
        select f.key, f.sha256 is not null and exists (
            select 1 from deployments d join images i on i.deployment_id = d.id
                and i.sha256 = f.sha256
            where d.project_id = f.project_id
        )
        from discarded_files f where f.due_at <= now() order by f.due_at, f.key
            limit %s for update of f skip locked
        """,
        (limit,),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def delete_discarded_files(scope: Scope, tx: Transaction, keys: Sequence[str]) -> None:
    """Remove files from the list of files to delete."""
    await tx.execute("delete from discarded_files where key = any(%s)", (list(keys),))
