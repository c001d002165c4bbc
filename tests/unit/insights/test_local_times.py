"""Local times of many moments, compared with zoneinfo."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from trapline.server.insights.rules.local_times import (
    DAY,
    EPOCH,
    list_midnights,
    to_datetime,
    to_local,
    to_moment,
)


def test_local_times_follow_both_clock_changes() -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 28, tzinfo=UTC)
    for first in (start, datetime(2026, 10, 24, tzinfo=UTC)):
        times = [first + timedelta(minutes=7 * n) for n in range(500)]
        found = to_local(np.array([to_moment(one) for one in times]), "Europe/Berlin")
        wanted = [to_moment(one.astimezone(zone).replace(tzinfo=UTC)) for one in times]
        assert list(found) == wanted


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Berlin", "America/Havana", "Pacific/Apia", "Asia/Kolkata"]
)
def test_local_days_begin_as_in_zoneinfo(name: str) -> None:
    """Clocks change at midnight in Havana, and Apia skipped a day before New Year."""
    zone, start = ZoneInfo(name), datetime(2011, 12, 20, tzinfo=UTC)
    days = [start + timedelta(days=n) for n in range(800)]
    number = (start - EPOCH).days
    found = list_midnights(name, number, number + 799)
    assert list(found) == [to_moment(one.replace(tzinfo=zone)) for one in days]
    noons = [one + timedelta(hours=12) for one in days]
    wanted = [to_moment(one.astimezone(zone).replace(tzinfo=UTC)) for one in noons]
    assert list(to_local(np.array([to_moment(one) for one in noons]), name)) == wanted


@pytest.mark.parametrize("name", ["UTC", "America/New_York", "Pacific/Kiritimati"])
def test_local_times_reach_the_first_and_the_last_day(name: str) -> None:
    zone = ZoneInfo(name)
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)
    for inside in (first + timedelta(days=3), last - timedelta(days=3)):
        wanted = to_moment(inside.astimezone(zone).replace(tzinfo=UTC))
        assert list(to_local(np.array([to_moment(inside)]), name)) == [wanted]
    for outside in (first, last):
        [local] = to_local(np.array([to_moment(outside)]), name).tolist()
        assert abs(local - to_moment(outside)) <= to_moment(EPOCH + timedelta(hours=15))
        assert to_datetime(local).year == outside.year
        day = local // DAY
        midnights = list_midnights(name, day, day)
        assert abs(int(midnights[0]) - day * DAY) <= to_moment(EPOCH + timedelta(hours=15))
