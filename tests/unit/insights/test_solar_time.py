"""The sun against worked examples of Meeus, and anchoring against times computed by hand."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from trapline.server.insights.rules import solar_time
from trapline.server.insights.rules.solar_time import (
    Anchor,
    anchor_times,
    compute_solar_times,
    find_sun_times,
)

HOUR = np.pi / 12


def test_the_sun_is_that_of_the_examples_of_meeus() -> None:
    """Meeus (1991), Astronomical Algorithms, examples 24.a and 27.a: 13 October 1992, 0h TD."""
    midnight = datetime(1992, 10, 13, tzinfo=UTC).timestamp()
    declination, equation_s = solar_time._compute_sun(np.array([midnight]))
    assert np.degrees(declination[0]) == pytest.approx(-7.78507, abs=0.001)
    assert equation_s[0] == pytest.approx(13 * 60 + 42.6, abs=2)


def test_sunrise_follows_the_zenith_at_the_equator_on_an_equinox() -> None:
    """The sun moves 15 degrees an hour, so that 0.833 degrees before 6:00 are 3 min 20 s."""
    times = find_sun_times(0.0, 0.0, date(2026, 3, 20))
    assert times is not None
    rise, set_ = times
    assert (set_ - rise).total_seconds() == pytest.approx(12 * 3600 + 400, abs=5)
    assert rise.date() == set_.date() == date(2026, 3, 20)


@pytest.mark.parametrize(
    ("day", "minutes"), [(date(2026, 11, 3), -16.42), (date(2026, 2, 11), 14.23)]
)
def test_solar_noon_is_early_in_november_and_late_in_february(day: date, minutes: float) -> None:
    """The extremes of the equation of time: +16 min 25 s and -14 min 14 s (Meeus 1991, ch. 27)."""
    times = find_sun_times(40.0, 0.0, day)
    assert times is not None
    noon = times[0] + (times[1] - times[0]) / 2
    midday = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    assert (noon - midday).total_seconds() / 60 == pytest.approx(minutes, abs=0.1)


@pytest.mark.parametrize("day", [date(2026, 6, 21), date(2026, 12, 21)])
def test_polar_day_and_night_have_no_sunrise(day: date) -> None:
    assert find_sun_times(75.0, 20.0, day) is None
    solar = compute_solar_times(
        np.array([datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()] * 2),
        np.zeros(2),
        np.array([75.0, np.nan]),
        np.array([20.0, np.nan]),
    )
    assert (solar.sunrise, solar.sunset, solar.radians.tolist()) == (None, None, [])
    assert solar.is_defined.tolist() == [False, False]


def test_times_between_anchors_are_moved_in_proportion() -> None:
    # Sunrise 4:00 and sunset 20:00 become 6:00 and 18:00.
    clock = np.array([4, 12, 20, 0, 22, 8]) * HOUR
    moved = anchor_times(clock, np.full(6, 4 * HOUR), np.full(6, 20 * HOUR), (6 * HOUR, 18 * HOUR))
    assert (moved / HOUR) % 24 == pytest.approx([6, 12, 18, 0, 21, 9], abs=1e-9)


@pytest.mark.parametrize("longitude", [-179.0, 0.0, 150.0])
def test_an_event_at_sunrise_is_at_the_anchor_in_all_seasons(longitude: float) -> None:
    days = [date(2026, month, 15) for month in range(1, 13)]
    rises = []
    for day in days:
        times = find_sun_times(50.0, longitude, day)
        assert times is not None
        rises.append(times[0].timestamp())
    offset = np.full(12, round(longitude / 15) * 3600.0)
    place = np.full(12, 50.0), np.full(12, longitude)
    solar = compute_solar_times(np.array(rises), offset, *place, anchor=Anchor.EQUINOCTIAL)
    assert solar.radians / HOUR == pytest.approx([6] * 12, abs=0.01)
    average = compute_solar_times(np.array(rises), offset, *place)
    assert average.sunrise is not None
    assert average.radians == pytest.approx([average.sunrise] * 12, abs=0.003)
    assert average.sunrise / HOUR == pytest.approx(6, abs=0.6)
