"""What every object store can do, and the file that is being received."""

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Stored:
    """What is kept under a key: its size in bytes and, in hexadecimal, its SHA-256."""

    key: str
    size: int
    sha256: str


@dataclass
class Incoming:
    """A file on the local disk that is being received; it vanishes with its block unless it was kept.

    `path` may be read by a child process once `write` returned.
    """

    path: Path
    descriptor: int
    size: int = 0
    _digest: "hashlib._Hash" = field(default_factory=hashlib.sha256, repr=False)

    def write(self, chunk: bytes) -> None:
        """Append bytes; blocks, so large chunks belong in a thread."""
        self._digest.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[os.write(self.descriptor, view) :]
        self.size += len(chunk)

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written so far, in hexadecimal."""
        return self._digest.hexdigest()


class Store(Protocol):
    """Keeps bytes under keys. What a call has answered is durable: it survives the loss of power."""

    def receive(self) -> AbstractAsyncContextManager[Incoming]:
        """Open a file to receive into."""

    async def keep(self, incoming: Incoming, key: str) -> Stored:
        """Make a received file durable under a key; the same key again replaces it as a whole."""

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
