"""Accumulation of species over sampling units, and the number of undetected species."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Richness:
    """The Chao2 estimate with its log-normal 95 % interval."""

    value: float
    low: float
    high: float
    uniques: int
    duplicates: int


def rarefy_species(incidences: Sequence[int], units: int, sizes: Sequence[int]) -> list[float]:
    """Return the expected number of species in random samples of units (Mao Tau).

    Colwell et al. (2012), Journal of Plant Ecology 5, 3-21, equation 5. `incidences` are the units
    in which each species occurs.
    """
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, units + 1)))])
    counts = np.array(incidences, np.int64)
    return [float(sum(_find_chances(counts, units, size, logs))) for size in sizes]


def _find_chances(
    counts: NDArray[np.int64], units: int, size: int, logs: NDArray[np.float64]
) -> NDArray[np.float64]:
    left = units - counts - size
    possible = left >= 0
    rest = units - counts[possible]
    missed = logs[rest] - logs[left[possible]] - logs[units] + logs[units - size]
    chances = np.ones(len(counts))
    chances[possible] = 1 - np.exp(missed)
    return chances


def estimate_chao2(incidences: Sequence[int], units: int) -> Richness | None:
    """Estimate the number of species (Chao 1987, Biometrics 43; classic form if possible).

    Without species in exactly two units the bias-corrected form is used. The interval is that of
    Chao (1987), equation 13. None without units.
    """
    if units < 1 or not incidences:
        return None
    seen = len(incidences)
    q1, q2 = sum(n == 1 for n in incidences), sum(n == 2 for n in incidences)
    a = (units - 1) / units
    if q2 > 0:
        r = q1 / q2
        added = a * q1 * q1 / (2 * q2)
        variance = q2 * (a / 2 * r**2 + a**2 * r**3 + a**2 / 4 * r**4)
    else:
        added = a * q1 * (q1 - 1) / 2
        variance = (
            a * q1 * (q1 - 1) / 2
            + a**2 * q1 * (2 * q1 - 1) ** 2 / 4
            - a**2 * q1**4 / (4 * (seen + added))
        )
    if added <= 0:
        return Richness(float(seen), float(seen), float(seen), q1, q2)
    spread = math.exp(1.96 * math.sqrt(math.log(1 + max(variance, 0) / added**2)))
    return Richness(seen + added, seen + added / spread, seen + added * spread, q1, q2)
