"""Deleted images: marked first and kept for a while, then gone with everything that was made of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Row


class DiscardedFileRow(Row):
    """A file of the store that nothing speaks of any more; it goes once it is `due_at`.

    Pictures are named by their content, so another image may have the same file: `sha256` says
    which to look for.
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
    """An image that was deleted so long ago that it goes for good."""

    id: UUID
    project_id: int
    deployment_id: UUID
    filename: str
    sha256: bytes
    storage_key: str
    upright_key: str | None
    captured_at: datetime
    deleted_at: datetime
    deleted_by: str | None
    reason: str | None


async def mark_deleted(
    scope: Scope, tx: Transaction, images: Sequence[UUID], reason: str
) -> list[DeletionMark]:
    """Mark images as deleted; those that are already are passed over."""
    cursor = await tx.execute(
        """
        update images i set deleted_at = clock_timestamp(), deleted_by = %s, deletion_reason = %s from (
            select id from images where id = any(%b) and deleted_at is null order by id for no key update
        ) l where i.id = l.id returning i.project_id, i.id
        """,
        (scope.actor, reason, sorted(images)),
    )
    return [DeletionMark(*row) for row in await cursor.fetchall()]


async def mark_restored(
    scope: Scope, tx: Transaction, images: Sequence[UUID]
) -> list[DeletionMark]:
    """Take the mark away again; images without it are passed over."""
    cursor = await tx.execute(
        """
        update images i set deleted_at = null, deleted_by = null, deletion_reason = null from (
            select id from images where id = any(%b) and deleted_at is not null order by id for no key update
        ) l where i.id = l.id returning i.project_id, i.id
        """,
        (sorted(images),),
    )
    return [DeletionMark(*row) for row in await cursor.fetchall()]


async def list_deleted_with_tasks(
    scope: Scope, tx: Transaction, lately_s: float, limit: int
) -> list[UUID]:
    """List images that were deleted lately and have open tasks all the same: a job was just taking them up."""
    cursor = await tx.execute(
        """
        select i.id from images i
        where i.deleted_at > now() - make_interval(secs => %s) and exists (
            select 1 from analyses a join jobs j on j.id = a.job_id and j.status in ('queued', 'processing')
            where a.image_id = i.id and a.state in ('queued', 'processing')
        ) limit %s
        """,
        (lately_s, limit),
    )
    return [row[0] for row in await cursor.fetchall()]


async def claim_purge_candidates(
    scope: Scope, tx: Transaction, kept_s: float, limit: int
) -> list[ImagePurgeCandidate]:
    """Lock images that were deleted more than `kept_s` seconds ago; others pass them by."""
    cursor = await tx.execute(
        """
        select id, project_id, deployment_id, filename, sha256, storage_key, upright_key, captured_at, deleted_at,
            deleted_by, deletion_reason
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
    """Write down every file of these images and of their analyses, to go later; `thumbnails` are key and project."""
    files: list[tuple[str, int, bytes | None]] = [
        (key, project_id, None) for key, project_id in thumbnails
    ]
    for image in doomed:
        keys = [image.storage_key, image.upright_key]
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
    """Write down files, each with its project and perhaps the SHA-256 that it is named by, to go later."""
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
    """Delete images for good, with their analyses and all that these found."""
    await tx.execute("delete from images where id = any(%b)", (sorted(images),))


async def restore_files(scope: Scope, tx: Transaction, project_id: int, sha256: bytes) -> None:
    """Take back that the files of these bytes are to go, because somebody brings them again.

    Waits while one of them is just being deleted, so that whoever stores the bytes after this
    stores them for good.
    """
    await tx.execute(
        "delete from discarded_files where project_id = %s and sha256 = %s", (project_id, sha256)
    )


async def claim_discarded_files(
    scope: Scope, tx: Transaction, limit: int
) -> list[tuple[str, bool]]:
    """Lock files that are to go now; answers each one's key, and whether an image has it again."""
    cursor = await tx.execute(
        """
        select f.key, f.sha256 is not null and exists (
            select 1 from deployments d join images i on i.deployment_id = d.id and i.sha256 = f.sha256
            where d.project_id = f.project_id
        )
        from discarded_files f where f.due_at <= now() order by f.due_at, f.key limit %s for update of f skip locked
        """,
        (limit,),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def delete_discarded_files(scope: Scope, tx: Transaction, keys: Sequence[str]) -> None:
    """Strike files off the list of those that are to go."""
    await tx.execute("delete from discarded_files where key = any(%s)", (list(keys),))
