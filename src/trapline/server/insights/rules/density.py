"""Density of activity over the day with a von Mises kernel (Ridout & Linkie 2009, JABES 14)."""

import math

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
STEPS = 96
"""Values of a density over 24 hours."""
LARGEST_MOMENT = 3
LARGEST_CONCENTRATION = 500.0
_ANGLES = np.linspace(0, math.pi, 2001)


def calculate_bessel(order: int, x: float) -> float:
    """Return exp(-x) I_order(x), by its integral (Abramowitz & Stegun 1972, 9.6.19)."""
    values = np.exp(x * (np.cos(_ANGLES) - 1)) * np.cos(order * _ANGLES)
    return float(np.trapezoid(values, _ANGLES) / math.pi)


def select_bandwidth(radians: Reals) -> float:
    """Return the concentration of the kernel (Taylor 2008, CSDA 52, equation 7).

    The concentration of the data is the largest of those by its first three trigonometric moments,
    as Ridout & Linkie propose for several peaks.
    """
    kappa = max(_estimate_concentration(radians, k) for k in range(1, LARGEST_MOMENT + 1))
    if kappa <= 0:
        return 0.0
    ratio = calculate_bessel(2, 2 * kappa) / calculate_bessel(0, kappa) ** 2
    return float((3 * len(radians) * kappa**2 * ratio / (4 * math.sqrt(math.pi))) ** 0.4)


def _estimate_concentration(radians: Reals, moment: int) -> float:
    length = float(abs(np.mean(np.exp(1j * moment * radians))))
    low, high = 0.0, LARGEST_CONCENTRATION
    for _ in range(60):
        middle = (low + high) / 2
        if calculate_bessel(moment, middle) / calculate_bessel(0, middle) < length:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def calculate_density(radians: Reals, concentration: float, at: Reals) -> Reals:
    """Return the density per radian at these angles: the mean of a kernel at each event."""
    total = np.zeros(len(at))
    for part in np.array_split(radians, max(1, len(radians) // 10_000)):
        total += np.exp(concentration * (np.cos(at[:, None] - part[None, :]) - 1)).sum(axis=1)
    return total / (len(radians) * 2 * math.pi * calculate_bessel(0, concentration))
