"""A snapshot of the database for a backup, and the files that its rows name."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from trapline.server.platform.db.backup_lock import BACKUP_LOCK

COUNTED = (
    "projects",
    "users",
    "images",
    "analyses",
    "annotations",
    "identifications",
    "pull_sources",
    "jobs",
)


_FILES = b"""
    select storage_key, true, null::uuid from images
    union select upright_key, true, null::uuid from images where upright_key is not null
    union select storage_path, state <> 'presigned', null::uuid from artifacts
    union all select null, true, id from images where thumbnails_at is not null
"""
_EXPORTS = (
    b"    union all select storage_key, false, null::uuid from exports"
    b" where storage_key is not null"
)


class FileReference(NamedTuple):
    """The key of a file that a row names, or an image with thumbnails.

    Without `must`, the file may not exist.
    """

    key: str | None
    must: bool
    image: UUID | None


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of the database while it is open; other connections import it by name."""

    name: str
    connection: psycopg.AsyncConnection[TupleRow]

    async def list_files(self) -> AsyncIterator[FileReference]:
        """List every file that a row names, with limited memory."""
        # Older schemas do not have this table.
        there = await (await self.connection.execute("select to_regclass('exports')")).fetchone()
        async with self.connection.cursor(name="files") as cursor:
            await cursor.execute(_FILES + _EXPORTS if there and there[0] else _FILES)
            async for row in cursor:
                yield FileReference(*row)

    async def list_images_of(self, keys: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
        """List the images with one of these files: project, name, path in the source, and file."""
        async with self.connection.cursor(name="harmed") as cursor:
            await cursor.execute(
                """
                select i.id, i.project_id, i.filename, i.source_path, f.key from images i
                    join unnest(%s::text[]) f(key)
                    on f.key in (i.storage_key, i.upright_key)
                        or f.key like 'thumbs/' || i.id || '/%%'
                order by i.project_id, i.id, f.key
                """,
                (list(keys),),
            )
            async for image_id, project_id, filename, source_path, key in cursor:
                yield {
                    "image": str(image_id), "project": project_id, "filename": filename,
                    "source_path": source_path, "file": key,
                }  # fmt: skip

    async def count_rows(self) -> dict[str, int]:
        """Count the rows of the most important tables."""
        counts = {}
        for table in COUNTED:
            there = await (
                await self.connection.execute("select to_regclass(%s)", [table])
            ).fetchone()
            if there and there[0]:
                statement = f"select count(*) from {table}"  # noqa: S608
                cursor = await self.connection.execute(statement.encode())
                found = await cursor.fetchone()
                counts[table] = int(found[0]) if found else 0
        return counts


@asynccontextmanager
async def open_snapshot(url: str) -> AsyncIterator[Snapshot]:
    """Open a snapshot of a database; no stored file is deleted while it is open."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("select pg_advisory_lock_shared(%s)", [BACKUP_LOCK])
        await connection.execute("begin isolation level repeatable read read only")
        found = await (await connection.execute("select pg_export_snapshot()")).fetchone()
        assert found is not None
        yield Snapshot(found[0], connection)
        # Explicit, because PostgreSQL notices a closed connection only later.
        await connection.execute("rollback")
        await connection.execute("select pg_advisory_unlock_shared(%s)", [BACKUP_LOCK])
