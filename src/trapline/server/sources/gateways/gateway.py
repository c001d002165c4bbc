"""What every gateway can do: list what is there, and open one file as a stream."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from trapline.server.platform.errors import AskedTooOften, OutboundFailed, Unanswered
from trapline.server.platform.network.open_file import OpenFile

MAX_ENTRIES = 5_000_000
MAX_FOLDERS = 50_000
MAX_DEPTH = 20
MAX_PATH_CHARACTERS = 1000
MAX_SIZE = 2**63 - 1
MAX_SAID = 500


@dataclass(frozen=True)
class RemoteFile:
    """One file as a listing tells of it.

    `path` is relative to the source, with `/`, as file_names spells it. `size` in bytes, only where
    the listing gives it exactly. `modified_at` may be a guess of the zone unless `is_exact`.
    `fingerprint` is all that the listing said of size, time and version: while it stays the same
    the file is taken to be the same.
    """

    path: str
    size: int | None = None
    modified_at: datetime | None = None
    is_exact: bool = False
    fingerprint: str = ""


UNREPRESENTABLE = "unrepresentable name"
TOO_LONG = f"path longer than {MAX_PATH_CHARACTERS:,} characters"
SYMBOLIC_LINK = "symbolic link"
NOT_A_FILE = "neither a file nor a folder"
OUTSIDE = "link out of the source"
UNREADABLE = "unreadable row"
TOO_DEEP = f"it lies more than {MAX_DEPTH} folders deep"
UNANSWERED_AT_MOST = 5
"""Folders in a row that the server does not answer for, after which the listing ends."""


class UnlistedFolder(NamedTuple):
    """A folder of a source that could not be listed, and why."""

    path: str
    reason: str


class Walk:
    """What a listing leaves out: entries that are counted by reason, and folders that could not be
    listed.

    `judge_folder` returns the reason to leave a folder out, with all that is below it, or None.
    """

    def __init__(self, judge_folder: Callable[[str], str | None] | None = None) -> None:
        self._judge_folder = judge_folder
        self._unanswered = 0
        self.left_out: Counter[str] = Counter()
        self.folders: list[UnlistedFolder] = []

    def enters(self, path: str) -> bool:
        """Return whether a folder is listed; one that is not is counted."""
        reason = self._judge_folder(path) if self._judge_folder else None
        if reason is not None:
            self.leave_out(reason)
        return reason is None

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count entries that are not in the ledger."""
        if count:
            self.left_out[reason] += count

    def record_unlisted(self, path: str, reason: str) -> None:
        """Record a folder that is not listed."""
        self.folders.append(UnlistedFolder(path.rstrip("/")[:MAX_PATH_CHARACTERS], reason))

    def record_failure(self, path: str, error: OutboundFailed) -> None:
        """Record a folder below the root that could not be listed.

        Raises:
            OutboundFailed: the server asks to be left alone, the listing is too large, or the
            server did not answer
                for several folders in a row. The source then backs off as a whole.
        """
        if error.retry_after_s is not None or isinstance(error, ListingTooLarge | AskedTooOften):
            raise error
        self._unanswered += isinstance(error, Unanswered)
        if self._unanswered >= UNANSWERED_AT_MOST:
            raise error
        self.record_unlisted(path, error.detail)

    def record_listed(self) -> None:
        """Record that a folder was listed, so the server answers."""
        self._unanswered = 0


class ListingTooLarge(OutboundFailed):
    """The whole listing is larger than is read."""


class Gateway(Protocol):
    """Speaks one protocol to one source.

    Whatever goes wrong outside is raised as OutboundFailed, in words.
    """

    def list_files(self, walk: Walk | None = None) -> AsyncIterator[RemoteFile]:
        """List every file of the source and its folders, lazily, in bounded memory; the rest is recorded by `walk`."""

    def open_file(
        self, path: str, known_etag: str | None = None
    ) -> AbstractAsyncContextManager[OpenFile | None]:
        """Open one file; None if it still is the version that `known_etag` names."""

    async def close(self) -> None:
        """Close every connection."""


def build_fingerprint(said: str) -> str:
    """Tell one version of a file from another by what the listing says, in a form that the ledger can hold."""
    if (
        len(said) <= MAX_SAID
        and "\x00" not in said
        and said.encode("utf-8", "ignore").decode() == said
    ):
        return said
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
