"""What every gateway can do: list what is there, and open one file as a stream."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

MAX_ENTRIES = 5_000_000
MAX_FOLDERS = 50_000
MAX_DEPTH = 20
MAX_PATH_CHARACTERS = 1000
MAX_SIZE = 2**63 - 1
MAX_SAID = 500


@dataclass(frozen=True)
class Entry:
    """One file as a listing tells of it.

    `path` is relative to the source, with `/`. `size` in bytes, only where the listing gives it exactly.
    `modified_at` may be a guess of the zone unless `is_exact`. `fingerprint` is all that the listing said of size,
    time and version: while it stays the same the file is taken to be the same.
    """

    path: str
    size: int | None = None
    modified_at: datetime | None = None
    is_exact: bool = False
    fingerprint: str = ""


@dataclass(frozen=True)
class OpenFile:
    """An open file: what is known of it now, and its bytes."""

    size: int | None
    modified_at: datetime | None
    etag: str | None
    chunks: AsyncIterator[bytes]


class Gateway(Protocol):
    """Speaks one protocol to one source. Whatever goes wrong outside is raised as OutboundFailed, in words."""

    def list_files(self) -> AsyncIterator[Entry]:
        """List every file of the source and its folders, lazily, in bounded memory."""

    def open_file(self, path: str, known_etag: str | None = None) -> AbstractAsyncContextManager[OpenFile | None]:
        """Open one file; None if it still is the version that `known_etag` names."""

    async def close(self) -> None:
        """Close every connection."""


def fingerprint_of(said: str) -> str:
    """Tell one version of a file from another by what the listing says, in a form that the ledger can hold."""
    if len(said) <= MAX_SAID and "\x00" not in said and said.encode("utf-8", "ignore").decode() == said:
        return said
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
