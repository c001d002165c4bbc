"""Opening files beneath a folder without ever following a symbolic link out of it."""

import os
from pathlib import Path


def open_beneath(root: Path, parts: tuple[str, ...], flags: int = os.O_RDONLY) -> int:
    """Open a file beneath `root`, name by name, and answer its descriptor.

    No part may be empty, `.` or `..`, and none may be a symbolic link, whoever swapped it meanwhile.
    Raises OSError: ELOOP or ENOTDIR where a link stands in the way, ENOENT where nothing does.
    """
    if not parts or any(part in ("", ".", "..") or "/" in part or "\x00" in part for part in parts):
        raise FileNotFoundError(f"not a path beneath a folder: {'/'.join(parts)!r}")
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(parts[-1], flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)
