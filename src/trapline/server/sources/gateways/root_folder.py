"""The folder of a source as an open descriptor.

Replacing the folder by another one or by a link does not change what a source reads.
"""

import os
import threading
from pathlib import Path

from trapline.server.platform.errors import AddressNotAllowed
from trapline.server.platform.files.safe_open import open_within
from trapline.server.sources.gateways.own_folders import OwnFolders, identify

# On Linux, search permission is enough for the parent folders. Other systems also require read
# permission.
_PASS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class RootFolder:
    """The folder that a source reads, opened at its first use and kept until `close`.

    `path` is the resolved folder that was checked. Each part of it is opened without following
    links, and each open folder is compared with those of Trapline by device and inode.
    """

    def __init__(self, path: Path, own: OwnFolders) -> None:
        self._path = path
        self._own = own
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._is_closed = False

    def open(self, parts: tuple[bytes, ...], flags: int = os.O_RDONLY) -> int:
        """Open a file, or a folder with O_DIRECTORY, below the root; without parts, open the root.

        Raises:
            RootUnavailable: the root itself cannot be opened; the cause is an OSError.
            AddressNotAllowed: the root is, contains or lies in a folder of Trapline.
            OSError: the file or folder cannot be opened.
        """
        root = self._duplicate()
        try:
            if not parts:
                # A duplicated descriptor would share the position in the listing.
                return os.open(".", _READ, dir_fd=root)
            return open_within(root, parts, flags, self._own.inside)
        finally:
            os.close(root)

    def close(self) -> None:
        """Close the descriptor; later calls of `open` fail."""
        with self._lock:
            self._is_closed = True
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _duplicate(self) -> int:
        # A thread that outlives a cancelled run must not use the number of a closed descriptor.
        with self._lock:
            if self._is_closed:
                raise RootUnavailable("the source is closed")
            if self._descriptor is None:
                try:
                    self._descriptor = self._open_root()
                except OSError as error:
                    raise RootUnavailable(str(self._path)) from error
            return os.dup(self._descriptor)

    def _open_root(self) -> int:
        folder = os.open("/", _PASS)
        names = self._path.parts[1:]
        passed = [identify(folder)]
        try:
            for place, name in enumerate(names, 1):
                below = os.open(name, _READ if place == len(names) else _PASS, dir_fd=folder)
                os.close(folder)
                folder = below
                passed.append(identify(folder))
            if not self._own.inside.isdisjoint(passed) or passed[-1] in self._own.around:
                raise AddressNotAllowed(
                    "the folder of this source overlaps with the data folder of "
                    "Trapline, which no source may read"
                )
        except BaseException:
            os.close(folder)
            raise
        return folder


class RootUnavailable(Exception):
    """The folder of a source cannot be opened."""
