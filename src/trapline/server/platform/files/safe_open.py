"""Open files below a folder without following a symbolic link out of it."""

import errno
import os
from collections.abc import Collection
from pathlib import Path


def open_within(
    root: Path | int,
    parts: tuple[str, ...] | tuple[bytes, ...],
    flags: int = os.O_RDONLY,
    refused: Collection[tuple[int, int]] = (),
) -> int:
    """Open a file below `root` (a folder or its descriptor) and return the file descriptor.

    It opens one part of the path after the other, so that a folder cannot be replaced by a symbolic
    link in between. No part may be empty, `.`, `..` or a symbolic link. `refused` are the device
    and inode of folders that the path must not contain.

    Raises:
        OSError: ELOOP or ENOTDIR for a symbolic link, ENOENT for a missing file, EACCES for a
            refused folder.
    """
    names = [os.fsencode(part) for part in parts]
    if not names or any(
        name in (b"", b".", b"..") or b"/" in name or b"\x00" in name for name in names
    ):
        raise FileNotFoundError(f"not a path below a folder: {b'/'.join(names)!r}")
    folder = (
        os.dup(root)
        if isinstance(root, int)
        else os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    )
    try:
        for name in names[:-1]:
            below = os.open(
                name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder
            )
            os.close(folder)
            folder = below
            _require_other(folder, refused)
        opened = os.open(names[-1], flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        _require_other(opened, refused)
    except BaseException:
        os.close(opened)
        raise
    return opened


def _require_other(descriptor: int, refused: Collection[tuple[int, int]]) -> None:
    if refused:
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino) in refused:
            raise PermissionError(errno.EACCES, "a folder of Trapline itself")
