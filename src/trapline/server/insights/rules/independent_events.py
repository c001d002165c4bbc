"""Independent events of one species at one deployment.

The two rules are those of `recordTable` of the R package camtrapR (Niedballa et al. 2016, Methods
in Ecology and Evolution 7, 1457-1462).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trapline.wire.insights import EventRule

Integers = NDArray[np.int64]
MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class EventList:
    """Events in order of time: first and last time, observations, and the largest count."""

    starts: Integers
    ends: Integers
    images: Integers
    sizes: Integers

    def __len__(self) -> int:
        return len(self.starts)


def group_events(times: Integers, counts: Integers, interval_s: int, rule: EventRule) -> EventList:
    """Group observations into independent events; times are in microseconds, in any order.

    An observation exactly at the interval belongs to the event.
    """
    if not len(times):
        return EventList(times, times, times, times)
    order = np.argsort(times, kind="stable")
    times, counts = times[order], counts[order]
    gap = interval_s * MICROSECONDS
    if rule is EventRule.LAST_RECORD:
        first = np.flatnonzero(np.diff(times) > gap) + 1
        begins = np.concatenate([np.zeros(1, np.int64), first.astype(np.int64)])
    else:
        begins = _list_independent(times, gap)
    ends = np.append(begins[1:], len(times))
    return EventList(
        times[begins], times[ends - 1], ends - begins, np.maximum.reduceat(counts, begins)
    )


def _list_independent(times: Integers, gap: int) -> Integers:
    begins, place = [], 0
    while place < len(times):
        begins.append(place)
        place = int(np.searchsorted(times, times[place] + gap, side="right"))
    return np.array(begins, np.int64)
