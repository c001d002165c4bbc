"""The number of tasks that a worker leases, by the seconds of work that it holds."""

from collections import Counter
from collections.abc import Callable

HOLD_S = 30.0
"""The most seconds of work that a worker holds and has not begun; a batch has a third of it."""
MOST_BATCHES = 3
"""The most batches that a worker holds, with the running one."""


class HeldWork:
    """Counts the tasks that a worker holds, by pipeline, and decides how many more it leases.

    `find_batch_size` and `find_seconds_per_image` measure a pipeline; the time is None before its
    first batch. Not safe to use from several threads.
    """

    def __init__(
        self,
        find_batch_size: Callable[[str], int],
        find_seconds_per_image: Callable[[str], float | None],
        hold_s: float = HOLD_S,
    ) -> None:
        self._hold_s = hold_s
        self._find_batch_size = find_batch_size
        self._find_seconds_per_image = find_seconds_per_image
        self._held: Counter[str] = Counter()
        self._running: Counter[str] = Counter()
        self._latest = ""

    def add(self, slug: str) -> None:
        """Add a leased task."""
        self._held[slug] += 1
        self._latest = slug

    def remove(self, slug: str) -> None:
        """Remove a task that has a result or is dropped."""
        self._held[slug] -= 1

    def set_running(self, slug: str, count: int) -> None:
        """Set the number of tasks of a pipeline that the model is running."""
        self._running[slug] = count

    @property
    def latest(self) -> str:
        """The pipeline of the task that was leased last; empty before the first one."""
        return self._latest

    @property
    def total(self) -> int:
        """The number of tasks without a result."""
        return self._held.total()

    def find_room(self) -> int:
        """Return how many tasks to lease now; 0 while enough are held.

        The slowest pipeline of the held tasks decides. If none is held, the last leased one does,
        because its job probably continues.
        """
        slugs = [slug for slug, held in self._held.items() if held] or [self._latest]
        capacity = min(self._find_capacity(slug) for slug in slugs)
        batches = min(MOST_BATCHES * self._find_batch_size(slug) for slug in slugs)
        waiting = self.total - self._running.total()
        room = min(capacity - waiting, batches - self.total)
        if waiting <= 0 and self.total <= self._running.total():
            # The next image is downloaded while the model runs, also if it takes a minute.
            room = max(1, room)
        # A third at a time, because a request for each image would be as slow as a fast model.
        return room if room >= max(1, min(capacity, batches) // 3) else 0

    def _find_capacity(self, slug: str) -> int:
        most = MOST_BATCHES * self._find_batch_size(slug)
        seconds = self._find_seconds_per_image(slug)
        if seconds is None:
            # More could be minutes of work on a slow machine, taken from a faster worker.
            return 1
        if seconds == 0:
            return most
        return max(1, min(most, int(self._hold_s / seconds)))
