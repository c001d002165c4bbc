"""Accumulation of species and Chao2 against tables computed by hand."""

from itertools import combinations

import numpy as np
import pytest

from trapline.server.insights.rules.accumulation import (
    SpeciesAccumulation,
    compute_accumulation,
    compute_chao2,
)

UNITS = [{"fox", "deer"}, {"fox"}, {"fox", "hare", "deer"}, set(), {"lynx"}]


def test_mao_tau_is_the_mean_of_all_subsets() -> None:
    names = sorted(set().union(*UNITS))
    incidences = np.array([sum(name in unit for unit in UNITS) for name in names])
    curve = compute_accumulation(incidences, len(UNITS), 100.0)
    assert isinstance(curve, SpeciesAccumulation)
    means = [
        np.mean([len(set().union(*some)) for some in combinations(UNITS, size)])
        for size in range(1, 6)
    ]
    assert curve.species == pytest.approx(means)
    assert curve.camera_nights.tolist() == [20, 40, 60, 80, 100]


def test_chao2_is_that_of_a_table_computed_by_hand() -> None:
    # 6 species, 3 in one and 1 in two of 10 units: 6 + 0.9 * 3 * 2 / (2 * 2) = 7.35.
    found = compute_chao2(np.array([1, 1, 1, 2, 5, 9]), 10)
    assert (found.observed, found.uniques, found.duplicates) == (6, 3, 1)
    assert found.chao2 == pytest.approx(7.35)
    # 1.35 + 0.81 * 3 * 25 / 16 + 0.81 * 9 * 1 * 4 / 64 = 5.602500
    assert found.standard_error**2 == pytest.approx(1.35 + 3.796875 + 0.455625)
    assert 6 < found.interval.lower < 7.35 < found.interval.upper


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("incidences", [[], [1], [3, 4], [1, 1, 1], [2, 2], [10]])
def test_small_data_give_finite_values_or_a_message(incidences: list[int]) -> None:
    found = np.array(incidences, np.int64)
    assert str(compute_accumulation(found, 1, 5.0)) == "1 sampling units. At least 2 are needed."
    curve = compute_accumulation(found, 10, 50.0)
    assert isinstance(curve, SpeciesAccumulation)
    numbers = [*curve.species, *curve.standard_deviation, curve.richness.chao2]
    numbers += [curve.richness.interval.lower, curve.richness.interval.upper]
    assert np.isfinite(numbers).all()
    assert len(found) <= curve.richness.interval.lower <= curve.richness.interval.upper
    assert curve.species[-1] == pytest.approx(len(found))
