"""Coverage of the 95 % intervals of insights in simulated surveys whose true values are known.

    python benchmarks/insight_coverage.py [--surveys 400] [--replicates 1000]

Each survey has deployments of 100 to 365 nights. Their rates of events differ (gamma distribution
with shape 1), so that the counts are overdispersed. Times of day are mixtures of von Mises
distributions. Each species is observed at 2.5 deployments on average, the most frequent one three
times as often as the rarest.
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from trapline.server.insights.rules.accumulation import compute_chao2
from trapline.server.insights.rules.activity import ActivityOverlap, compute_overlap
from trapline.server.insights.rules.event_rates import EventRate, compute_rates
from trapline.server.insights.rules.proportions import ConfidenceInterval, compute_wilson_interval

TRUE_RATE = 5.0
"""Events per 100 camera-nights."""
TRUE_OCCUPANCY = 0.4
INCIDENCE = 2.5
Pattern = tuple[tuple[float, float, float], ...]
"""Share, mean and concentration of each peak."""
DAWN_AND_DUSK: Pattern = ((0.5, 1.6, 4.0), (0.5, 4.7, 4.0))
NIGHT: Pattern = ((1.0, 0.3, 1.2),)
Trial = Callable[[np.random.Generator, int], tuple[ConfidenceInterval | None, float]]


def main() -> None:
    """Print the coverage of each interval."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--surveys", type=int, default=400)
    parser.add_argument("--replicates", type=int, default=1000, help="of each bootstrap")
    arguments = parser.parse_args()
    for name, trial in list_trials(arguments.replicates):
        hits = total = 0
        for survey in range(arguments.surveys):
            interval, truth = trial(np.random.default_rng(survey), survey)
            if interval is not None:
                total += 1
                hits += interval.lower <= truth <= interval.upper
        share = f"{100 * hits / total:5.1f} %" if total else "no interval"
        print(f"{name:40} {share} of {total} surveys", flush=True)


def list_trials(replicates: int) -> Iterator[tuple[str, Trial]]:
    """List the simulated surveys."""
    for deployments in (100, 30, 12):
        yield (
            f"rate, {deployments} deployments",
            lambda draws, seed, size=deployments: simulate_rate(draws, seed, size, replicates),
        )
    for deployments in (100, 30, 12):
        yield (
            f"naive occupancy, {deployments} deployments",
            lambda draws, _, size=deployments: simulate_occupancy(draws, size),
        )
    for sizes in ((30, 30), (60, 60), (100, 300)):
        yield (
            f"overlap, {sizes[0]} and {sizes[1]} events",
            lambda draws, seed, pair=sizes: simulate_overlap(draws, seed, pair, replicates),
        )
    for species, deployments in ((100, 100), (100, 30), (100, 12), (30, 100)):
        yield (
            f"Chao2, {species} species, {deployments} deployments",
            lambda draws, _, size=(species, deployments): simulate_chao2(draws, *size),
        )


def simulate_rate(
    draws: np.random.Generator, seed: int, deployments: int, replicates: int
) -> tuple[ConfidenceInterval | None, float]:
    """Simulate the events of a species; no interval below 10 deployments with events."""
    nights = draws.uniform(100, 365, deployments)
    events = draws.poisson(draws.gamma(1.0, TRUE_RATE / 100, deployments) * nights)
    (rate,) = compute_rates(events[:, None], nights, replicates=replicates, seed=seed)
    interval = rate.interval if isinstance(rate, EventRate) else None
    return (interval if isinstance(interval, ConfidenceInterval) else None), TRUE_RATE


def simulate_occupancy(
    draws: np.random.Generator, deployments: int
) -> tuple[ConfidenceInterval, float]:
    """Simulate at how many deployments a species is observed."""
    occupied = int(draws.binomial(deployments, TRUE_OCCUPANCY))
    return compute_wilson_interval(occupied, deployments), TRUE_OCCUPANCY


def simulate_overlap(
    draws: np.random.Generator, seed: int, sizes: tuple[int, int], replicates: int
) -> tuple[ConfidenceInterval | None, float]:
    """Simulate the times of two species; the first estimator counts."""
    first, second = (
        draw_times(draws, pattern, size)
        for pattern, size in zip((DAWN_AND_DUSK, NIGHT), sizes, strict=True)
    )
    overlap = compute_overlap(first, second, replicates=replicates, seed=seed)
    grid = np.arange(4096) * (2 * np.pi / 4096)
    densities = [evaluate(pattern, grid) for pattern in (DAWN_AND_DUSK, NIGHT)]
    truth = float(np.minimum(*densities).mean() * 2 * np.pi)
    interval = overlap.estimates[0].interval if isinstance(overlap, ActivityOverlap) else None
    return interval, truth


def draw_times(draws: np.random.Generator, pattern: Pattern, size: int) -> NDArray[np.float64]:
    """Draw times of day in radians."""
    peaks = draws.choice(len(pattern), size, p=[share for share, _, _ in pattern])
    means, kappas = (np.array([one[field] for one in pattern])[peaks] for field in (1, 2))
    times: NDArray[np.float64] = draws.vonmises(means, kappas) % (2 * np.pi)
    return times


def evaluate(pattern: Pattern, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the true density on a grid."""
    density: NDArray[np.float64] = np.zeros_like(grid)
    for share, mean, kappa in pattern:
        density += share * np.exp(kappa * np.cos(grid - mean)) / (2 * np.pi * np.i0(kappa))
    return density


def simulate_chao2(
    draws: np.random.Generator, species: int, deployments: int
) -> tuple[ConfidenceInterval, float]:
    """Simulate at how many deployments each species is observed."""
    weights = np.geomspace(1, 3, species)
    incidences = draws.binomial(deployments, weights / weights.mean() * INCIDENCE / deployments)
    return compute_chao2(incidences, deployments).interval, float(species)


if __name__ == "__main__":
    main()
