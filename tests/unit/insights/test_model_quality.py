"""Quality of models against tables computed by hand and scipy."""

import numpy as np
import pytest
from scipy import stats

from trapline.server.insights.rules.model_quality import (
    PipelineComparison,
    SuggestedThreshold,
    build_class_quality,
    compare_pipelines,
    compute_class_quality,
    compute_exact_mcnemar,
    compute_reliability,
    suggest_threshold,
)
from trapline.server.insights.rules.proportions import Proportion


def sets(*texts: str) -> list[frozenset[str]]:
    return [frozenset(one.split()) for one in texts]


def test_quality_by_class_is_that_of_a_table_computed_by_hand() -> None:
    predicted = sets("fox", "fox hare", "deer", "", "fox")
    true = sets("fox", "fox", "fox deer", "hare", "deer")
    deer, fox, hare = compute_class_quality(predicted, true, is_random=True)
    assert (deer.name, fox.name, hare.name) == ("deer", "fox", "hare")
    counts = [
        (one.true_positives, one.false_positives, one.false_negatives) for one in (deer, fox, hare)
    ]
    assert counts == [(1, 0, 1), (2, 1, 1), (0, 1, 1)]
    for one in (fox.precision, fox.recall, fox.f1):
        assert isinstance(one, Proportion)
        assert one.estimate == pytest.approx(2 / 3)
    assert not fox.is_biased
    assert fox.further_images > 0


def test_a_class_without_predictions_has_a_recall_only() -> None:
    quality = build_class_quality("lynx", 0, 0, 3, is_random=False)
    assert str(quality.precision) == "0 reviewed images. At least 1 are needed."
    assert isinstance(quality.recall, Proportion)
    assert quality.is_biased
    assert compute_class_quality([], [], is_random=True) == []


def test_the_interval_of_f1_contains_it() -> None:
    quality = build_class_quality("fox", 90, 6, 4, is_random=True)
    assert isinstance(quality.f1, Proportion)
    assert quality.f1.estimate == pytest.approx(180 / 190)
    assert quality.f1.interval.lower < 180 / 190 < quality.f1.interval.upper


@pytest.mark.parametrize(("one", "two"), [(0, 0), (1, 9), (5, 5), (0, 3), (400, 470), (9000, 9100)])
def test_mcnemar_is_the_binomial_test_of_scipy(one: int, two: int) -> None:
    expected = stats.binomtest(one, one + two).pvalue if one + two else 1.0
    assert compute_exact_mcnemar(one, two) == pytest.approx(expected, rel=1e-6)


def test_pipelines_are_compared_on_the_same_images() -> None:
    first = np.array([True, True, False, False, True])
    compared = compare_pipelines(first, np.array([True, False, True, False, False]))
    assert compared == PipelineComparison(1, 2, 1, 1, 1.0)
    nothing = np.zeros(0, bool)
    assert str(compare_pipelines(nothing, nothing)) == "0 reviewed images. At least 1 are needed."


def test_reliability_has_a_bin_for_each_tenth() -> None:
    bins = compute_reliability(np.array([0.05, 0.95, 1.0, 0.9]), np.array([0, 1, 1, 0], bool))
    assert [one.predictions for one in bins] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 3]
    assert bins[9].mean_confidence == pytest.approx(0.95)
    assert isinstance(bins[9].correct, Proportion)
    assert bins[9].correct.successes == 2
    assert bins[5].mean_confidence is None


def test_the_suggested_threshold_is_the_highest_with_the_requested_recall() -> None:
    scores = np.append(np.arange(1, 21) / 20, [0.9, 0.5])
    truth = np.append(np.ones(20, bool), [False, False])
    found = suggest_threshold(scores, truth, 0.95)
    assert isinstance(found, SuggestedThreshold)
    assert (found.threshold, found.recall.successes) == (0.1, 19)
    assert (found.precision.successes, found.precision.trials) == (19, 21)
    few = suggest_threshold(scores[:9], truth[:9])
    assert str(few) == "9 reviewed images. At least 10 are needed."
