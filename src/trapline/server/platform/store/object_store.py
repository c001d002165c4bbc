"""What every object store can do, and the file that is being received."""

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
    """What is kept under a key: its size in bytes and, in hexadecimal, its SHA-256."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True)
class SignedPut:
    """An address that takes one upload without any other right, and the headers that the uploader must send."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True)
class UploadedObject:
    """What lies under a key that an outsider may have uploaded to.

    Its size in bytes, its media type, and its SHA-256 in hexadecimal, None where the store does not
    know it: an S3 server knows what was announced for the upload, and has checked it.
    """

    size: int
    media_type: str
    sha256: str | None


@dataclass
class IncomingFile:
    """A file on the local disk that is being received; it vanishes with its block unless it was
    kept.

    `path` may be read by a child process once `write` returned.
    """

    path: Path
    descriptor: int
    size: int = 0
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256, repr=False)

    def write(self, chunk: bytes) -> None:
        """Append bytes; blocks, so large chunks belong in a thread.

        Raises Unavailable where the disk refuses.
        """
        self._digest.update(chunk)
        view = memoryview(chunk)
        try:
            while view:
                view = view[os.write(self.descriptor, view) :]
        except OSError as error:
            raise ServiceUnavailable(
                f"The server cannot keep what it receives: {error.strerror}. Nothing was stored; send it again later."
            ) from error
        self.size += len(chunk)

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written so far, in hexadecimal."""
        return self._digest.hexdigest()


class ObjectStore(Protocol):
    """Keeps bytes under keys.

    What a call has answered is durable: it survives the loss of power.
    """

    def receive(self) -> AbstractAsyncContextManager[IncomingFile]:
        """Open a file to receive into."""

    async def keep(
        self, incoming: IncomingFile, key: str, media_type: str | None = None
    ) -> StoredObject:
        """Make a received file durable under a key; the same key again replaces it as a whole.

        `media_type` is remembered where the bytes alone would not tell it. Raises Unavailable.
        """

    def open(self, key: str, first: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Read bytes from `first` on, `length` of them or all; raises NotFound at the first read."""

    async def find_size(self, key: str) -> int | None:
        """Size in bytes, or None where nothing is kept."""

    async def delete(self, key: str) -> None:
        """Forget a key; one that is not there is fine."""

    def local_path(self, key: str) -> AbstractAsyncContextManager[Path]:
        """Give a path on the local disk, for a child process to read; raises NotFound."""

    async def find_free_fraction(self) -> float | None:
        """Free part of the disk from 0 to 1, or None where there is no such thing."""

    async def check(self) -> None:
        """Raise Unavailable where the store cannot be written to."""

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
        """Make an address that takes an upload of exactly this key, type, and, where they are told,
        size and SHA-256.

        It may be used again until it expires. Without a size the local store takes `at_most` bytes;
        an S3 server takes any number, so that the size must be looked at by `find_arrived`. Raises
        NotFound where nobody may upload, and TooLarge.
        """

    async def sign_get(self, key: str, *, lifetime_s: int, filename: str | None = None) -> str:
        """Make an address that gives what lies under a key; with `filename` as an attachment of that name."""

    async def find_uploaded(self, key: str) -> UploadedObject | None:
        """Look what was uploaded to a key; None where nothing was."""
