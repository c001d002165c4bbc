"""Local times of many moments, compared with zoneinfo."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from trapline.server.insights.rules.local_times import to_local, to_moment


def test_local_times_follow_both_clock_changes() -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 28, tzinfo=UTC)
    for first in (start, datetime(2026, 10, 24, tzinfo=UTC)):
        times = [first + timedelta(minutes=7 * n) for n in range(500)]
        found = to_local(np.array([to_moment(one) for one in times]), "Europe/Berlin")
        wanted = [to_moment(one.astimezone(zone).replace(tzinfo=UTC)) for one in times]
        assert list(found) == wanted
