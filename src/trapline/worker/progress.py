"""Counts of a worker's tasks, and the share of time in which its model is busy."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Progress:
    """Counts, safe to use from several threads. Times are in seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(
            ("leased", "loaded", "begun", "inferred", "failed", "posted", "refused", "dropped"), 0
        )
        self._stages = dict.fromkeys(("download", "decode", "prepare", "model", "post"), 0.0)
        self._busy_s = 0.0
        self._waiting_s = 0.0
        self.started = time.monotonic()

    def add(self, **counts: int) -> None:
        """Add to the counts."""
        with self._lock:
            for name, count in counts.items():
                self._counts[name] += count

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the time of one stage, in any thread."""
        started = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._stages[name] += time.monotonic() - started

    def stages(self) -> dict[str, float]:
        """Return the seconds of each stage, of all threads."""
        with self._lock:
            return dict(self._stages) | {"model": self._busy_s}

    def read(self) -> dict[str, int]:
        """Return the current counts."""
        with self._lock:
            return dict(self._counts)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Measure the time in which the model runs."""
        started = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._busy_s += time.monotonic() - started

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Measure the time in which the model waits for an image."""
        started = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._waiting_s += time.monotonic() - started

    def times(self) -> tuple[float, float]:
        """Return the seconds in which the model ran, and in which it waited for an image."""
        with self._lock:
            return self._busy_s, self._waiting_s
