"""Gateway for a local folder: a mounted disk, a network share or an SD card."""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from urllib.parse import unquote, urlsplit

from trapline.server.platform.errors import AddressNotAllowed, FileGone, OutboundFailed
from trapline.server.platform.network.open_file import OpenFile
from trapline.server.sources.gateways.file_names import find_path, spell
from trapline.server.sources.gateways.gateway import (
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_FOLDERS,
    NOT_A_FILE,
    SYMBOLIC_LINK,
    TOO_DEEP,
    ListingTooLarge,
    RemoteFile,
    Walk,
)
from trapline.server.sources.gateways.own_folders import (
    OwnFolders,
    identify_own_folders,
    is_own_entry,
    is_own_folder,
)
from trapline.server.sources.gateways.root_folder import RootFolder, RootUnavailable

BATCH = 1000
READ_BYTES = 256 * 1024
STARTS_AT_ONCE = 8
LINK_IN_THE_WAY = (errno.ELOOP, errno.ENOTDIR)


class FolderGateway:
    """Lists and opens files below one folder, which is kept open; links are never followed."""

    def __init__(self, root: Path, own: OwnFolders | None = None) -> None:
        self._own = own or OwnFolders()
        self._root = RootFolder(root, self._own)

    async def list_files(self, walk: Walk | None = None) -> AsyncIterator[RemoteFile]:
        """List every file below the folder; symbolic links are counted."""
        entries = _walk(self._root, self._own, walk or Walk())
        while True:
            try:
                batch = await asyncio.to_thread(lambda: list(islice(entries, BATCH)))
            except OSError as error:
                raise OutboundFailed(
                    f"the folder of this source cannot be listed: {error.strerror}"
                ) from error
            except RootUnavailable as error:
                raise _describe_unavailable_root(error) from error
            for entry in batch:
                yield entry
            if len(batch) < BATCH:
                return

    async def read_start(self, path: str, most_bytes: int) -> bytes | None:
        """Read the first bytes of a file; None if it cannot be read."""
        [start] = await self.read_starts([path], most_bytes)
        return start

    async def read_starts(self, paths: Sequence[str], most_bytes: int) -> list[bytes | None]:
        """Read the first bytes of files in the given order, `STARTS_AT_ONCE` files at a time."""
        # Each thread reads many files, because starting a thread takes longer than reading a start.
        shares = [
            range(first, len(paths), STARTS_AT_ONCE)
            for first in range(min(STARTS_AT_ONCE, len(paths)))
        ]
        starts: list[bytes | None] = [None] * len(paths)

        def read_share(share: range) -> None:
            for place in share:
                starts[place] = self._read_start(paths[place], most_bytes)

        await asyncio.gather(*[asyncio.to_thread(read_share, share) for share in shares])
        return starts

    def _read_start(self, path: str, most_bytes: int) -> bytes | None:
        try:
            descriptor = self._root.open(tuple(spell(path).split(b"/")), os.O_NONBLOCK)
        except (OSError, OutboundFailed, RootUnavailable):
            return None
        try:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            return os.pread(descriptor, most_bytes, 0) if is_file else None
        except OSError:
            return None
        finally:
            os.close(descriptor)

    @asynccontextmanager
    async def open_file(
        self, path: str, known_etag: str | None = None
    ) -> AsyncIterator[OpenFile | None]:
        """Open one file; None if its size and time are those of `known_etag`."""
        try:
            # O_NONBLOCK: opening a pipe that is named like an image must not block forever.
            parts = tuple(spell(path).split(b"/"))
            descriptor = await asyncio.to_thread(self._root.open, parts, os.O_NONBLOCK)
        except RootUnavailable as error:
            raise _describe_unavailable_root(error) from error
        except FileNotFoundError as error:
            raise FileGone(_describe_error(error)) from error
        except OSError as error:
            raise OutboundFailed(_describe_error(error)) from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OutboundFailed("it is not a regular file")
            etag = _fingerprint(status)
            if etag == known_etag:
                yield None
            else:
                yield OpenFile(
                    status.st_size,
                    _get_modified_at(status),
                    etag,
                    _read(descriptor, status.st_size),
                )
        finally:
            os.close(descriptor)

    async def close(self) -> None:
        """Close the folder."""
        self._root.close()


def resolve_folder(base_url: str, allowed: Sequence[Path], own: Sequence[Path] = ()) -> Path:
    """Resolve the folder of a `file:///...` URL.

    Raises:
        AddressNotAllowed: the folder is not below an allowed one, or it overlaps a folder of
            Trapline itself (`own`).
    """
    try:
        split = urlsplit(base_url)
        folder = Path(os.path.realpath(unquote(split.path)))
    except ValueError as error:
        raise AddressNotAllowed("the URL is not a valid folder name") from error
    if split.scheme != "file" or split.netloc not in ("", "localhost"):
        raise AddressNotAllowed("the URL of a folder must have the form file:///path/to/folder")
    if not any(folder.is_relative_to(Path(os.path.realpath(root))) for root in allowed):
        raise AddressNotAllowed(
            f"the folder of {base_url} is not below an allowed folder; an operator can allow it "
            "with TRAPLINE_SOURCE_FOLDERS"
        )
    if is_own_folder(folder, identify_own_folders(own)):
        raise AddressNotAllowed(
            f"the folder of {base_url} overlaps with the data folder of Trapline, "
            "which no source may read"
        )
    return folder


def _walk(root: RootFolder, own: OwnFolders, walk: Walk) -> Iterator[RemoteFile]:
    waiting: list[tuple[tuple[bytes, ...], str, int]] = [((), "", 0)]
    count = folders = 0
    while waiting:
        parts, prefix, depth = waiting.pop()
        for item, folder in _scan(root, parts, prefix, walk):
            path = find_path(os.fsencode(item.name), prefix, walk)
            if path is None:
                continue
            if item.is_symlink():
                walk.leave_out(SYMBOLIC_LINK)
            elif item.is_dir(follow_symlinks=False):
                folders += 1
                if folders > MAX_FOLDERS:
                    raise ListingTooLarge(f"the folder has more than {MAX_FOLDERS:,} sub-folders")
                if _may_enter(item, folder, path, depth, own, walk):
                    waiting.append(((*parts, os.fsencode(item.name)), path + "/", depth + 1))
            elif item.is_file(follow_symlinks=False) and (status := _stat(item)) is not None:
                count += 1
                if count > MAX_ENTRIES:
                    raise ListingTooLarge(f"the folder has more than {MAX_ENTRIES:,} files")
                yield RemoteFile(
                    path, status.st_size, _get_modified_at(status), True, _fingerprint(status)
                )
            else:
                walk.leave_out(NOT_A_FILE)


def _may_enter(
    item: os.DirEntry[str], folder: int, path: str, depth: int, own: OwnFolders, walk: Walk
) -> bool:
    if depth >= MAX_DEPTH:
        walk.record_unlisted(path, TOO_DEEP)
    else:
        try:
            is_own = is_own_entry(os.fsencode(item.name), folder, own)
        except OSError as error:
            walk.record_unlisted(path, error.strerror or str(error))
            return False
        if not is_own:
            return walk.enters(path)
        walk.record_unlisted(path, "it is a folder of Trapline itself, which no source may read")
    return False


def _scan(
    root: RootFolder, parts: tuple[bytes, ...], prefix: str, walk: Walk
) -> Iterator[tuple[os.DirEntry[str], int]]:
    """List the entries of a folder, each with the descriptor of the folder.

    A folder below the root that cannot be listed completely is recorded in `walk`.
    """
    folder = None
    try:
        folder = root.open(parts, os.O_DIRECTORY)
        with os.scandir(folder) as found:
            for item in found:
                yield item, folder
    except OSError as error:
        if not prefix:
            raise
        reason = (
            _describe_error(error)
            if error.errno in LINK_IN_THE_WAY
            else f"it cannot be listed: {error.strerror}"
        )
        walk.record_unlisted(prefix, reason)
    finally:
        if folder is not None:
            os.close(folder)


def _describe_unavailable_root(error: RootUnavailable) -> OutboundFailed:
    cause = error.__cause__
    if not isinstance(cause, OSError):
        return OutboundFailed(str(error))
    if cause.errno in LINK_IN_THE_WAY:
        return OutboundFailed(
            "the folder of this source was replaced by a symbolic link after it was checked, and "
            "links are not followed; the next run resolves the folder again"
        )
    return OutboundFailed(f"the folder of this source cannot be listed: {cause.strerror}")


def _stat(item: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return item.stat(follow_symlinks=False)
    except OSError:
        return None


def _fingerprint(status: os.stat_result) -> str:
    return f"{status.st_size}:{status.st_mtime_ns}"


def _get_modified_at(status: os.stat_result) -> datetime | None:
    try:
        return datetime.fromtimestamp(status.st_mtime, UTC)
    except (ValueError, OverflowError, OSError):
        return None


async def _read(descriptor: int, size: int) -> AsyncIterator[bytes]:
    position = 0
    try:
        while chunk := await asyncio.to_thread(os.pread, descriptor, READ_BYTES, position):
            position += len(chunk)
            yield chunk
    except OSError as error:
        raise OutboundFailed(_describe_error(error)) from error
    if position != size:
        raise OutboundFailed("the size of the file changed while it was read")


def _describe_error(error: OSError) -> str:
    if error.errno in LINK_IN_THE_WAY:
        return "its path contains a symbolic link, and links are not followed"
    if error.errno == errno.ENOENT:
        return "it is no longer there"
    return f"it cannot be read: {error.strerror}"
