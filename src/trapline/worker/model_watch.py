"""Time limits of batches, derived from the measured time of earlier images."""

import statistics
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

BATCH_S = 90.0
"""The shortest limit of a batch, in seconds."""
START_S = 600.0
"""The shortest limit of the first batch of a pipeline, in seconds: models warm up."""
TIMES_EXPECTED = 20
"""The limit of a batch is this multiple of its expected time."""
MEASURED_BATCHES = 15
LONGEST_BATCH_S = 4.0
"""Expected time of the largest batch, in seconds.

A model gains little from larger ones, and no idle worker can take over the images of a batch.
"""


@dataclass(frozen=True)
class RunningBatch:
    """The batch that the model is running.

    `since` is a time of the watch's clock, `allowed_s` the limit in seconds.
    """

    slug: str
    images: int
    since: float
    allowed_s: float


@dataclass(frozen=True)
class OverdueBatch:
    """A batch that took longer than its limit."""

    slug: str
    images: int
    seconds: float
    allowed_s: float


class ModelWatch:
    """Measures seconds per image of each pipeline and finds a batch that exceeds its limit.

    The first batch of a pipeline is measured only until there is a second one, because it contains
    the time in which the model warms up.

    The limit of a batch is the larger of `batch_s` and 20 times its expected time: its images times
    the median of seconds per image in the last batches. Before the first measurement the limit is
    `start_s`, and a batch has one image. Batches double from there while `may_grow` returns true.
    Safe to use from several threads; one batch runs at a time.
    """

    def __init__(
        self,
        batch_s: float = BATCH_S,
        start_s: float = START_S,
        clock: Callable[[], float] = time.monotonic,
        may_grow: Callable[[], bool] = lambda: True,
    ) -> None:
        self._may_grow = may_grow
        self._batch_s = batch_s
        self._start_s = max(start_s, batch_s)
        self._clock = clock
        self._lock = threading.Lock()
        self._running: RunningBatch | None = None
        self._seconds_per_image: dict[str, deque[float]] = defaultdict(
            lambda: deque(maxlen=MEASURED_BATCHES)
        )
        self._batch_size: dict[str, int] = {}
        self._is_warm: set[str] = set()

    @contextmanager
    def running(self, slug: str, images: int) -> Iterator[None]:
        """Watch one call of a pipeline over `images` images.

        Calls that fail are not measured.
        """
        with self._lock:
            began = self._clock()
            self._running = RunningBatch(slug, images, began, self._limit_s(slug, images))
        try:
            yield
        except BaseException:
            with self._lock:
                self._running = None
            raise
        may_grow = self._may_grow()
        with self._lock:
            self._running = None
            measured = self._seconds_per_image[slug]
            if len(measured) == 1 and slug not in self._is_warm:
                measured.clear()
                self._is_warm.add(slug)
            measured.append((self._clock() - began) / images)
            if may_grow:
                self._batch_size[slug] = max(self._batch_size.get(slug, 1), 2 * images)

    def find_batch_size(self, slug: str) -> int:
        """Return the largest number of images that the next batch of a pipeline may have."""
        with self._lock:
            size, measured = self._batch_size.get(slug, 1), self._seconds_per_image.get(slug)
            if measured:
                size = min(size, int(LONGEST_BATCH_S / max(statistics.median(measured), 1e-9)))
            return max(1, size)

    def find_seconds_per_image(self, slug: str) -> float | None:
        """Return the median of seconds per image in the last batches, or None before the first."""
        with self._lock:
            measured = self._seconds_per_image.get(slug)
            return statistics.median(measured) if measured else None

    def find_overdue(self) -> OverdueBatch | None:
        """Return the running batch if it has exceeded its limit."""
        with self._lock:
            running = self._running
            if running is None:
                return None
            seconds = self._clock() - running.since
        if seconds <= running.allowed_s:
            return None
        return OverdueBatch(running.slug, running.images, seconds, running.allowed_s)

    def _limit_s(self, slug: str, images: int) -> float:
        measured = self._seconds_per_image.get(slug)
        if not measured:
            return self._start_s
        return max(self._batch_s, TIMES_EXPECTED * statistics.median(measured) * images)
