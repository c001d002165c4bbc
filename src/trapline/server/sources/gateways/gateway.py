"""The interface of gateways: list the files of a source, and open one file as a stream."""

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
MAX_FINGERPRINT = 500


@dataclass(frozen=True)
class RemoteFile:
    """One file of a listing.

    `path` is relative to the source, with `/`, escaped as in file_names. `size` is in bytes and set
    only if the listing has the exact size. The zone of `modified_at` can be a guess unless
    `is_exact`. `fingerprint` has size, time and version as listed: as long as it is the same, the
    file is considered unchanged.
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
"""Consecutive folders without an answer of the server after which the listing fails."""


class UnlistedFolder(NamedTuple):
    """A folder of a source that could not be listed, and why."""

    path: str
    reason: str


class Walk:
    """Record of what a listing leaves out: entries counted by reason, and unlisted folders.

    `exclude_folder` returns the reason to leave out a folder and everything below it, or None.
    """

    def __init__(self, exclude_folder: Callable[[str], str | None] | None = None) -> None:
        self._exclude_folder = exclude_folder
        self._unanswered = 0
        self.left_out: Counter[str] = Counter()
        self.folders: list[UnlistedFolder] = []

    def enters(self, path: str) -> bool:
        """Return whether a folder is to be listed; otherwise count it as left out."""
        reason = self._exclude_folder(path) if self._exclude_folder else None
        if reason is not None:
            self.leave_out(reason)
        return reason is None

    def leave_out(self, reason: str, count: int = 1) -> None:
        """Count entries that are left out for a reason."""
        if count:
            self.left_out[reason] += count

    def record_unlisted(self, path: str, reason: str) -> None:
        """Record a folder that is not listed."""
        self.folders.append(UnlistedFolder(path.rstrip("/")[:MAX_PATH_CHARACTERS], reason))

    def record_failure(self, path: str, error: OutboundFailed) -> None:
        """Record a folder below the root that could not be listed.

        Raises:
            OutboundFailed: the server sent Retry-After, the listing is too large, or the server
                did not answer for several consecutive folders. The whole source then backs off.
        """
        if error.retry_after_s is not None or isinstance(error, ListingTooLarge | AskedTooOften):
            raise error
        self._unanswered += isinstance(error, Unanswered)
        if self._unanswered >= UNANSWERED_AT_MOST:
            raise error
        self.record_unlisted(path, error.detail)

    def record_listed(self) -> None:
        """Record that a folder was listed, which shows that the server answers."""
        self._unanswered = 0


class ListingTooLarge(OutboundFailed):
    """The listing exceeds the limits of its size."""


class Gateway(Protocol):
    """Lists and opens the files of one source over one protocol.

    Every failure outside of Trapline is raised as OutboundFailed with a message for users.
    """

    def list_files(self, walk: Walk | None = None) -> AsyncIterator[RemoteFile]:
        """List every file of the source and its folders, lazily and in bounded memory.

        Everything that is left out is recorded in `walk`.
        """

    def open_file(
        self, path: str, known_etag: str | None = None
    ) -> AbstractAsyncContextManager[OpenFile | None]:
        """Open one file; None if its version is still `known_etag`."""

    async def close(self) -> None:
        """Close every connection."""


def build_fingerprint(text: str) -> str:
    """Build a storable fingerprint from the text that distinguishes versions of a file."""
    if (
        len(text) <= MAX_FINGERPRINT
        and "\x00" not in text
        and text.encode("utf-8", "ignore").decode() == text
    ):
        return text
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
