"""Detection histories: site by occasion, with effort, as `detectionHistory` of camtrapR has them.

`unmarked` reads the matrix as `y` of `unmarkedFrameOccu` and the effort as `obsCovs`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

NOT_SURVEYED = -1
MOST_OCCASIONS = 10_000


class FirstDay(StrEnum):
    """The day on which occasion 1 starts, camtrapR's `day1`."""

    STATION = "station"
    SURVEY = "survey"


@dataclass(frozen=True, slots=True)
class OccasionMatrix:
    """The history of one taxon.

    Attributes:
        first_days: The first day of occasion 1 of each site; None without effort.
        detections: Site by occasion: events, 0 without any, `NOT_SURVEYED` without effort.
        effort: Site by occasion: active days.
    """

    occasion_days: int
    first_days: tuple[date | None, ...]
    detections: NDArray[np.int64]
    effort: NDArray[np.float64]

    def to_binary(self) -> list[list[int | None]]:
        """Return 1, 0 or None (R: NA) by site and occasion."""
        return [[None if one < 0 else min(one, 1) for one in row] for row in self.to_table()]

    def to_counts(self) -> list[list[int | None]]:
        """Return the number of events or None (R: NA) by site and occasion."""
        return [[None if one < 0 else one for one in row] for row in self.to_table()]

    def to_table(self) -> list[list[int]]:
        """Return the detections as lists."""
        table: list[list[int]] = self.detections.tolist()
        return table


def build_detection_history(
    daily_effort: Sequence[Mapping[date, float]],
    detections: Sequence[tuple[int, date]],
    *,
    occasion_days: int = 7,
    first_day: FirstDay = FirstDay.STATION,
) -> OccasionMatrix:
    """Build the detection history of one taxon.

    `daily_effort` has the active share of each local day per site (`compute_daily_effort`).
    `detections` are pairs of the position of a site and the local day of an event. Events on days
    without effort count if their occasion has effort, as in camtrapR. Events in occasions without
    any effort are left out.

    Raises:
        ValueError: an occasion has less than one day, or there are more than `MOST_OCCASIONS`.
    """
    if occasion_days < 1:
        raise ValueError("an occasion has at least 1 day")
    worked = [[day for day, share in site.items() if share > 0] for site in daily_effort]
    survey = min((min(days) for days in worked if days), default=None)
    starts = [
        None if not days else survey if first_day is FirstDay.SURVEY else min(days)
        for days in worked
    ]
    lengths = [
        0 if start is None else (max(days) - start).days // occasion_days + 1
        for start, days in zip(starts, worked, strict=True)
    ]
    occasions = max(lengths, default=0)
    if occasions > MOST_OCCASIONS:
        raise ValueError(f"{occasions} occasions are more than {MOST_OCCASIONS}: use longer ones")
    effort = np.zeros((len(worked), occasions))
    for site, (start, shares) in enumerate(zip(starts, daily_effort, strict=True)):
        for day, share in shares.items():
            if start is not None and share > 0:
                effort[site, (day - start).days // occasion_days] += share
    table = np.zeros((len(worked), occasions), np.int64)
    for site, day in detections:
        start = starts[site]
        if start is not None and timedelta() <= day - start < timedelta(occasions * occasion_days):
            table[site, (day - start).days // occasion_days] += 1
    table[effort == 0] = NOT_SURVEYED
    return OccasionMatrix(occasion_days, tuple(starts), table, effort)
