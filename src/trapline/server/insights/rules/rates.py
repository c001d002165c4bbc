"""Rates of events per 100 camera-nights, with bootstrap intervals over deployments."""

import numpy as np
from numpy.typing import NDArray

from trapline.wire.insights import Interval

REPLICATES = 1000
LEAST_DEPLOYMENTS = 10
"""Smallest number of deployments with events for an interval."""


def calculate_rate(events: int, nights: float) -> float | None:
    """Return the events per 100 camera-nights; None without camera-nights."""
    return 100 * events / nights if nights > 0 else None


def draw_deployments(deployments: int, seed: int) -> NDArray[np.int64]:
    """Draw how often each replicate has each deployment: an array of replicates by deployments."""
    chances = np.full(deployments, 1 / deployments)
    return np.random.default_rng(seed).multinomial(deployments, chances, size=REPLICATES)


def calculate_interval(
    events: NDArray[np.int64], nights: NDArray[np.float64], drawn: NDArray[np.int64]
) -> Interval | None:
    """Return the 95 % percentile interval of a rate (Efron & Tibshirani 1993, chapter 13).

    A replicate is the ratio of the events and the camera-nights of the drawn deployments. None
    below 10 deployments with events.
    """
    if np.count_nonzero(events) < LEAST_DEPLOYMENTS:
        return None
    effort = drawn @ nights
    rates = 100 * (drawn @ events)[effort > 0] / effort[effort > 0]
    low, high = np.percentile(rates, [2.5, 97.5])
    return Interval(low=float(low), high=float(high))
