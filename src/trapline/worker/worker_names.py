"""A worker's name on its host: the lowest that no live process has."""

import hashlib
import os
from itertools import count
from pathlib import Path

try:
    import fcntl
except ImportError:  # no such locks on Windows: every process has a name of its own there
    fcntl = None  # type: ignore[assignment]

MOST = 10_000


class WorkerNameLock:
    """`worker-1`, `worker-2`, ...: held for as long as the process lives, however it ends.

    A process that is started again takes the name of the one that died, and two that live never
    share one. Where the folder cannot be written or locked, the name is made of the process id, and
    takes over from nobody.
    """

    def __init__(self, folder: Path, server: str, service: str) -> None:
        self._folder = (
            folder / "names" / hashlib.sha256(f"{server}\n{service}".encode()).hexdigest()[:16]
        )
        self._lock: int | None = None
        self.name = self._take() or f"process-{os.getpid()}"

    def _take(self) -> str | None:
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
        """Let another process have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
