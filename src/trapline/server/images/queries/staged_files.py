"""Staged files: announced files with a key in the store, until they are imported or deleted."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Now, Row
from trapline.server.platform.errors import NotFound

OUTCOMES = "('imported', 'duplicate', 'refused')"


class StagedFileRow(Row):
    """An announced file of a deployment, with its size in bytes and its outcome after the import.

    Its bytes have a separate key, which is listed as discarded from the beginning, so they are
    deleted whatever the outcome is.
    """

    __tablename__ = "staged_files"
    __table_args__ = (
        UniqueConstraint("deployment_id", "sha256"),
        ForeignKeyConstraint(
            ["project_id", "deployment_id"],
            ["deployments.project_id", "deployments.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(f"outcome in {OUTCOMES}", name="outcome"),
        Index(None, "announced_at"),
    )

    id: Mapped[Key]
    project_id: Mapped[int]
    deployment_id: Mapped[UUID]
    filename: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int]
    modified_at: Mapped[datetime | None]
    announced_at: Mapped[Now]
    outcome: Mapped[str | None]
    image_id: Mapped[UUID | None]
    detail: Mapped[str | None]


class StagedFileAnnouncement(NamedTuple):
    """A file that a client will upload."""

    filename: str
    sha256: bytes
    size: int
    modified_at: datetime | None


class StagedFileOutcome(NamedTuple):
    """The outcome of a file, the image with its bytes, and the reason of a refusal."""

    outcome: str
    image_id: UUID | None
    detail: str | None


async def create_staged_file_rows(
    scope: Scope,
    tx: Transaction,
    project_id: int,
    deployment_id: UUID,
    files: Sequence[StagedFileAnnouncement],
) -> dict[bytes, tuple[UUID, bool]]:
    """Create or renew announcements; return by SHA-256 the ID and whether it was announced before.

    A renewed announcement has no outcome.
    """
    scope.check(project_id)
    # The same order everywhere prevents deadlocks between transactions.
    first = {file.sha256: file for file in reversed(files)}
    ordered = sorted(first.values(), key=lambda file: file.sha256)
    cursor = await tx.execute(
        """
        insert into staged_files (id, project_id, deployment_id, filename, sha256, size,
            modified_at)
        select f.id, %s, %s, f.filename, f.sha256, f.size, f.modified_at
        from unnest(%s::uuid[], %s::text[], %s::bytea[], %s::bigint[], %s::timestamptz[])
            as f(id, filename, sha256, size, modified_at)
        on conflict (deployment_id, sha256) do update set
            filename = excluded.filename, size = excluded.size, modified_at = excluded.modified_at,
            announced_at = now(), outcome = null, image_id = null, detail = null
        returning sha256, id, xmax <> 0
        """,
        (
            project_id,
            deployment_id,
            [uuid7() for _ in ordered],
            [file.filename for file in ordered],
            [file.sha256 for file in ordered],
            [file.size for file in ordered],
            [file.modified_at for file in ordered],
        ),
    )
    return {bytes(sha256): (file_id, before) for sha256, file_id, before in await cursor.fetchall()}


async def list_staged_files(
    scope: Scope, tx: Transaction, ids: Sequence[UUID]
) -> dict[UUID, StagedFileRow]:
    """Get announced files, all of them. Raises NotFound and Forbidden."""
    rows = (await tx.session.scalars(select(StagedFileRow).where(StagedFileRow.id.in_(ids)))).all()
    if len(rows) < len(set(ids)) or not all(scope.sees(row.project_id) for row in rows):
        raise NotFound(
            "One of these files was never announced, or too long ago. Nothing was changed. "
            "Announce the files again."
        )
    for row in rows:
        scope.check(row.project_id)
    return {row.id: row for row in rows}


async def find_staged_file(scope: Scope, tx: Transaction, file_id: UUID) -> StagedFileRow | None:
    """Find an announced file."""
    row = await tx.session.get(StagedFileRow, file_id, populate_existing=True)
    return row if row is not None and scope.sees(row.project_id) else None


async def record_outcome(
    scope: Scope, tx: Transaction, file_id: UUID, outcome: StagedFileOutcome
) -> None:
    """Record the outcome of a file, unless it has one."""
    await tx.execute(
        "update staged_files set outcome = %s, image_id = %s, detail = %s where id = %s"
        " and outcome is null",
        (*outcome, file_id),
    )


async def purge_staged_file_batch(scope: Scope, tx: Transaction, kept_s: float, limit: int) -> int:
    """Delete at most `limit` files announced over `kept_s` seconds ago; return their number."""
    cursor = await tx.execute(
        "delete from staged_files where id in (select id from staged_files"
        " where announced_at < now() - make_interval(secs => %s) limit %s for update skip locked)",
        (kept_s, limit),
    )
    return cursor.rowcount
