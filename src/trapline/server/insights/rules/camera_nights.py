"""Effort of deployments in camera-nights.

A camera-night is 24 hours in which a camera was active: end minus start minus inactive periods, as
`get_effort` of the R package camtraptor computes it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from trapline.server.insights.rules.local_times import (
    DAY,
    EPOCH,
    list_midnights,
    to_local,
    to_moment,
)

NIGHT = timedelta(days=1)
Period = tuple[datetime, datetime]
"""Start and end of a period; the end is not part of it."""


@dataclass(frozen=True, slots=True)
class DeploymentPeriod:
    """The times that decide the effort of a deployment; all are aware of their zone."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    first_image_at: datetime | None = None
    last_image_at: datetime | None = None
    inactive: Sequence[Period] = ()


@dataclass(frozen=True, slots=True)
class EffortEstimate:
    """Camera-nights of one deployment.

    Attributes:
        active: The periods in which the camera was active, in order, without overlaps.
        is_start_estimated, is_end_estimated: The first or last image replaces a missing time.
    """

    camera_nights: float
    active: tuple[Period, ...] = ()
    is_start_estimated: bool = False
    is_end_estimated: bool = False

    @property
    def is_estimated(self) -> bool:
        """Whether the start or the end is estimated from images."""
        return self.is_start_estimated or self.is_end_estimated


def compute_effort(
    deployment: DeploymentPeriod, now: datetime, *, within: Period | None = None
) -> EffortEstimate:
    """Compute the camera-nights of a deployment, up to `now` and inside the period `within`.

    A missing start is the first image, a missing end the last image. An end after `now` counts as
    missing: images of the time since the last one may not be imported yet. A deployment without
    start and images, or without end and images, has an effort of 0.
    """
    has_ended = deployment.ended_at is not None and deployment.ended_at <= now
    start = deployment.started_at or deployment.first_image_at
    end = deployment.ended_at if has_ended else deployment.last_image_at
    is_start_estimated = deployment.started_at is None
    if start is None or end is None:
        return EffortEstimate(0.0, (), is_start_estimated, not has_ended)
    if within is not None:
        start, end = max(start, within[0]), min(end, within[1])
    active = subtract_periods((start, end), deployment.inactive)
    nights = sum((until - since for since, until in active), timedelta()) / NIGHT
    return EffortEstimate(nights, active, is_start_estimated, not has_ended)


def merge_periods(periods: Iterable[Period]) -> list[Period]:
    """Merge periods that overlap or touch; empty and reversed ones are left out."""
    merged: list[Period] = []
    for start, end in sorted(one for one in periods if one[0] < one[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def subtract_periods(period: Period, inactive: Iterable[Period]) -> tuple[Period, ...]:
    """Return the parts of a period outside the inactive periods, in order."""
    since, until = period
    active: list[Period] = []
    for start, end in merge_periods(inactive):
        if min(start, until) > since:
            active.append((since, min(start, until)))
        since = max(since, end)
    if since < until:
        active.append((since, until))
    return tuple(active)


def compute_daily_effort(active: Iterable[Period], zone: str) -> dict[date, float]:
    """Compute the active share of each local day, between 0 and 1; days without any are left out.

    A local day has 23 or 25 hours when clocks change; a camera that was active all the time has an
    effort of 1 on each of these days.
    """
    days, shares = compute_effort_days(active, zone)
    ordinals = (days + EPOCH.toordinal()).tolist()
    return dict(zip(map(date.fromordinal, ordinals), shares.tolist(), strict=True))


def compute_effort_days(
    active: Iterable[Period], zone: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Compute the same as `compute_daily_effort`, with days counted from 2000-01-01."""
    found = [(to_moment(start), to_moment(end)) for start, end in active if start < end]
    if not found:
        return np.zeros(0, np.int64), np.zeros(0)
    ends = to_local(np.array([found[0][0], found[-1][1]]), zone) // DAY
    first, last = int(ends[0]), int(ends[1])
    midnights = list_midnights(zone, first, last + 1)
    lengths = np.diff(midnights)
    active_time = np.zeros(len(lengths), np.int64)
    for start, end in found:
        begin = int(np.searchsorted(midnights, start, side="right")) - 1
        # A midnight that clocks repeat can be the end of the last day.
        stop = min(int(np.searchsorted(midnights, end)), len(lengths))
        inside = np.minimum(end, midnights[begin + 1 : stop + 1])
        active_time[begin:stop] += inside - np.maximum(start, midnights[begin:stop])
    worked = np.flatnonzero(active_time)
    return worked + first, active_time[worked] / lengths[worked]
