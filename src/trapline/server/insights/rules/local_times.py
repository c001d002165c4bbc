"""Local times of many moments, in microseconds since 2000-01-01."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Moments = NDArray[np.int64]
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
DAY = 86_400 * SECOND


def to_moment(at: datetime) -> int:
    """Return a time in microseconds since 2000-01-01 UTC."""
    return (at - EPOCH) // timedelta(microseconds=1)


def to_datetime(moment: int) -> datetime:
    """Return the time of a moment, in UTC."""
    return EPOCH + timedelta(microseconds=int(moment))


def to_local(moments: Moments, zone: str) -> Moments:
    """Add the UTC offset of a zone to each moment."""
    if not len(moments):
        return moments
    info = ZoneInfo(zone)
    days = np.arange(int(moments.min()) // DAY, int(moments.max()) // DAY + 2) * DAY
    offsets = [_get_offset(int(day), info) for day in days]
    begins, values = [int(days[0])], [offsets[0]]
    for place in range(1, len(days)):
        if offsets[place] != offsets[place - 1]:
            begins.append(_find_change(int(days[place - 1]), int(days[place]), info))
            values.append(offsets[place])
    places = np.searchsorted(begins, moments, side="right") - 1
    return np.asarray(moments + np.array(values, np.int64)[places], np.int64)


def _get_offset(moment: int, zone: ZoneInfo) -> int:
    offset = to_datetime(moment).astimezone(zone).utcoffset() or timedelta()
    return offset // timedelta(microseconds=1)


def _find_change(before: int, after: int, zone: ZoneInfo) -> int:
    """Find the moment of a change of the offset, to the second."""
    old = _get_offset(before, zone)
    while after - before > SECOND:
        middle = (before + after) // 2 // SECOND * SECOND
        if middle in (before, after):
            break
        if _get_offset(middle, zone) == old:
            before = middle
        else:
            after = middle
    return after
