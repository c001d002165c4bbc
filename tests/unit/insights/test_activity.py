"""Kernel density and overlap against direct formulas with the Bessel functions of scipy."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, special

from trapline.server.insights.rules.activity import (
    ActivityDensity,
    ActivityOverlap,
    compute_bandwidth,
    compute_overlap,
    count_by_hour,
    fit_activity,
)
from trapline.server.insights.rules.proportions import ConfidenceInterval
from trapline.server.insights.rules.too_few_data import SampleUnit, TooFewData

Floats = NDArray[np.float64]


def draw(seed: int, size: int, mean: float = 1.0, kappa: float = 2.0) -> Floats:
    times: Floats = np.random.default_rng(seed).vonmises(mean, kappa, size) % (2 * np.pi)
    return times


def compute_expected_bandwidth(times: Floats) -> float:
    """Apply the formula of Taylor (2008), with a root for each of three moments."""
    kappas = []
    for k in (1, 2, 3):
        moment = abs(np.exp(1j * k * times).mean())
        kappas.append(
            optimize.brentq(
                lambda x, k=k, m=moment: special.ive(k, x) / special.ive(0, x) - m, 1e-6, 345
            )
        )
    kappa = max(kappas)
    bessel = special.ive(2, 2 * kappa) / special.ive(0, kappa) ** 2
    return float((3 * len(times) * kappa**2 * bessel / (4 * np.pi**0.5)) ** 0.4)


def compute_expected_density(times: Floats, points: Floats, bandwidth: float) -> Floats:
    kernels = np.exp(bandwidth * (np.cos(points[:, None] - times) - 1))
    density: Floats = kernels.mean(axis=1) / (2 * np.pi * special.ive(0, bandwidth))
    return density


@pytest.mark.parametrize("times", [draw(1, 15), draw(2, 400, 6.2, 8.0), draw(3, 90, 3.0, 0.3)])
def test_bandwidth_and_density_are_those_of_the_formulas(times: Floats) -> None:
    bandwidth = compute_expected_bandwidth(times)
    assert compute_bandwidth(times) == pytest.approx(bandwidth, rel=1e-4)
    fitted = fit_activity(times)
    assert isinstance(fitted, ActivityDensity)
    exact = compute_expected_density(times, fitted.hours * np.pi / 12, bandwidth) * np.pi / 12
    assert fitted.density == pytest.approx(exact, abs=1e-4 * exact.max())
    assert fitted.density.mean() == pytest.approx(1 / 24, rel=1e-6)


def test_overlap_is_that_of_the_exact_formulas() -> None:
    one, two = draw(4, 60), draw(5, 72, 2.5, 1.0)
    overlap = compute_overlap(one, two, replicates=20)
    assert isinstance(overlap, ActivityOverlap)
    dhat1, dhat4 = overlap.estimates
    assert (dhat1.estimator, dhat4.estimator) == ("Dhat1", "Dhat4")
    widths = compute_expected_bandwidth(one), compute_expected_bandwidth(two)
    grid = np.arange(4096) * 2 * np.pi / 4096
    pair = [
        compute_expected_density(times, grid, width / 0.8)
        for times, width in zip((one, two), widths, strict=True)
    ]
    assert dhat1.value == pytest.approx(np.minimum(*pair).mean() * 2 * np.pi, abs=5e-4)
    shares = []
    for own, other, own_width, other_width in (
        (one, two, widths[0], widths[1]),
        (two, one, widths[1], widths[0]),
    ):
        ratio = compute_expected_density(other, own, other_width) / compute_expected_density(
            own, own, own_width
        )
        shares.append(np.minimum(1, ratio).mean())
    assert dhat4.value == pytest.approx(np.mean(shares), abs=5e-4)


def test_the_estimator_follows_the_smaller_sample() -> None:
    for size, expected in ((49, ["Dhat1"]), (50, ["Dhat1", "Dhat4"]), (75, ["Dhat4"])):
        overlap = compute_overlap(draw(6, size), draw(7, 200), replicates=5)
        assert isinstance(overlap, ActivityOverlap)
        assert [one.estimator for one in overlap.estimates] == expected


def test_identical_and_separate_patterns_are_at_the_ends() -> None:
    times = draw(8, 100, 1.0, 50.0)
    same, apart = (compute_overlap(times, other) for other in (times, (times + np.pi)))
    for overlap, expected in ((same, 1.0), (apart, 0.0)):
        assert isinstance(overlap, ActivityOverlap)
        assert overlap == compute_overlap(times, times if expected else times + np.pi)
        (one,) = overlap.estimates
        assert one.value == pytest.approx(expected, abs=1e-3)
        assert isinstance(one.interval, ConfidenceInterval)
        assert 0 <= one.interval.lower <= one.interval.upper <= 1


@pytest.mark.filterwarnings("error")
def test_few_equal_and_uniform_times_give_finite_values_or_a_message() -> None:
    assert fit_activity(draw(1, 9)) == TooFewData(SampleUnit.EVENTS, 9, 10)
    assert compute_overlap(draw(1, 9), draw(1, 90)) == TooFewData(SampleUnit.EVENTS, 9, 10)
    equal, uniform = np.full(5000, 6.28), np.arange(24) * np.pi / 12
    for times in (equal, uniform):
        fitted = fit_activity(times)
        assert isinstance(fitted, ActivityDensity)
        assert np.isfinite(fitted.density).all()
    overlap = compute_overlap(equal, uniform, replicates=50)
    assert isinstance(overlap, ActivityOverlap)
    assert np.isfinite(overlap.estimates[0].value)


def test_hours_are_counted_around_midnight() -> None:
    counts = count_by_hour(np.array([0.0, 2 * np.pi, np.pi / 12, -0.01]))
    assert (counts[0], counts[1], counts[23], sum(counts)) == (2, 1, 1, 4)
