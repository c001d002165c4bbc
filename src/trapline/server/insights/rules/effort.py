"""Camera-nights of a deployment: its period without the times at which its camera did not work."""

from collections.abc import Iterable
from dataclasses import dataclass

DAY_S = 86_400
Span = tuple[float, float]
"""Start and end in seconds of any epoch."""


@dataclass(frozen=True)
class Effort:
    """The period in seconds and its camera-nights, both within the period of a filter."""

    start: float | None
    end: float | None
    nights: float
    inactive_nights: float
    is_estimated: bool


NO_EFFORT = Effort(None, None, 0.0, 0.0, is_estimated=True)


def calculate_effort(
    *,
    given: tuple[float | None, float | None],
    images: Span | None,
    inactive: Iterable[Span],
    period: tuple[float | None, float | None],
    now: float,
) -> Effort:
    """Calculate the camera-nights of a deployment: time in units of 24 hours.

    A missing start or end is that of the first or last image. A future end is now.
    """
    start, end = given
    is_estimated = start is None or end is None
    if images is not None:
        start = images[0] if start is None else start
        end = images[1] if end is None else end
    if start is None or end is None:
        return NO_EFFORT
    end = min(end, now)
    if period[0] is not None:
        start = max(start, period[0])
    if period[1] is not None:
        end = min(end, period[1])
    if end <= start:
        return Effort(None, None, 0.0, 0.0, is_estimated)
    off = _sum_union([(max(a, start), min(b, end)) for a, b in inactive])
    return Effort(start, end, (end - start - off) / DAY_S, off / DAY_S, is_estimated)


def _sum_union(spans: Iterable[Span]) -> float:
    total, covered = 0.0, float("-inf")
    for start, end in sorted(spans):
        if end > max(start, covered):
            total += end - max(start, covered)
            covered = end
    return total
