"""Effort, events, intervals, density and richness, compared with independent calculations."""

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from trapline.server.insights.rules.density import (
    STEPS,
    calculate_bessel,
    calculate_density,
    select_bandwidth,
)
from trapline.server.insights.rules.effort import DAY_S, calculate_effort
from trapline.server.insights.rules.independent_events import group_events
from trapline.server.insights.rules.local_times import to_local, to_moment
from trapline.server.insights.rules.rates import calculate_interval, draw_deployments
from trapline.server.insights.rules.species_accumulation import estimate_chao2, rarefy_species
from trapline.wire.insights import EventRule


def test_overlapping_inactive_periods_count_once() -> None:
    found = calculate_effort(
        given=(0, 10 * DAY_S),
        images=None,
        inactive=[(DAY_S, 3 * DAY_S), (2 * DAY_S, 4 * DAY_S), (9 * DAY_S, 20 * DAY_S)],
        period=(None, None),
        now=100 * DAY_S,
    )
    assert (found.nights, found.inactive_nights, found.is_estimated) == (6, 4, False)


def test_a_missing_end_is_the_last_image_and_the_future_does_not_count() -> None:
    found = calculate_effort(
        given=(0, None), images=(DAY_S, 5 * DAY_S), inactive=[], period=(None, None), now=9e9
    )
    assert (found.nights, found.is_estimated) == (5, True)
    found = calculate_effort(
        given=(0, 9 * DAY_S), images=None, inactive=[], period=(DAY_S, None), now=3 * DAY_S
    )
    assert found.nights == 2


def test_events_have_the_largest_count_as_group_size() -> None:
    minutes = np.array([70, 0, 20, 45]) * 60 * 1_000_000
    found = group_events(minutes, np.array([1, 2, 5, 1]), 1800, EventRule.LAST_RECORD)
    assert (list(found.sizes), list(found.images)) == ([5], [4])
    found = group_events(minutes, np.array([1, 2, 5, 1]), 1800, EventRule.LAST_INDEPENDENT_RECORD)
    assert (list(found.sizes), list(found.images)) == ([5, 1], [2, 2])


def test_local_times_follow_both_clock_changes() -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 28, tzinfo=UTC)
    for first in (start, datetime(2026, 10, 24, tzinfo=UTC)):
        times = [first + timedelta(minutes=7 * n) for n in range(500)]
        found = to_local(np.array([to_moment(one) for one in times]), "Europe/Berlin")
        wanted = [to_moment(one.astimezone(zone).replace(tzinfo=UTC)) for one in times]
        assert list(found) == wanted


def test_intervals_require_ten_deployments_and_contain_the_rate() -> None:
    events, nights = np.arange(1, 13), np.full(12, 10.0)
    drawn = draw_deployments(12, seed=1)
    found = calculate_interval(events, nights, drawn)
    assert found is not None
    assert found.low < 100 * 78 / 120 < found.high
    assert found == calculate_interval(events, nights, draw_deployments(12, seed=1))
    few = np.where(np.arange(12) < 9, events, 0)
    assert calculate_interval(few, nights, drawn) is None


def test_densities_integrate_to_one_and_bessel_functions_are_right() -> None:
    # I0(1) and I2(2), Abramowitz & Stegun 1972, table 9.8.
    assert calculate_bessel(0, 1) * math.e == pytest.approx(1.2660658, abs=1e-6)
    assert calculate_bessel(2, 2) * math.exp(2) == pytest.approx(0.6889484, abs=1e-6)
    radians = np.random.default_rng(1).vonmises(1, 2, 200)
    density = calculate_density(
        radians, select_bandwidth(radians), np.arange(STEPS) / STEPS * math.tau
    )
    assert density.sum() * math.tau / STEPS == pytest.approx(1, abs=1e-6)
    assert abs(int(density.argmax()) / STEPS * math.tau - 1) < 0.4


def test_rarefaction_is_the_mean_over_all_samples() -> None:
    # Three species in 1, 2 and 4 of 4 units; by counting all pairs: (3/6 + 5/6 + 1).
    assert rarefy_species([1, 2, 4], 4, [1, 2, 4]) == pytest.approx([7 / 4, 7 / 3, 3])


def test_chao2_has_the_value_computed_by_hand() -> None:
    # Q1 = 3, Q2 = 2, 10 units: 6 + 0.9 * 9 / 4.
    found = estimate_chao2([1, 1, 1, 2, 2, 5], 10)
    assert found is not None
    assert found.value == pytest.approx(6 + 0.9 * 9 / 4)
    assert found.low < found.value < found.high
    assert estimate_chao2([], 0) is None
