"""The data folder: its lock, its permissions, and the files with secrets in it."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

UNPRIVILEGED = 65534
"""The uid and gid of PostgreSQL if Trapline runs as root."""


class EngineError(Exception):
    """The embedded PostgreSQL cannot run; the message says why and what to do."""


class FolderInUseError(EngineError):
    """Another Trapline runs on this data folder."""


@dataclass(frozen=True)
class FolderLock:
    """The lock of the data folder, held until `release` or until this process ends."""

    folder: Path
    file: IO[str]

    def release(self) -> None:
        """Release the lock."""
        self.file.close()


def lock_folder(folder: Path) -> FolderLock:
    """Create the data folder if needed, and lock it for this process.

    Raises:
        FolderInUseError: another process has locked it; the message contains its process ID.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise FolderInUseError(
            f"Trapline already runs on {folder} (process {owner}). "
            "Stop that process first, or choose another folder with --data."
        ) from None
    file.seek(0)
    file.truncate()
    file.write(f"{os.getpid()}\n")
    file.flush()
    return FolderLock(folder, file)


def is_reachable(folder: Path) -> bool:
    """Return whether PostgreSQL's uid can access this folder; it can if Trapline is not root."""
    return os.geteuid() != 0 or find_blocking_parent(folder.resolve()) is None


def ensure_reachable(folder: Path) -> None:
    """If Trapline runs as root, give the unprivileged uid access to the data folder.

    Raises:
        EngineError: a parent folder does not let that uid pass.
    """
    if os.geteuid() != 0:
        return
    blocking = find_blocking_parent(folder)
    if blocking is not None:
        raise EngineError(
            "PostgreSQL never runs as root, and the unprivileged user that it would run as cannot "
            f"pass through {blocking} to {folder}. Choose another folder, such as --data "
            "/var/lib/trapline, or run Trapline as an ordinary user."
        )
    folder.chmod(folder.stat().st_mode | 0o011)


def find_blocking_parent(folder: Path) -> Path | None:
    """Return the first parent folder that the unprivileged uid cannot pass through, if any."""
    for parent in folder.parents:
        if parent.exists():
            state = parent.stat()
            if not (
                state.st_mode & 0o001 or (state.st_uid == UNPRIVILEGED and state.st_mode & 0o100)
            ):
                return parent
    return None


def write_secret(path: Path, secret: str) -> None:
    """Write a file that only this user can read, completely or not at all.

    Raises:
        FileExistsError: the file exists.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{secret}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    finally:
        draft.unlink()
