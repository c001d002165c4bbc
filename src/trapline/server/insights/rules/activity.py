"""Activity by time of day: circular kernel density and overlap of two species.

Times are radians: 0 is midnight, pi is noon. Sources: Ridout & Linkie (2009), J. Agric. Biol.
Environ. Stat. 14: 322-337; Taylor (2008), Comput. Stat. Data Anal. 52: 3493-3500; the R package
overlap.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from trapline.server.insights.rules.proportions import ConfidenceInterval
from trapline.server.insights.rules.too_few_data import SampleUnit, TooFewData

FEWEST_EVENTS = 10
KMAX = 3
GRID = 2048
"""Grid points of estimates. Linear binning to it changes a density by less than 0.01 %."""
BOOTSTRAP_GRID = 512
ADJUST_DHAT1, ADJUST_DHAT4 = 0.8, 1.0
SMALL_SAMPLE, LARGE_SAMPLE = 50, 75
REPLICATES, SEED = 1000, 20090901
HIGHEST_KAPPA = 345.0
Floats = NDArray[np.float64]


class OverlapEstimator(StrEnum):
    """Estimators of the coefficient of overlapping, as the package overlap names them."""

    DHAT1 = "Dhat1"
    DHAT4 = "Dhat4"


@dataclass(frozen=True, slots=True)
class ActivityDensity:
    """Kernel density of times of day.

    Attributes:
        hours: Grid over 24 hours, without the end.
        density: Density per hour; its mean over the grid is 1/24.
        bandwidth: Concentration of the von Mises kernel; larger is less smooth.
    """

    events: int
    bandwidth: float
    hours: Floats
    density: Floats


@dataclass(frozen=True, slots=True)
class OverlapEstimate:
    """One estimator with its interval."""

    estimator: OverlapEstimator
    value: float
    interval: ConfidenceInterval


@dataclass(frozen=True, slots=True)
class ActivityOverlap:
    """Overlap of two activity patterns, between 0 (none) and 1 (identical)."""

    events: tuple[int, int]
    bandwidths: tuple[float, float]
    estimates: tuple[OverlapEstimate, ...]
    replicates: int
    seed: int


def convert_to_radians(seconds_of_day: Floats) -> Floats:
    """Convert seconds since midnight to radians."""
    return np.asarray(seconds_of_day, np.float64) % 86_400 * (2 * np.pi / 86_400)


def count_by_hour(radians: Floats) -> list[int]:
    """Count events in each of 24 hours."""
    # A millisecond is added, because a whole hour in radians can be slightly less than the hour.
    hours = np.asarray(radians) % (2 * np.pi) * (12 / np.pi) + 1 / 3_600_000
    position = np.floor(hours).astype(np.int64) % 24
    counts: list[int] = np.bincount(position, minlength=24).tolist()
    return counts


def compute_bandwidth(radians: Floats, kmax: int = KMAX) -> float:
    """Compute the concentration of the kernel, as `getBandWidth` of overlap (Taylor 2008).

    The concentration of the data is the largest of the estimates from trigonometric moments 1 to
    `kmax`, at most 345. The result is 0 for data without any direction: the density is uniform.
    """
    angles = np.asarray(radians, np.float64)
    moments = [abs(np.exp(1j * k * angles).mean()) for k in range(1, kmax + 1)]
    return float(_compute_bandwidths(np.array([moments]), len(angles))[0])


def fit_activity(
    radians: Floats, *, adjust: float = 1.0, grid: int = 288
) -> ActivityDensity | TooFewData:
    """Fit the kernel density, at `grid` points (a divisor of 24 hours, 288 for 5 minutes).

    `adjust` divides the concentration, as `densityPlot` of overlap does.
    """
    angles = np.asarray(radians, np.float64) % (2 * np.pi)
    if len(angles) < FEWEST_EVENTS:
        return TooFewData(SampleUnit.EVENTS, len(angles), FEWEST_EVENTS)
    bandwidth = compute_bandwidth(angles) / adjust
    fine = _convolve(_bin_linearly(angles, GRID)[None], np.array([bandwidth]))[0]
    points: Floats = np.arange(grid, dtype=np.float64) * (2 * np.pi / grid)
    density: Floats = _interpolate(fine, points) * (np.pi / 12)
    hours: Floats = np.arange(grid, dtype=np.float64) * (24.0 / grid)
    return ActivityDensity(len(angles), bandwidth, hours, density)


def compute_overlap(
    first: Floats,
    second: Floats,
    *,
    replicates: int = REPLICATES,
    seed: int = SEED,
    level: float = 0.95,
) -> ActivityOverlap | TooFewData:
    """Compute the coefficient of overlapping of two samples of times.

    The smaller sample decides: Dhat1 below 50 events, Dhat4 from 75, both in between. Intervals are
    from a smoothed bootstrap: both samples are drawn from their fitted densities and the bandwidth
    is chosen again for each. They are `basic0` of `bootCIlogit` in overlap: the percentiles on the
    logit scale, without the bias of the bootstrap.
    """
    samples = [np.asarray(one, np.float64) % (2 * np.pi) for one in (first, second)]
    smaller = min(len(one) for one in samples)
    if smaller < FEWEST_EVENTS:
        return TooFewData(SampleUnit.EVENTS, smaller, FEWEST_EVENTS)
    bandwidths = [compute_bandwidth(one) for one in samples]
    estimators = list_estimators(smaller)
    binned = [_bin_linearly(one, GRID)[None] for one in samples]
    values = _estimate(binned, [np.array([one]) for one in bandwidths])
    draws = np.random.default_rng(seed)
    resampled = [
        _resample(draws, one, bandwidth, replicates)
        for one, bandwidth in zip(samples, bandwidths, strict=True)
    ]
    boot = _estimate([counts for counts, _ in resampled], [chosen for _, chosen in resampled])
    return ActivityOverlap(
        events=(len(samples[0]), len(samples[1])),
        bandwidths=(bandwidths[0], bandwidths[1]),
        estimates=tuple(
            OverlapEstimate(
                one, float(values[one][0]), _compute_basic0(values[one][0], boot[one], level)
            )
            for one in estimators
        ),
        replicates=replicates,
        seed=seed,
    )


def list_estimators(smaller: int) -> list[OverlapEstimator]:
    """List the estimators for the size of the smaller sample."""
    if smaller < SMALL_SAMPLE:
        return [OverlapEstimator.DHAT1]
    if smaller < LARGE_SAMPLE:
        return [OverlapEstimator.DHAT1, OverlapEstimator.DHAT4]
    return [OverlapEstimator.DHAT4]


def _compute_basic0(value: float, boot: Floats, level: float) -> ConfidenceInterval:
    def to_logit(share: Floats) -> Floats:
        inside = np.clip(share, 1e-6, 1 - 1e-6)
        logit: Floats = np.log(inside / (1 - inside))
        return logit

    center, spread = to_logit(np.array(value)), to_logit(boot)
    ends = np.quantile(spread, [(1 - level) / 2, (1 + level) / 2]) - (spread.mean() - center)
    lower, upper = (1 / (1 + np.exp(-ends))).tolist()
    return ConfidenceInterval(lower, upper, level)


def _estimate(counts: list[Floats], bandwidths: list[Floats]) -> dict[OverlapEstimator, Floats]:
    """Estimate the overlap for each row of two tables of counts on the grid."""
    one, two = (
        _convolve(table, width / ADJUST_DHAT1)
        for table, width in zip(counts, bandwidths, strict=True)
    )
    dhat1 = np.minimum(one, two).mean(axis=1) * (2 * np.pi)
    one, two = (
        _convolve(table, width / ADJUST_DHAT4)
        for table, width in zip(counts, bandwidths, strict=True)
    )
    tiny = 1e-300
    shares = [
        (table * np.minimum(1, other / np.maximum(own, tiny))).sum(axis=1) / table.sum(axis=1)
        for table, own, other in ((counts[0], one, two), (counts[1], two, one))
    ]
    return {
        OverlapEstimator.DHAT1: np.minimum(dhat1, 1.0),
        OverlapEstimator.DHAT4: (shares[0] + shares[1]) / 2,
    }


def _resample(
    draws: np.random.Generator, radians: Floats, bandwidth: float, replicates: int
) -> tuple[Floats, Floats]:
    """Draw samples from the fitted density; return their counts on the grid and bandwidths."""
    size = len(radians)
    binned = _bin_linearly(radians, BOOTSTRAP_GRID)[None]
    shares = _convolve(binned, np.array([bandwidth]))[0]
    counts = draws.multinomial(size, shares / shares.sum(), replicates).astype(np.float64)
    moments = np.abs(np.fft.rfft(counts, axis=1)[:, 1 : KMAX + 1]) / size
    return counts, _compute_bandwidths(moments, size)


def _bin_linearly(radians: Floats, grid: int) -> Floats:
    """Share each time between its two neighbours on the grid by distance."""
    position = radians * (grid / (2 * np.pi))
    left = np.floor(position).astype(np.int64)
    share = position - left
    before: Floats = np.bincount(left % grid, 1 - share, grid).astype(np.float64)
    return before + np.bincount((left + 1) % grid, share, grid)


def _convolve(counts: Floats, bandwidths: Floats) -> Floats:
    """Return the kernel density per radian on the grid for each row of counts."""
    grid = counts.shape[1]
    # A kernel narrower than the grid would miss points.
    widths = np.minimum(bandwidths, (grid / (2 * np.pi)) ** 2)[:, None]
    kernel = np.exp(widths * (np.cos(np.arange(grid) * (2 * np.pi / grid)) - 1))
    kernel /= kernel.sum(axis=1, keepdims=True) * (2 * np.pi / grid)
    smooth = np.fft.irfft(np.fft.rfft(counts, axis=1) * np.fft.rfft(kernel, axis=1), grid, axis=1)
    density: Floats = np.maximum(smooth, 0.0) / counts.sum(axis=1, keepdims=True)
    return density


def _interpolate(density: Floats, radians: Floats) -> Floats:
    grid = np.arange(len(density) + 1) * (2 * np.pi / len(density))
    values: Floats = np.interp(radians, grid, np.append(density, density[0]))
    return values


def _compute_bandwidths(moments: Floats, size: int) -> Floats:
    """Compute the bandwidth for each row of trigonometric moments."""
    kappas, ratios = _tabulate_moments()
    estimates = [
        np.where(moments[:, k] < ratios[k, 0], 0.0, np.interp(moments[:, k], ratios[k], kappas))
        for k in range(moments.shape[1])
    ]
    # overlap ignores a moment above that of the highest kappa; here it counts as the highest.
    kappa = np.max(estimates, axis=0)
    bessel = _integrate_bessel(2 * kappa, 2) / _integrate_bessel(kappa, 0) ** 2
    widths: Floats = (3 * size * kappa**2 * np.maximum(bessel, 0) / (4 * np.sqrt(np.pi))) ** 0.4
    return widths


@cache
def _tabulate_moments() -> tuple[Floats, Floats]:
    """Tabulate I_k(kappa) / I_0(kappa) for k up to 3; interpolation errs by less than 1e-5."""
    kappas = np.geomspace(1e-4, HIGHEST_KAPPA, 4096)
    below = _integrate_bessel(kappas, 0)
    return kappas, np.array([_integrate_bessel(kappas, k) / below for k in range(1, KMAX + 1)])


def _integrate_bessel(kappa: Floats, order: int) -> Floats:
    """Compute exp(-kappa) I_order(kappa) by the trapezoidal rule, exact for periodic functions."""
    theta = np.arange(512) * (2 * np.pi / 512)
    values: Floats = np.exp(kappa[:, None] * (np.cos(theta) - 1)) @ np.cos(order * theta) / 512
    return values
