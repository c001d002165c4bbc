"""The object store in a folder: each file is flushed and renamed, then its folder is flushed."""

import asyncio
import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from trapline.server.platform.errors import NotFound, ServiceUnavailable
from trapline.server.platform.files.safe_open import open_within
from trapline.server.platform.store.incoming_folder import IncomingFolder
from trapline.server.platform.store.object_store import (
    IncomingFile,
    SignedPut,
    StoredObject,
    UploadedObject,
)
from trapline.server.platform.store.signed_downloads import sign_download
from trapline.server.platform.store.signed_uploads import UploadSpec, sign_upload
from trapline.server.platform.store.storage_keys import parse_key

READ_BYTES = 256 * 1024
UNKNOWN_TYPE = "application/octet-stream"
_NOTES = "notes"


class LocalStore:
    """Stores files in a folder that no other program writes to. It never follows symbolic links.

    The first of `secrets` signs URLs below `public_url`, which the server answers.
    """

    def __init__(self, root: Path, secrets: Sequence[bytes], public_url: str) -> None:
        self.root = root
        self._secrets = secrets
        self._public_url = public_url
        self._incoming = IncomingFolder(root)

    def receive(self) -> AbstractAsyncContextManager[IncomingFile]:
        """Create a file to receive into; it is deleted after the block unless it was stored."""
        return self._incoming.receive()

    async def keep(
        self, incoming: IncomingFile, key: str, media_type: str | None = None
    ) -> StoredObject:
        """Store a received file under a key. Raises ServiceUnavailable if the disk fails."""
        parts = parse_key(key)
        try:
            if media_type is not None:
                await self._note(incoming, parts, media_type)
            await asyncio.to_thread(self._keep, incoming, parts)
        except OSError as error:
            raise ServiceUnavailable(
                f"The file store cannot be written to: {error.strerror}. Nothing was stored."
            ) from error
        return StoredObject(key, incoming.size, incoming.sha256)

    async def open(
        self, key: str, first: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Read `length` bytes from `first` on, or all. Raises NotFound at the first read."""
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
        """Return the size of an object in bytes; None if it does not exist."""
        parse_key(key)
        return await asyncio.to_thread(self._find_size, key)

    async def delete(self, key: str) -> None:
        """Delete an object, if it exists."""
        parts = parse_key(key)
        for path in (self.root.joinpath(*parts), self.root.joinpath(_NOTES, *parts)):
            await asyncio.to_thread(path.unlink, missing_ok=True)

    @asynccontextmanager
    async def local_path(self, key: str) -> AsyncIterator[Path]:
        """Yield a path on the local disk. Raises NotFound."""
        if await self.find_size(key) is None:
            raise NotFound
        yield self.root.joinpath(*parse_key(key))

    async def find_free_fraction(self) -> float | None:
        """Return the free share of the disk, from 0 to 1."""
        usage = await asyncio.to_thread(shutil.disk_usage, self.root)
        return usage.free / usage.total if usage.total else None

    async def check(self) -> None:
        """Verify that the folder can be written to. Raises ServiceUnavailable."""
        try:
            async with self.receive() as incoming:
                incoming.write(b"ready")
        except OSError as error:
            raise ServiceUnavailable(
                f"The file store {self.root} cannot be written to: {error.strerror}."
            ) from error

    async def sign_put(
        self,
        key: str,
        media_type: str,
        *,
        lifetime_s: int,
        size: int | None = None,
        sha256: str | None = None,
        at_most: int,
    ) -> SignedPut:
        """Build a URL of the server for one upload."""
        announced = UploadSpec(media_type, at_most, size, sha256)
        url = sign_upload(
            self._secrets, self._public_url, key, announced, int(time.time()) + lifetime_s
        )
        length = {} if size is None else {"Content-Length": str(size)}
        return SignedPut(url, {"Content-Type": media_type, **length})

    async def sign_get(self, key: str, *, lifetime_s: int, filename: str | None = None) -> str:
        """Build a URL of the server that returns a file."""
        parse_key(key)
        now = time.time()
        return sign_download(
            self._secrets,
            self._public_url,
            key,
            now,
            lifetime_s=lifetime_s,
            round_to_s=1,
            filename=filename,
        )

    async def find_uploaded(self, key: str) -> UploadedObject | None:
        """Return the properties of an uploaded object; None if it does not exist."""
        parse_key(key)
        return await asyncio.to_thread(self._find_uploaded, key)

    def _find_uploaded(self, key: str) -> UploadedObject | None:
        try:
            descriptor = self._open(key)
        except NotFound:
            return None
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            note = self._read_note(key)
            # A note is written before its file is renamed. A note with another time was left by a
            # process that was killed in between.
            if note.get("mtime_ns") == found.st_mtime_ns:
                return UploadedObject(found.st_size, note["media_type"], note["sha256"])
            return UploadedObject(
                found.st_size, UNKNOWN_TYPE, hashlib.file_digest(file, "sha256").hexdigest()
            )

    def _read_note(self, key: str) -> dict[str, Any]:
        try:
            with os.fdopen(
                open_within(self.root, (_NOTES, *parse_key(key))), encoding="utf-8"
            ) as file:
                note: dict[str, Any] = json.load(file)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        return note

    async def _note(self, incoming: IncomingFile, parts: tuple[str, ...], media_type: str) -> None:
        """Store the properties of a file that its content does not show, or only slowly."""
        note = {
            "mtime_ns": os.fstat(incoming.descriptor).st_mtime_ns,
            "media_type": media_type,
            "sha256": incoming.sha256,
        }
        async with self.receive() as written:
            written.write(json.dumps(note).encode())
            await asyncio.to_thread(self._keep, written, (_NOTES, *parts))

    def _keep(self, incoming: IncomingFile, parts: tuple[str, ...]) -> None:
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
            descriptor = open_within(self.root, parse_key(key))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise NotFound
        return descriptor

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
