"""Rates, occupancy and Wilson intervals."""

import numpy as np
import pytest
from scipy import stats

from trapline.server.insights.rules.event_rates import EventRate, compute_rates
from trapline.server.insights.rules.proportions import (
    ConfidenceInterval,
    compute_further_trials,
    compute_required_trials,
    compute_wilson_interval,
)
from trapline.server.insights.rules.too_few_data import SampleUnit, TooFewData


def test_a_rate_is_the_ratio_of_sums_over_deployments_with_effort() -> None:
    events, nights = np.array([[3, 0], [1, 0], [9, 9]]), np.array([50.0, 30.0, 0.0])
    first, second = compute_rates(events, nights)
    assert isinstance(first, EventRate)
    assert isinstance(second, EventRate)
    assert (first.events, first.camera_nights, first.per_100_nights) == (4, 80, 5.0)
    assert first.naive_occupancy.estimate == 1
    assert (second.per_100_nights, second.naive_occupancy.successes) == (0, 0)
    assert str(first.interval) == "2 deployments with events. At least 10 are needed."
    assert compute_rates(events, np.zeros(3)) == [TooFewData(SampleUnit.CAMERA_NIGHTS, 0, 1)] * 2


def test_intervals_are_repeatable_and_do_not_depend_on_other_taxa() -> None:
    draws = np.random.default_rng(3)
    nights = draws.uniform(50, 100, 40)
    events = draws.poisson(nights[:, None] * [0.1, 0.5])
    both = compute_rates(events, nights)
    assert both == compute_rates(events, nights)
    one, alone = both[1], compute_rates(events[:, 1:], nights)[0]
    assert isinstance(one, EventRate)
    assert isinstance(alone, EventRate)
    assert isinstance(one.interval, ConfidenceInterval)
    assert isinstance(alone.interval, ConfidenceInterval)
    assert one.interval.upper == pytest.approx(alone.interval.upper)
    # For Poisson counts the interval is near the exact one of the total (Garwood 1936).
    exact = stats.chi2.ppf([0.025, 0.975], [2 * one.events, 2 * one.events + 2]) / 2
    found = np.array([one.interval.lower, one.interval.upper])
    assert found == pytest.approx(exact * 100 / one.camera_nights, rel=0.05)


def test_equal_rates_everywhere_give_an_interval_without_width() -> None:
    (rate,) = compute_rates(np.full((12, 1), 2), np.full(12, 40.0))
    assert isinstance(rate, EventRate)
    assert isinstance(rate.interval, ConfidenceInterval)
    assert (rate.interval.lower, rate.interval.upper) == pytest.approx((5.0, 5.0))


@pytest.mark.parametrize(("hits", "trials"), [(0, 1), (1, 1), (0, 20), (7, 20), (199, 200)])
def test_the_wilson_interval_is_that_of_scipy(hits: int, trials: int) -> None:
    ours = compute_wilson_interval(hits, trials)
    scipys = stats.binomtest(hits, trials).proportion_ci(method="wilson")
    assert (ours.lower, ours.upper) == pytest.approx((scipys.low, scipys.high), abs=1e-12)


def test_the_wilson_interval_is_that_of_newcombe() -> None:
    """Newcombe (1998), Statist. Med. 17: 857-872, table I, method 3: 81 of 263, 15 of 148."""
    assert round_ends(compute_wilson_interval(81, 263)) == (0.2553, 0.3662)
    assert round_ends(compute_wilson_interval(15, 148)) == (0.0624, 0.1605)


def round_ends(interval: ConfidenceInterval) -> tuple[float, float]:
    return round(interval.lower, 4), round(interval.upper, 4)


def test_a_sample_of_the_required_size_has_the_requested_precision() -> None:
    assert compute_required_trials(0.5) == 381
    for share in (0.02, 0.9, 0.99):
        size = compute_required_trials(share)
        assert compute_wilson_interval(share * size, size).half_width <= 0.05
        assert compute_wilson_interval(share * (size - 1), size - 1).half_width > 0.05
    assert compute_further_trials(0, 0) == 381
    assert compute_further_trials(1000, 1000) == 0
