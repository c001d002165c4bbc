"""What a worker has done so far, and how busy its model is."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Counts, safe to add to from any thread. Times are seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(
            ("leased", "loaded", "inferred", "failed", "posted", "refused"), 0
        )
        self._busy_s = 0.0
        self._waiting_s = 0.0
        self.started = time.monotonic()

    def add(self, **counts: int) -> None:
        """Count."""
        with self._lock:
            for name, count in counts.items():
                self._counts[name] += count

    def read(self) -> dict[str, int]:
        """The counts now."""
        with self._lock:
            return dict(self._counts)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """The model runs."""
        started = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._busy_s += time.monotonic() - started

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The model waits for a picture."""
        started = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._waiting_s += time.monotonic() - started

    def times(self) -> tuple[float, float]:
        """Seconds the model ran, and waited for a picture."""
        with self._lock:
            return self._busy_s, self._waiting_s
