"""The object store in a folder: written aside, flushed, renamed, and the folder flushed."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from trapline.server.beneath import open_beneath
from trapline.server.errors import NotFound, Unavailable
from trapline.server.store.keys import parts_of
from trapline.server.store.port import Incoming, Stored

READ_BYTES = 256 * 1024


class LocalStore:
    """Keeps files under one folder that nobody else writes to. Symbolic links are never followed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / "incoming"
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)

    def sweep(self) -> int:
        """Remove what a killed process left half received; answers how many. Only while no other process receives."""
        left = list(self._incoming.iterdir())
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    @asynccontextmanager
    async def receive(self) -> AsyncIterator[Incoming]:
        """Open a file to receive into; it vanishes with the block unless it was kept."""
        path = self._incoming / secrets.token_hex(16)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            yield Incoming(path, descriptor)
        finally:
            os.close(descriptor)
            with suppress(FileNotFoundError):
                path.unlink()

    async def keep(self, incoming: Incoming, key: str) -> Stored:
        """Make a received file durable under a key. Raises Unavailable where the disk refuses."""
        parts = parts_of(key)
        try:
            await asyncio.to_thread(self._keep, incoming, parts)
        except OSError as error:
            raise Unavailable(f"The file store cannot be written to: {error.strerror}. Nothing was stored.") from error
        return Stored(key, incoming.size, incoming.sha256)

    async def open(self, key: str, first: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Read bytes from `first` on, `length` of them or all; raises NotFound at the first read."""
        descriptor = await asyncio.to_thread(self._open, key)
        try:
            position, left = first, length
            while left is None or left > 0:
                wanted = READ_BYTES if left is None else min(READ_BYTES, left)
                chunk = await asyncio.to_thread(os.pread, descriptor, wanted, position)
                if not chunk:
                    return
                position += len(chunk)
                left = None if left is None else left - len(chunk)
                yield chunk
        finally:
            os.close(descriptor)

    async def find_size(self, key: str) -> int | None:
        """Size in bytes, or None where nothing is kept."""
        return await asyncio.to_thread(self._find_size, key)

    async def delete(self, key: str) -> None:
        """Forget a key; one that is not there is fine."""
        path = self.root.joinpath(*parts_of(key))
        await asyncio.to_thread(path.unlink, missing_ok=True)

    @asynccontextmanager
    async def local_path(self, key: str) -> AsyncIterator[Path]:
        """Give a path on the local disk; raises NotFound."""
        if await self.find_size(key) is None:
            raise NotFound
        yield self.root.joinpath(*parts_of(key))

    async def find_free_fraction(self) -> float | None:
        """Free part of the disk, from 0 to 1."""
        usage = await asyncio.to_thread(shutil.disk_usage, self.root)
        return usage.free / usage.total if usage.total else None

    async def check(self) -> None:
        """Raise Unavailable where the folder cannot be written to."""
        try:
            async with self.receive() as incoming:
                incoming.write(b"ready")
        except OSError as error:
            raise Unavailable(f"The file store {self.root} cannot be written to: {error.strerror}.") from error

    def _keep(self, incoming: Incoming, parts: tuple[str, ...]) -> None:
        os.fsync(incoming.descriptor)
        folder = self.root
        for part in parts[:-1]:
            folder = folder / part
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                if folder.is_symlink():
                    raise
            else:
                _flush_folder(folder.parent)
        incoming.path.rename(folder / parts[-1])
        _flush_folder(folder)

    def _open(self, key: str) -> int:
        try:
            return open_beneath(self.root, parts_of(key))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound from error

    def _find_size(self, key: str) -> int | None:
        try:
            descriptor = self._open(key)
        except NotFound:
            return None
        try:
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
