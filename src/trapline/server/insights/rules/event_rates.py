"""Events per 100 camera-nights with bootstrap intervals over deployments, and naive occupancy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trapline.server.insights.rules.proportions import (
    ConfidenceInterval,
    Proportion,
    compute_normal_quantile,
    compute_proportion,
)
from trapline.server.insights.rules.too_few_data import SampleUnit, TooFewData

REPLICATES = 2000
SEED = 20090601
FEWEST_DEPLOYMENTS = 10
"""With fewer deployments with events, no interval is computed."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EventRate:
    """Events of one taxon per 100 camera-nights, over deployments with effort."""

    events: int
    camera_nights: float
    deployments: int
    deployments_with_events: int
    per_100_nights: float
    interval: ConfidenceInterval | TooFewData
    naive_occupancy: Proportion
    replicates: int
    seed: int


def compute_rates(
    events: NDArray[np.int64],
    camera_nights: Floats,
    *,
    level: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> list[EventRate | TooFewData]:
    """Compute the rate of each taxon.

    `events` is deployment by taxon, `camera_nights` has one value per deployment. Deployments
    without effort are left out, with their events. The rate is the ratio of sums. All taxa share
    the resamples of deployments, so that the result of one does not depend on the others.
    """
    nights = np.asarray(camera_nights, np.float64)
    has_effort = nights > 0
    nights, counts = nights[has_effort], np.asarray(events, np.float64)[has_effort]
    if not len(nights):
        none = TooFewData(SampleUnit.CAMERA_NIGHTS, 0, 1)
        return [none for _ in range(np.asarray(events).shape[1])]
    occupied = (counts > 0).sum(axis=0)
    chosen = np.flatnonzero(occupied >= FEWEST_DEPLOYMENTS)
    bounds = dict(
        zip(
            chosen.tolist(),
            compute_ratio_intervals(counts[:, chosen], nights, level, replicates, seed).tolist(),
            strict=True,
        )
    )
    rates: list[EventRate | TooFewData] = []
    for taxon, total in enumerate(counts.sum(axis=0).tolist()):
        interval: ConfidenceInterval | TooFewData = TooFewData(
            SampleUnit.DEPLOYMENTS_WITH_EVENTS, int(occupied[taxon]), FEWEST_DEPLOYMENTS
        )
        if taxon in bounds:
            lower, upper = bounds[taxon]
            interval = ConfidenceInterval(100 * lower, 100 * upper, level)
        occupancy = compute_proportion(
            int(occupied[taxon]), len(nights), unit=SampleUnit.DEPLOYMENTS, level=level
        )
        assert isinstance(occupancy, Proportion)
        all_nights = float(nights.sum())
        rates.append(
            EventRate(
                events=int(total),
                camera_nights=all_nights,
                deployments=len(nights),
                deployments_with_events=int(occupied[taxon]),
                per_100_nights=100 * total / all_nights,
                interval=interval,
                naive_occupancy=occupancy,
                replicates=replicates,
                seed=seed,
            )
        )
    return rates


def compute_ratio_intervals(
    events: Floats, nights: Floats, level: float, replicates: int, seed: int
) -> Floats:
    """Compute studentised bootstrap intervals of sum(events) / sum(nights) on the log scale.

    Returns taxon by two ends. Each taxon must have events. Source: bootstrap-t of Davison & Hinkley
    (1997), sections 2.4 and 5.2.1, with the linearised variance of a ratio (Cochran 1977, section
    6.3). Percentile intervals are too narrow for few deployments with overdispersed counts.
    """
    size = len(nights)
    if not events.shape[1]:
        return np.zeros((0, 2))
    weights = (
        np.random.default_rng(seed)
        .multinomial(size, np.full(size, 1 / size), replicates)
        .astype(np.float64)
    )
    estimate, error = _fit_log_ratio(np.ones((1, size)), events, nights)
    resampled, errors = _fit_log_ratio(weights, events, nights)
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = (resampled - estimate) / errors
    # A resample without events, or with equal rates everywhere, has no standard error.
    roots[~np.isfinite(roots)] = np.nan
    tails = [(1 + level) / 2, (1 - level) / 2]
    all_missing = np.isnan(roots).all(axis=0)
    normal = compute_normal_quantile(level)
    roots[:, all_missing] = 0.0
    quantiles = np.nanquantile(roots, tails, axis=0)
    quantiles[:, all_missing] = np.array([[normal], [-normal]])
    ends: Floats = np.exp(estimate - quantiles * error).T
    return ends


def _fit_log_ratio(weights: Floats, events: Floats, nights: Floats) -> tuple[Floats, Floats]:
    """Return the log ratio and its standard error for each row of weights and each taxon."""
    size = len(nights)
    total, effort = weights @ events, (weights @ nights)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = total / effort
        squares = (
            weights @ events**2
            - 2 * ratio * (weights @ (events * nights[:, None]))
            + ratio**2 * (weights @ nights**2)[:, None]
        )
        # Rounding can leave a tiny or negative remainder where all residuals are 0.
        squares[squares < 1e-9 * total**2 / size] = 0.0
        error = np.sqrt(squares * size / max(1, size - 1)) / total
        return np.log(ratio), error
