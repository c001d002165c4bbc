"""The name of a worker on its host: the lowest number that no live process uses."""

import hashlib
import os
from itertools import count
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks: each process has a separate name there.
    fcntl = None  # type: ignore[assignment]

MOST = 10_000


class WorkerNameLock:
    """A name `worker-1`, `worker-2`, ..., locked until the process ends, in whatever way.

    A restarted process gets the name of the one that ended, and two live processes never share a
    name. If the folder cannot be written or locked, the name contains the process ID and replaces
    no earlier worker.
    """

    def __init__(self, folder: Path, server: str, service: str) -> None:
        self._folder = (
            folder / "names" / hashlib.sha256(f"{server}\n{service}".encode()).hexdigest()[:16]
        )
        self._lock: int | None = None
        self.name = self._lock_name() or f"process-{os.getpid()}"

    def _lock_name(self) -> str | None:
        if fcntl is None:
            return None
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for number in count(1):
                name = f"worker-{number}"
                lock = os.open(
                    self._folder / f"{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
                )
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(lock)
                    if number == MOST:
                        return None
                    continue
                except OSError:
                    os.close(lock)
                    raise
                self._lock = lock
                return name
        except OSError:
            pass
        return None

    def release(self) -> None:
        """Release the name for other processes."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
