"""One attempt at an export: its work folder, its heartbeat and its ownership of the export."""

import asyncio
import errno
import fcntl
import os
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func

from trapline.server.exports.queries.exports import ExportRow, update_export
from trapline.server.images.queries.image_deletion import discard_files
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import ServiceUnavailable

BEAT_S = 10.0
STILL_FOR_S = 30.0
"""An export whose owner missed three heartbeats can be claimed again."""
FILES_KEPT_S = 3600.0
"""The file of a deleted export is kept this long, so that a running download can finish."""
LOCK, LAST = "lock", "attempt"
LEAST_FREE = 0.05
"""The share of the disk that an export leaves free."""


class ExportOwnershipLost(Exception):
    """The export was canceled, deleted, or claimed by another process."""


def get_work_folder(system: AppContext) -> Path:
    """Return the folder that holds a work folder for each unfinished export."""
    return system.work_folder / "exports"


@contextmanager
def lock_folder(folder: Path) -> Iterator[bool]:
    """Create and lock a folder; yield False if another process on this machine holds the lock."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


def find_dead_attempt(folder: Path) -> int | None:
    """Return the number of the last attempt in a folder.

    If the caller holds the lock of the folder, that attempt has ended.
    """
    with suppress(FileNotFoundError, ValueError):
        return int((folder / LAST).read_text())
    return None


def clear_folder(folder: Path) -> None:
    """Delete all files of an earlier attempt from a folder whose lock the caller holds.

    Raises OSError.
    """
    for left in folder.iterdir():
        if left.name == LOCK:
            continue
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def require_disk_space(folder: Path, least: float = LEAST_FREE) -> None:
    """Raise OSError if the disk of a folder is almost full."""
    usage = shutil.disk_usage(folder)
    if usage.free < least * usage.total:
        raise OSError(errno.ENOSPC, f"only {usage.free / usage.total:.1%} of it is free")


def list_folders(system: AppContext) -> list[UUID]:
    """List the exports that have a folder on this machine."""
    folder = get_work_folder(system)
    found = []
    for inner in folder.iterdir() if folder.is_dir() else ():
        with suppress(ValueError):
            found.append(UUID(inner.name))
    return found


def delete_folder(system: AppContext, export_id: UUID) -> None:
    """Delete the work folder of an inactive export, unless another process holds its lock."""
    folder = get_work_folder(system) / str(export_id)
    with lock_folder(folder) as isalone:
        if isalone:
            shutil.rmtree(folder, ignore_errors=True)


class ExportAttempt:
    """A process's claim of an export, until the export ends or another process claims it.

    `stop` is set when threads that work for this attempt must end.
    """

    def __init__(self, system: AppContext, scope: Scope, row: ExportRow, folder: Path) -> None:
        self.system, self.scope, self.row, self.folder = system, scope, row, folder
        self.stop = threading.Event()

    def record_heartbeat(self) -> None:
        """Write this attempt's number to the work folder. Raises OSError."""
        (self.folder / LAST).write_text(str(self.row.attempt))

    def check(self) -> None:
        """Raise ExportOwnershipLost if the attempt has ended."""
        if self.stop.is_set():
            raise ExportOwnershipLost

    async def fail(self, why: str) -> None:
        """Mark the export as failed, with the reason."""
        with suppress(ExportOwnershipLost):
            await self.update(
                state="failed", storage_key=None, error=why, finished_at=func.clock_timestamp()
            )

    async def update(self, **values: Any) -> None:
        """Set values of the export in a separate transaction. Raises ExportOwnershipLost."""
        async with self.system.database.transaction(self.scope) as tx:
            await self.update_in(tx, **values)

    async def update_in(self, tx: Transaction, **values: Any) -> None:
        """Set values of the export; with a new storage key, discard the file of the old one.

        Raises:
            ExportOwnershipLost: another process owns the export, or it has ended.
        """
        if not await update_export(self.scope, tx, self.row, **values):
            raise ExportOwnershipLost
        before, row = self.row.storage_key, self.row
        if before is not None and values.get("storage_key", before) != before:
            await discard_files(self.scope, tx, [(before, row.project_id, None)], FILES_KEPT_S)

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Send a heartbeat every BEAT_S seconds within the block; at its end set `stop`."""

        async def beat() -> None:
            while not self.stop.is_set():
                await asyncio.sleep(BEAT_S)
                try:
                    await self.update()
                except ExportOwnershipLost:
                    self.stop.set()
                except ServiceUnavailable:
                    continue

        beating = asyncio.create_task(beat())
        try:
            yield
        finally:
            self.stop.set()
            beating.cancel()
