"""Accumulation of species over sampling units, and the number of species by Chao2.

Sources: Colwell, Mao & Chang (2004), Ecology 85: 2717-2727 (Mao Tau); Colwell et al. (2012),
J. Plant Ecol. 5: 3-21 (standard deviation); Chao (1987), Biometrics 43: 783-791.
"""

from dataclasses import dataclass
from math import exp, lgamma, log, sqrt

import numpy as np
from numpy.typing import NDArray

from trapline.server.insights.rules.proportions import (
    ConfidenceInterval,
    compute_normal_quantile,
)
from trapline.server.insights.rules.too_few_data import SampleUnit, TooFewData

FEWEST_UNITS = 2
MOST_POINTS = 200
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SpeciesRichness:
    """Chao2: a lower bound of the number of species, from species in one and in two units."""

    observed: int
    uniques: int
    duplicates: int
    chao2: float
    standard_error: float
    interval: ConfidenceInterval


@dataclass(frozen=True, slots=True)
class SpeciesAccumulation:
    """Expected number of species in random subsets of the sampling units.

    Attributes:
        units: Sizes of the subsets.
        camera_nights: The expected effort of each subset.
        species: Mao Tau.
        standard_deviation: Of the number of species in another survey of this size.
    """

    units: NDArray[np.int64]
    camera_nights: Floats
    species: Floats
    standard_deviation: Floats
    richness: SpeciesRichness


def compute_accumulation(
    incidences: NDArray[np.int64],
    units: int,
    camera_nights: float,
    *,
    points: int = MOST_POINTS,
    level: float = 0.95,
) -> SpeciesAccumulation | TooFewData:
    """Compute the accumulation curve and Chao2.

    `incidences` is the number of sampling units (deployments or camera-nights) in which each
    species was observed, `units` their number, also of those without species, and `camera_nights`
    their whole effort. A subset of h units has h / `units` of the effort on average.
    """
    if units < FEWEST_UNITS:
        return TooFewData(SampleUnit.SAMPLING_UNITS, units, FEWEST_UNITS)
    found = np.asarray(incidences, np.int64)
    found = found[found > 0]
    richness = compute_chao2(found, units, level)
    sizes = np.unique(np.round(np.linspace(1, units, min(points, units))).astype(np.int64))
    missed = _compute_missed(found, units, sizes)
    species = (1 - missed).sum(axis=0)
    # Colwell et al. (2012), equation 5.
    pool = max(richness.chao2, 1.0)
    variance = ((1 - missed) ** 2).sum(axis=0) - species**2 / pool
    return SpeciesAccumulation(
        units=sizes,
        camera_nights=sizes.astype(np.float64) * (camera_nights / units),
        species=species,
        standard_deviation=np.sqrt(np.maximum(variance, 0.0)),
        richness=richness,
    )


def compute_chao2(
    incidences: NDArray[np.int64], units: int, level: float = 0.95
) -> SpeciesRichness:
    """Compute the bias-corrected Chao2 with its log-normal interval.

    The variance is that of EstimateS (Colwell 2013, appendix B, equations 11 and 13).
    """
    found = np.asarray(incidences)
    observed = int((found > 0).sum())
    ones, twos = int((found == 1).sum()), int((found == 2).sum())
    share = (units - 1) / units
    unseen = share * ones * (ones - 1) / (2 * (twos + 1))
    chao2 = observed + unseen
    if twos:
        variance = (
            share * ones * (ones - 1) / (2 * (twos + 1))
            + share**2 * ones * (2 * ones - 1) ** 2 / (4 * (twos + 1) ** 2)
            + share**2 * ones**2 * twos * (ones - 1) ** 2 / (4 * (twos + 1) ** 4)
        )
    else:
        variance = (share * ones * (ones - 1) / 2 + share**2 * ones * (2 * ones - 1) ** 2 / 4) - (
            share**2 * ones**4 / (4 * chao2) if chao2 else 0.0
        )
    variance = max(variance, 0.0)
    z = compute_normal_quantile(level)
    if unseen > 0:
        spread = exp(z * sqrt(log(1 + variance / unseen**2)))
        interval = ConfidenceInterval(observed + unseen / spread, observed + unseen * spread, level)
    else:
        # Without unseen species, the interval is that of species that all have this incidence.
        missing = exp(-float(found.sum()) / observed) if observed else 0.0
        variance = observed * missing * (1 - missing)
        expected = observed / (1 - missing) if observed else 0.0
        half = z * sqrt(variance) / (1 - missing)
        interval = ConfidenceInterval(max(float(observed), expected - half), expected + half, level)
    return SpeciesRichness(observed, ones, twos, chao2, sqrt(variance), interval)


def _compute_missed(found: NDArray[np.int64], units: int, sizes: NDArray[np.int64]) -> Floats:
    """Compute the probability that a subset misses a species, as species by size."""
    values, positions = np.unique(found, return_inverse=True)
    table = np.zeros((len(values), len(sizes)))
    for row, incidence in enumerate(values.tolist()):
        rest = units - incidence
        for column, size in enumerate(sizes.tolist()):
            if size <= rest:
                table[row, column] = exp(
                    lgamma(rest + 1)
                    - lgamma(rest - size + 1)
                    - lgamma(units + 1)
                    + lgamma(units - size + 1)
                )
    missed: Floats = table[positions]
    return missed
