"""Folders of Trapline itself, which no source may read under any path.

A folder is identified by its device and inode, so that a bind mount is recognised under every path.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

Identity = tuple[int, int]
"""Device and inode."""
MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True)
class OwnFolders:
    """Identities of the folders of Trapline (`inside`) and of their parent folders (`around`)."""

    inside: frozenset[Identity] = frozenset()
    around: frozenset[Identity] = frozenset()


class _Mount(NamedTuple):
    device: str
    root: Path
    point: Path


def identify_own_folders(folders: Sequence[Path]) -> OwnFolders:
    """Identify the folders of Trapline, mounts inside them, and bind mounts of their parts."""
    mounts = list(_list_mounts())
    inside: set[Identity] = set()
    around: set[Identity] = set()
    waiting = [Path(os.path.realpath(folder)) for folder in folders]
    for folder in waiting:
        inside.update(_identify(folder, *_list_children(folder)))
        around.update(_identify(*folder.parents))
        home = max(
            (mount for mount in mounts if folder.is_relative_to(mount.point)),
            key=_depth,
            default=None,
        )
        place = home.root / folder.relative_to(home.point) if home else None
        for mount in mounts:
            is_part = home is not None and place is not None and mount.device == home.device
            if is_part and place is not None and mount.root.is_relative_to(place):
                inside.update(_identify(mount.point))
            if mount.point.is_relative_to(folder) and mount.point not in waiting:
                waiting.append(mount.point)
    return OwnFolders(frozenset(inside), frozenset(around))


def is_own_folder(folder: Path, own: OwnFolders) -> bool:
    """Return whether a resolved folder is, contains or lies in a folder of Trapline."""
    return not own.inside.isdisjoint(
        _identify(folder, *folder.parents)
    ) or not own.around.isdisjoint(_identify(folder))


def is_own_entry(name: bytes, folder: int, own: OwnFolders) -> bool:
    """Return whether an entry of an open folder is a mounted folder of Trapline."""
    # os.stat is required because the directory entry has the inode below the mount.
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    return (status.st_dev, status.st_ino) in own.inside


def identify(descriptor: int) -> Identity:
    """Return the device and inode of an open file or folder."""
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _depth(mount: _Mount) -> int:
    return len(mount.point.parts)


def _list_children(folder: Path) -> list[Path]:
    with suppress(OSError):
        return [
            Path(item.path) for item in os.scandir(folder) if item.is_dir(follow_symlinks=False)
        ]
    return []


def _identify(*folders: Path) -> Iterator[Identity]:
    for folder in folders:
        with suppress(OSError):
            status = folder.stat()
            yield status.st_dev, status.st_ino


def _list_mounts() -> Iterator[_Mount]:
    """List the mounts of this process (proc(5), mountinfo); empty on systems other than Linux."""
    try:
        lines = MOUNTS.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        fields = line.split(b" ")
        if len(fields) > 4:
            yield _Mount(fields[2].decode(), _decode(fields[3]), _decode(fields[4]))


def _decode(field: bytes) -> Path:
    for octal, sign in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        field = field.replace(octal, sign)
    return Path(os.fsdecode(field))
