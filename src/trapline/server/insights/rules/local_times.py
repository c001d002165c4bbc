"""Local times of many moments, in microseconds since 2000-01-01."""

from calendar import isleap
from datetime import UTC, datetime, timedelta
from functools import lru_cache
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


EARLIEST = to_moment(datetime.min.replace(tzinfo=UTC))
LATEST = to_moment(datetime.max.replace(tzinfo=UTC))
_CONVERTIBLE = EARLIEST + 2 * DAY, LATEST - 2 * DAY
"""The calendar ends here in some zones: moments outside have the offset of these."""


def to_local(moments: Moments, zone: str) -> Moments:
    """Add the UTC offset of a zone to each moment, up to the first and the last day of a date."""
    if not len(moments):
        return moments
    return np.clip(_add_offsets(moments, zone), EARLIEST, LATEST)


def _add_offsets(moments: Moments, zone: str) -> Moments:
    first, last = to_datetime(int(moments.min())).year, to_datetime(int(moments.max())).year
    begins, offsets = _list_offsets(zone, first, last)
    if len(offsets) == 1:
        return np.asarray(moments + offsets[0], np.int64)
    places = np.searchsorted(begins, moments, side="right") - 1
    return np.asarray(moments + offsets[places], np.int64)


def list_midnights(zone: str, first: int, last: int) -> Moments:
    """List the moments at which local days begin, from one to another, counted from 2000-01-01.

    A midnight that clocks skip is the moment of their change, one that they repeat is the earlier.
    """
    days = np.arange(first, last + 1) * DAY
    ends = max(EARLIEST, int(days[0]) - DAY), min(LATEST, int(days[-1]) + DAY)
    begins, offsets = _list_offsets(zone, *(to_datetime(one).year for one in ends))
    limits = begins[1:] + np.maximum(offsets[1:], offsets[:-1])
    return np.asarray(days - offsets[np.searchsorted(limits, days, side="right")], np.int64)


@lru_cache(maxsize=512)
def _list_offsets(zone: str, first: int, last: int) -> tuple[Moments, Moments]:
    """List the offsets of a zone in these years, and the moments at which each begins."""
    found = [one for year in range(first, last + 1) for one in _list_changes(zone, year)]
    begins, offsets = zip(*found, strict=True)
    return np.array(begins, np.int64), np.array(offsets, np.int64)


@lru_cache(maxsize=8192)
def _list_changes(zone: str, year: int) -> list[tuple[int, int]]:
    """List the offset of a zone on 1 January of a year, then those that begin in the year.

    They take half a millisecond, and an insight asks for them for each species and deployment.
    """
    info = ZoneInfo(zone)
    start = to_moment(datetime(year, 1, 1, tzinfo=UTC))
    days = 366 if isleap(year) else 365
    offsets = [_get_offset(start + day * DAY, info) for day in range(days + 1)]
    found = [(start, offsets[0])]
    for day in range(days):
        if offsets[day + 1] != offsets[day]:
            before = start + day * DAY
            found.append((_find_change(before, before + DAY, info), offsets[day + 1]))
    return found


def _get_offset(moment: int, zone: ZoneInfo) -> int:
    first, last = _CONVERTIBLE
    offset = to_datetime(min(max(moment, first), last)).astimezone(zone).utcoffset() or timedelta()
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
