"""A folder on this machine: a mounted disk, a network share or an SD card."""

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

import structlog

from trapline.server.beneath import open_beneath
from trapline.server.errors import FileGone, OutboundFailed, OutboundRefused
from trapline.server.gateways.own_folders import OwnFolders, identify_own_folders, is_own_entry, is_own_folder
from trapline.server.gateways.port import MAX_DEPTH, MAX_ENTRIES, MAX_FOLDERS, MAX_PATH_CHARACTERS, Entry, OpenFile

log = structlog.get_logger(__name__)

BATCH = 1000
READ_BYTES = 256 * 1024


class FolderGateway:
    """Reads files beneath one folder; symbolic links are never followed."""

    def __init__(self, root: Path, own: OwnFolders | None = None) -> None:
        self._root = root
        self._own = own or OwnFolders()

    async def list_files(self) -> AsyncIterator[Entry]:
        """List every file beneath the folder, without hidden ones."""
        entries = _walk(self._root, self._own)
        while True:
            try:
                batch = await asyncio.to_thread(lambda: list(islice(entries, BATCH)))
            except OSError as error:
                raise OutboundFailed(f"the folder of this source cannot be listed: {error.strerror}") from error
            for entry in batch:
                yield entry
            if len(batch) < BATCH:
                return

    @asynccontextmanager
    async def open_file(self, path: str, known_etag: str | None = None) -> AsyncIterator[OpenFile | None]:
        """Open one file; None if its size and time are those of `known_etag`."""
        try:
            # Not blocking: a pipe with a picture's name must not hold the run for ever.
            parts, refused = tuple(path.split("/")), self._own.inside
            descriptor = await asyncio.to_thread(open_beneath, self._root, parts, os.O_NONBLOCK, refused)
        except FileNotFoundError as error:
            raise FileGone(_in_words(error)) from error
        except OSError as error:
            raise OutboundFailed(_in_words(error)) from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OutboundFailed("it is not an ordinary file")
            etag = _fingerprint(status)
            if etag == known_etag:
                yield None
            else:
                yield OpenFile(status.st_size, _moment(status), etag, _read(descriptor, status.st_size))
        finally:
            os.close(descriptor)

    async def close(self) -> None:
        """Nothing stays open."""


def folder_of(base_url: str, allowed: Sequence[Path], own: Sequence[Path] = ()) -> Path:
    """Find the folder that `file:///...` names.

    Raises:
        OutboundRefused: the folder is not below an allowed one, or is, contains or lies in one of Trapline's `own`.
    """
    try:
        split = urlsplit(base_url)
        folder = Path(os.path.realpath(unquote(split.path)))
    except ValueError as error:
        raise OutboundRefused("no folder can have such a name") from error
    if split.scheme != "file" or split.netloc not in ("", "localhost"):
        raise OutboundRefused("a folder is named as file:///path/to/folder")
    if not any(folder.is_relative_to(Path(os.path.realpath(root))) for root in allowed):
        raise OutboundRefused(
            f"the folder of {base_url} is not one that pictures may be pulled from; an operator can allow it with "
            "TRAPLINE_SOURCE_FOLDERS"
        )
    if is_own_folder(folder, identify_own_folders(own)):
        raise OutboundRefused(
            f"the folder of {base_url} is, contains or lies in the data folder of Trapline, which no source may read"
        )
    return folder


def _walk(root: Path, own: OwnFolders) -> Iterator[Entry]:
    waiting: list[tuple[Path, str, int]] = [(root, "", 0)]
    count = folders = 0
    while waiting:
        folder, prefix, depth = waiting.pop()
        for item in _scan(folder, is_root=not prefix):
            path = prefix + item.name
            if item.name.startswith(".") or len(path) > MAX_PATH_CHARACTERS or not _is_text(path):
                continue
            if item.is_dir(follow_symlinks=False):
                folders += 1
                if folders > MAX_FOLDERS:
                    raise OutboundFailed(f"the folder has more than {MAX_FOLDERS:,} folders in it")
                if depth < MAX_DEPTH and not is_own_entry(item, own):
                    waiting.append((Path(item.path), path + "/", depth + 1))
            elif item.is_file(follow_symlinks=False) and (status := _stat(item)) is not None:
                count += 1
                if count > MAX_ENTRIES:
                    raise OutboundFailed(f"the folder has more than {MAX_ENTRIES:,} files")
                yield Entry(path, status.st_size, _moment(status), True, _fingerprint(status))


def _scan(folder: Path, *, is_root: bool) -> Iterator[os.DirEntry[str]]:
    try:
        found = os.scandir(folder)
    except OSError:
        if is_root:
            raise
        log.warning("a folder of a source cannot be listed", folder=str(folder))
        return
    with found:
        yield from found


def _stat(item: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return item.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def _is_text(path: str) -> bool:
    if path.isprintable():
        return True
    log.warning("a file of a source is left out: its name is not text", name=ascii(path))
    return False


def _fingerprint(status: os.stat_result) -> str:
    return f"{status.st_size}:{status.st_mtime_ns}"


def _moment(status: os.stat_result) -> datetime | None:
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
        raise OutboundFailed(_in_words(error)) from error
    if position != size:
        raise OutboundFailed("the file changed its length while it was read")


def _in_words(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "a symbolic link stands in the way, and none is followed"
    if error.errno == errno.ENOENT:
        return "it is no longer there"
    return f"it cannot be read: {error.strerror}"
