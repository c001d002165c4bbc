"""One attempt at an export: its place on the disk, its signs of life, and its right to move the export."""

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
"""Three signs of life that did not come."""
FILES_KEPT_S = 3600.0
"""A download that has begun comes to its end."""
LOCK, LAST = "lock", "attempt"
LEAST_FREE = 0.05
"""The part of the disk that an export leaves for all else."""


class ExportOwnershipLost(Exception):
    """The export was canceled, deleted, or taken up by somebody else."""


def get_work_folder(system: AppContext) -> Path:
    """Give the folder in which each export that is being made has its own."""
    return system.work_folder / "exports"


@contextmanager
def lock_folder(folder: Path) -> Iterator[bool]:
    """Make a folder, and answer whether nobody else on this machine works in it."""
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
    """Find the last attempt that worked in a folder, which is over where the caller is alone in it."""
    with suppress(FileNotFoundError, ValueError):
        return int((folder / LAST).read_text())
    return None


def clear_folder(folder: Path) -> None:
    """Take away all that an attempt left in its folder, whose lock the caller holds.

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
    """Raise OSError where the disk of a folder is almost full."""
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
    """Drop the folder of an export that is not being made, unless somebody works in it."""
    folder = get_work_folder(system) / str(export_id)
    with lock_folder(folder) as isalone:
        if isalone:
            shutil.rmtree(folder, ignore_errors=True)


class ExportAttempt:
    """Somebody who took an export up, until it is at its end or somebody else takes it up.

    `stop` tells what runs in a thread that it is over.
    """

    def __init__(self, system: AppContext, scope: Scope, row: ExportRow, folder: Path) -> None:
        self.system, self.scope, self.row, self.folder = system, scope, row, folder
        self.stop = threading.Event()

    def record_heartbeat(self) -> None:
        """Note in its folder that it is this attempt's. Raises OSError."""
        (self.folder / LAST).write_text(str(self.row.attempt))

    def check(self) -> None:
        """Raise Stopped where it is over."""
        if self.stop.is_set():
            raise ExportOwnershipLost

    async def fail(self, why: str) -> None:
        """Tell in words why there is no file."""
        with suppress(ExportOwnershipLost):
            await self.update(
                state="failed", storage_key=None, error=why, finished_at=func.clock_timestamp()
            )

    async def update(self, **values: Any) -> None:
        """Set values of the export, in a transaction of their own. Raises Stopped."""
        async with self.system.database.transaction(self.scope) as tx:
            await self.update_in(tx, **values)

    async def update_in(self, tx: Transaction, **values: Any) -> None:
        """Set values of the export. Raises Stopped where it is somebody else's, or at its end.

        With another key, the file that an attempt before may have kept goes.
        """
        if not await update_export(self.scope, tx, self.row, **values):
            raise ExportOwnershipLost
        before, row = self.row.storage_key, self.row
        if before is not None and values.get("storage_key", before) != before:
            await discard_files(self.scope, tx, [(before, row.project_id, None)], FILES_KEPT_S)

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Give a sign of life every few seconds within the block; at its end all that runs in threads is over."""

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
