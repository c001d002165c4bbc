"""Independent events: observations of one taxon at one deployment that belong together."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

INTERVAL_S = 1800
LONGEST_INTERVAL_S = 86_400


class IndependenceRule(StrEnum):
    """The value of camtrapR's `deltaTimeComparedTo`."""

    LAST_RECORD = "lastRecord"
    LAST_INDEPENDENT_RECORD = "lastIndependentRecord"


@dataclass(frozen=True, slots=True)
class IndependentEvents:
    """Events in the order of their first rows; each field has one value per event.

    Attributes:
        first_row: Position of the first observation, in the arrays that were given.
        groups: The group, which identifies taxon and deployment.
        started_s, ended_s: Times of the first and last observation.
        group_sizes: The largest count of an observation.
        observations: The number of observations.
    """

    first_row: NDArray[np.int64]
    groups: NDArray[np.int64]
    started_s: NDArray[np.float64]
    ended_s: NDArray[np.float64]
    group_sizes: NDArray[np.int64]
    observations: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first_row)


def find_events(
    times_s: NDArray[np.float64],
    groups: NDArray[np.int64],
    counts: NDArray[np.int64],
    *,
    interval_s: float = INTERVAL_S,
    rule: IndependenceRule = IndependenceRule.LAST_RECORD,
) -> IndependentEvents:
    """Find the independent events of observations that are sorted by group, then by time.

    An observation is one image with its count of the taxon. Equal values in `groups` (any integers)
    are one taxon at one deployment. An observation starts a new event if it is at least
    `interval_s` later than the previous observation (`lastRecord`) or than the first observation of
    the current event (`lastIndependentRecord`). Observations with the same time are one event, also
    with an interval of 0. These are the rules of `recordTable` in camtrapR with its default
    `removeDuplicateRecords`.

    Raises:
        ValueError: the interval is not between 0 and 24 hours, or the rows are not sorted.
    """
    if not 0 <= interval_s <= LONGEST_INTERVAL_S:
        raise ValueError("interval_s must be between 0 and 86400 seconds")
    # Whole milliseconds: differences of large floats would miss an exact interval.
    times = np.round(np.asarray(times_s, np.float64) * 1000).astype(np.int64)
    groups, counts = np.asarray(groups, np.int64), np.asarray(counts, np.int64)
    interval = max(1, round(interval_s * 1000))
    if not len(times):
        empty = np.zeros(0, np.int64)
        return IndependentEvents(empty, empty, np.zeros(0), np.zeros(0), empty, empty)
    gaps, is_new_group = np.diff(times), np.diff(groups) != 0
    if np.any((gaps < 0) & ~is_new_group) or np.any(np.diff(groups) < 0):
        raise ValueError("the observations must be sorted by group, then by time")
    is_first = np.concatenate(([True], is_new_group | (gaps >= interval)))
    if rule is IndependenceRule.LAST_INDEPENDENT_RECORD:
        first = _list_independent(times, np.cumsum(is_first), interval)
    else:
        first = np.flatnonzero(is_first)
    last = np.append(first[1:], len(times)) - 1
    return IndependentEvents(
        first_row=first,
        groups=groups[first],
        started_s=times[first] / 1000,
        ended_s=times[last] / 1000,
        group_sizes=np.maximum.reduceat(counts, first),
        observations=last - first + 1,
    )


def _list_independent(
    times: NDArray[np.int64], clusters: NDArray[np.int64], interval: int
) -> NDArray[np.int64]:
    """List the first rows of events, each at least `interval` after the previous one.

    Rows of different clusters are at least `interval` apart or in different groups, so that each
    cluster starts an event under this rule too.
    """
    # A clock that starts again after the end of the previous cluster orders all rows.
    starts = np.flatnonzero(np.diff(clusters, prepend=0))
    ends = np.append(starts[1:], len(times)) - 1
    offsets = np.concatenate(([0], np.cumsum(times[ends] - times[starts] + interval)[:-1]))
    clock = times - times[starts][clusters - 1] + offsets[clusters - 1]
    following = np.searchsorted(clock, clock + interval).tolist()
    first: list[int] = []
    row, total = 0, len(times)
    while row < total:
        first.append(row)
        row = following[row]
    return np.array(first, np.int64)
