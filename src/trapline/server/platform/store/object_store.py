"""The interface of object stores, and the file that is being received."""

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trapline.server.platform.errors import ServiceUnavailable


@dataclass(frozen=True)
class StoredObject:
    """A stored object: its key, its size in bytes, and its SHA-256 in hexadecimal."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True)
class SignedPut:
    """A signed URL for one upload, and the headers that the client must send."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True)
class UploadedObject:
    """An object that a client may have uploaded: its size in bytes, media type and SHA-256.

    The SHA-256 is in hexadecimal, and None if the store does not know it. An S3 server knows it if
    it was announced for the upload, and has then verified it.
    """

    size: int
    media_type: str
    sha256: str | None


@dataclass
class IncomingFile:
    """A file on the local disk that is being received; it is deleted unless it is stored.

    A child process can read `path` after `write` has returned.
    """

    path: Path
    descriptor: int
    size: int = 0
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256, repr=False)

    def write(self, chunk: bytes) -> None:
        """Append bytes; this blocks, so write large chunks in a thread.

        Raises:
            ServiceUnavailable: the disk is full or fails.
        """
        self._digest.update(chunk)
        view = memoryview(chunk)
        try:
            while view:
                view = view[os.write(self.descriptor, view) :]
        except OSError as error:
            raise ServiceUnavailable(
                f"The server cannot write the file to its disk: {error.strerror}. "
                "Nothing was stored. Send it again later."
            ) from error
        self.size += len(chunk)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes written so far, in hexadecimal."""
        return self._digest.hexdigest()


class ObjectStore(Protocol):
    """Stores bytes by key.

    When a call returns, its change is durable: it survives a power failure.
    """

    def receive(self) -> AbstractAsyncContextManager[IncomingFile]:
        """Create a file to receive into."""

    async def keep(
        self, incoming: IncomingFile, key: str, media_type: str | None = None
    ) -> StoredObject:
        """Store a received file under a key; an existing object is replaced atomically.

        `media_type` is stored for files whose content does not show it.

        Raises:
            ServiceUnavailable: the store cannot be written to.
        """

    def open(self, key: str, first: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Read `length` bytes from `first` on, or all. Raises NotFound at the first read."""

    async def find_size(self, key: str) -> int | None:
        """Return the size of an object in bytes; None if it does not exist."""

    async def delete(self, key: str) -> None:
        """Delete an object, if it exists."""

    def local_path(self, key: str) -> AbstractAsyncContextManager[Path]:
        """Yield a path on the local disk, for a child process to read. Raises NotFound."""

    async def find_free_fraction(self) -> float | None:
        """Return the free share of the disk, from 0 to 1; None if the store has no limit."""

    async def check(self) -> None:
        """Verify that the store can be written to. Raises ServiceUnavailable."""

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
        """Build a URL for an upload with this key and type, and, if given, size and SHA-256.

        The URL can be used again until it expires. Without a size the local store accepts up to
        `at_most` bytes. An S3 server then accepts any size, so check it with `find_uploaded`.

        Raises:
            NotFound: clients do not upload files with such a key.
            PayloadTooLarge: the size is above `at_most`.
        """

    async def sign_get(self, key: str, *, lifetime_s: int, filename: str | None = None) -> str:
        """Build a URL that returns an object, with `filename` as an attachment of that name."""

    async def find_uploaded(self, key: str) -> UploadedObject | None:
        """Return the properties of an uploaded object; None if it does not exist."""
