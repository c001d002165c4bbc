"""Wilson interval of a proportion, and the sample size for a requested precision."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from trapline.server.insights.rules.too_few_data import SampleUnit, TooFewData

MOST_TRIALS = 100_000_000
"""Larger samples are not searched for."""


@dataclass(frozen=True, slots=True)
class ConfidenceInterval:
    """An interval that covers the true value with probability `level`."""

    lower: float
    upper: float
    level: float = 0.95

    @property
    def half_width(self) -> float:
        """Half of the distance between both ends."""
        return (self.upper - self.lower) / 2


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share of a sample with its interval."""

    successes: int
    trials: int
    estimate: float
    interval: ConfidenceInterval


def compute_normal_quantile(level: float) -> float:
    """Compute the two-sided quantile of the normal distribution, 1.96 for 0.95."""
    return NormalDist().inv_cdf(0.5 + level / 2)


def compute_wilson_interval(
    successes: float, trials: float, level: float = 0.95
) -> ConfidenceInterval:
    """Compute the score interval of a proportion (Wilson 1927), without continuity correction.

    `trials` must be at least 1.
    """
    z = compute_normal_quantile(level)
    share = successes / trials
    spread = 1 + z * z / trials
    center = (share + z * z / (2 * trials)) / spread
    half = z * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / spread
    # The ends at 0 and 1 are exact; rounding would leave them off by 1e-17.
    lower = 0.0 if successes <= 0 else max(0.0, center - half)
    upper = 1.0 if successes >= trials else min(1.0, center + half)
    return ConfidenceInterval(lower, upper, level)


def compute_proportion(
    successes: int,
    trials: int,
    *,
    unit: SampleUnit = SampleUnit.REVIEWED_IMAGES,
    level: float = 0.95,
) -> Proportion | TooFewData:
    """Compute a share with its Wilson interval."""
    if trials < 1:
        return TooFewData(unit, trials, 1)
    interval = compute_wilson_interval(successes, trials, level)
    return Proportion(successes, trials, successes / trials, interval)


def compute_required_trials(share: float, margin: float = 0.05, level: float = 0.95) -> int:
    """Compute the smallest sample whose Wilson interval is at most 2 * `margin` wide.

    `share` is the expected proportion, 0.5 where nothing is known. The half-width of the interval
    falls with the size, so that the size is found by bisection.

    >>> compute_required_trials(0.5)
    381
    """

    def is_enough(trials: int) -> bool:
        # A relative tolerance, because an exact tie must not depend on rounding.
        interval = compute_wilson_interval(share * trials, trials, level)
        return interval.half_width <= margin * (1 + 1e-12)

    low, high = 0, 1
    while not is_enough(high) and high < MOST_TRIALS:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def compute_further_trials(
    successes: int, trials: int, margin: float = 0.05, level: float = 0.95
) -> int:
    """Compute how many more trials make the Wilson interval at most 2 * `margin` wide.

    The expected share is the estimate of Agresti & Coull (1998), (x + 2) / (n + 4), because a small
    sample without errors does not prove that there are none. 0 if the interval is narrow enough.
    """
    if trials and compute_wilson_interval(successes, trials, level).half_width <= margin:
        return 0
    share = (successes + 2) / (trials + 4)
    return max(1, compute_required_trials(share, margin, level) - trials)
