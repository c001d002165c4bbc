"""The data folder: whose it is, who can reach it, and the secrets in it."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

UNPRIVILEGED = 65534
"""The uid and gid that PostgreSQL runs as where Trapline runs as root."""


class EngineError(Exception):
    """The embedded PostgreSQL cannot run; the message says why and what to do."""


class FolderInUseError(EngineError):
    """Another Trapline runs on this data folder."""


@dataclass(frozen=True)
class FolderLock:
    """The data folder is ours until `release` or the end of this process, however it ends."""

    folder: Path
    file: IO[str]

    def release(self) -> None:
        """Let others have the folder."""
        self.file.close()


def lock_folder(folder: Path) -> FolderLock:
    """Make the data folder if need be and take it for this process.

    Raises FolderInUseError, naming the process, where another one has it.
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
            f"Stop that one first, or choose another folder with --data."
        ) from None
    file.seek(0)
    file.truncate()
    file.write(f"{os.getpid()}\n")
    file.flush()
    return FolderLock(folder, file)


def is_reachable(folder: Path) -> bool:
    """Whether the uid that PostgreSQL runs as can get to this folder (it always can where we are not root)."""
    return os.geteuid() != 0 or find_blocking_parent(folder.resolve()) is None


def ensure_reachable(folder: Path) -> None:
    """As root, let the unprivileged uid pass through the data folder; refuse a folder below one it cannot pass."""
    if os.geteuid() != 0:
        return
    blocking = find_blocking_parent(folder)
    if blocking is not None:
        raise EngineError(
            f"PostgreSQL never runs as root, and the unprivileged user it would run as cannot pass through {blocking} "
            f"to {folder}. Choose a folder elsewhere, such as --data /var/lib/trapline, "
            f"or run Trapline as an ordinary user."
        )
    folder.chmod(folder.stat().st_mode | 0o011)


def find_blocking_parent(folder: Path) -> Path | None:
    """The first parent folder that the unprivileged uid cannot pass through; None where there is none."""
    for parent in folder.parents:
        if parent.exists():
            state = parent.stat()
            if not (
                state.st_mode & 0o001 or (state.st_uid == UNPRIVILEGED and state.st_mode & 0o100)
            ):
                return parent
    return None


def write_secret(path: Path, secret: str) -> None:
    """Write a file that only we can read, whole or not at all.

    Raises FileExistsError where there is one already.
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
