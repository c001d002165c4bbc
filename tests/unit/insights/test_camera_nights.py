"""Camera-nights against tables computed by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from trapline.server.insights.rules.camera_nights import (
    DeploymentPeriod,
    compute_daily_effort,
    compute_effort,
)


def at(day: int, hour: int = 0, month: int = 5) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


NOW = at(1, month=7)


def test_overlapping_inactive_periods_count_once_and_inside_the_period_only() -> None:
    inactive = [(at(3), at(5)), (at(4), at(6)), (at(10), at(20)), (at(2), at(2))]
    effort = compute_effort(DeploymentPeriod(at(1), at(11), inactive=inactive), NOW)
    # 10 nights, minus 3 (3 to 6 May) and 1 (10 to 11 May).
    assert effort.camera_nights == pytest.approx(6)
    assert effort.active == ((at(1), at(3)), (at(6), at(10)))
    assert not effort.is_estimated


def test_missing_times_are_those_of_images_and_marked_as_estimated() -> None:
    images = DeploymentPeriod(first_image_at=at(2, 12), last_image_at=at(4))
    effort = compute_effort(images, NOW)
    assert (effort.camera_nights, effort.is_estimated) == (1.5, True)
    open_end = compute_effort(replace(images, started_at=at(1), ended_at=at(9)), at(5))
    assert (open_end.camera_nights, open_end.is_start_estimated) == (3, False)
    assert open_end.is_end_estimated
    assert compute_effort(DeploymentPeriod(at(1)), NOW).camera_nights == 0
    assert compute_effort(DeploymentPeriod(), NOW, within=(at(1), at(2))).camera_nights == 0


def test_a_filter_of_time_clips_the_effort() -> None:
    deployment = DeploymentPeriod(at(1), at(11), inactive=[(at(3), at(5))])
    assert compute_effort(deployment, NOW, within=(at(4), at(6))).camera_nights == 1
    assert compute_effort(deployment, NOW, within=(at(20), at(25))).camera_nights == 0


def test_a_day_on_which_clocks_change_is_one_whole_day() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 28, 12, tzinfo=berlin)
    end = datetime(2026, 3, 30, 6, tzinfo=berlin)
    shares = compute_daily_effort([(start, end)], "Europe/Berlin")
    assert shares == pytest.approx(
        {date(2026, 3, 28): 0.5, date(2026, 3, 29): 1.0, date(2026, 3, 30): 0.25}
    )


def test_periods_of_one_day_are_added_and_a_skipped_day_has_no_effort() -> None:
    parts = [(at(1, 3), at(1, 9)), (at(1, 12), at(1, 18)), (at(3, 0), at(4, 0)), (at(6), at(6))]
    assert compute_daily_effort(parts, "UTC") == {date(2026, 5, 1): 0.5, date(2026, 5, 3): 1.0}
    assert compute_daily_effort([], "UTC") == {}
    # Samoa went from 29 to 31 December 2011.
    apia = ZoneInfo("Pacific/Apia")
    whole = [(datetime(2011, 12, 29, tzinfo=apia), datetime(2012, 1, 1, tzinfo=apia))]
    wanted = {date(2011, 12, 29): 1.0, date(2011, 12, 31): 1.0}
    assert compute_daily_effort(whole, "Pacific/Apia") == wanted


def test_an_end_in_an_hour_that_clocks_repeat_at_midnight_is_in_the_day_before() -> None:
    """In Newfoundland, clocks went from 0:01 on 7 November 2010 back to 23:01 on the day before."""
    start, end = datetime(2010, 11, 5, 14, 30, tzinfo=UTC), datetime(2010, 11, 7, 3, tzinfo=UTC)
    zone = ZoneInfo("America/St_Johns")
    assert (start.astimezone(zone).hour, end.astimezone(zone).day) == (12, 6)
    assert compute_daily_effort([(start, end)], "America/St_Johns") == {
        date(2010, 11, 5): 0.5,
        date(2010, 11, 6): 1.0,
    }
