"""Quality of models from reviewed images: precision, recall, calibration and thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log

import numpy as np
from numpy.typing import NDArray

from trapline.server.insights.rules.proportions import (
    ConfidenceInterval,
    Proportion,
    compute_further_trials,
    compute_proportion,
)
from trapline.server.insights.rules.too_few_data import SampleUnit, TooFewData

FEWEST_POSITIVES = 10
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ClassQuality:
    """Quality of a model for one class.

    Attributes:
        is_biased: The images are not a random audit sample, so that the figures and intervals
            describe the reviewed images only.
        further_images: Images predicted as this class to review until the interval of the
            precision is at most 10 points wide (within 5 %).
    """

    name: str
    true_positives: int
    false_positives: int
    false_negatives: int
    precision: Proportion | TooFewData
    recall: Proportion | TooFewData
    f1: Proportion | TooFewData
    is_biased: bool
    further_images: int


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Predictions with a confidence from `lower` up to `upper`."""

    lower: float
    upper: float
    predictions: int
    mean_confidence: float | None
    correct: Proportion | TooFewData


@dataclass(frozen=True, slots=True)
class PipelineComparison:
    """Two pipelines on the same images: McNemar's exact test."""

    both_correct: int
    only_first_correct: int
    only_second_correct: int
    both_wrong: int
    p_value: float


@dataclass(frozen=True, slots=True)
class SuggestedThreshold:
    """The highest threshold with the requested recall, and what it does to reviewed images."""

    threshold: float
    recall: Proportion
    precision: Proportion


def compute_class_quality(
    predicted: Sequence[frozenset[str]],
    true: Sequence[frozenset[str]],
    *,
    is_random: bool,
    level: float = 0.95,
) -> list[ClassQuality]:
    """Compute the quality for each class, in the order of names.

    Each element is the set of classes of one image, empty for blank.
    """
    totals: dict[str, list[int]] = {}
    for guess, truth in zip(predicted, true, strict=True):
        for name in guess | truth:
            position = 0 if name in guess & truth else 1 if name in guess else 2
            totals.setdefault(name, [0, 0, 0])[position] += 1
    return [
        build_class_quality(name, *totals[name], is_random=is_random, level=level)
        for name in sorted(totals)
    ]


def build_class_quality(
    name: str,
    true_positives: int,
    false_positives: int,
    false_negatives: int,
    *,
    is_random: bool,
    level: float = 0.95,
) -> ClassQuality:
    """Build the quality of a class from its counts.

    F1 is 2 F* / (1 + F*) with the proportion F* = TP / (TP + FP + FN) (Hand, Christen & Kirielle
    2021), so that its interval is that of F*, transformed.
    """
    guesses, truths = true_positives + false_positives, true_positives + false_negatives
    star = compute_proportion(true_positives, guesses + false_negatives, level=level)
    f1: Proportion | TooFewData = star
    if isinstance(star, Proportion):
        low, high, middle = (
            2 * one / (1 + one) for one in (star.interval.lower, star.interval.upper, star.estimate)
        )
        interval = ConfidenceInterval(low, high, level)
        f1 = Proportion(star.successes, star.trials, middle, interval)
    return ClassQuality(
        name=name,
        true_positives=true_positives,
        false_positives=false_positives,
        false_negatives=false_negatives,
        precision=compute_proportion(true_positives, guesses, level=level),
        recall=compute_proportion(true_positives, truths, level=level),
        f1=f1,
        is_biased=not is_random,
        further_images=compute_further_trials(true_positives, guesses, level=level),
    )


def compute_reliability(
    confidences: Floats, is_correct: Bools, *, bins: int = 10
) -> list[ReliabilityBin]:
    """Compute the share of correct predictions by confidence, in bins of equal width."""
    scores, correct = np.asarray(confidences, np.float64), np.asarray(is_correct, np.bool_)
    position = np.clip((scores * bins).astype(np.int64), 0, bins - 1)
    sizes = np.bincount(position, minlength=bins).tolist()
    sums = np.bincount(position, scores, bins).tolist()
    successes = np.bincount(position, correct, bins).tolist()
    return [
        ReliabilityBin(
            lower=one / bins,
            upper=(one + 1) / bins,
            predictions=sizes[one],
            mean_confidence=sums[one] / sizes[one] if sizes[one] else None,
            correct=compute_proportion(int(successes[one]), sizes[one]),
        )
        for one in range(bins)
    ]


def compare_pipelines(
    is_first_correct: Bools, is_second_correct: Bools
) -> PipelineComparison | TooFewData:
    """Compare two pipelines on the same images by McNemar's exact test (McNemar 1947).

    The p-value is two-sided: twice the smaller tail of the binomial distribution of the images on
    which exactly one pipeline is correct, at most 1.
    """
    first, second = (np.asarray(one, np.bool_) for one in (is_first_correct, is_second_correct))
    if not len(first):
        return TooFewData(SampleUnit.REVIEWED_IMAGES, 0, 1)
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    return PipelineComparison(
        both_correct=int((first & second).sum()),
        only_first_correct=only_first,
        only_second_correct=only_second,
        both_wrong=int((~first & ~second).sum()),
        p_value=compute_exact_mcnemar(only_first, only_second),
    )


def compute_exact_mcnemar(only_first: int, only_second: int) -> float:
    """Compute the two-sided p-value from the discordant pairs; 1 without any.

    >>> round(compute_exact_mcnemar(1, 9), 6)
    0.021484
    """
    total, smaller = only_first + only_second, min(only_first, only_second)
    tail = sum(
        exp(lgamma(total + 1) - lgamma(k + 1) - lgamma(total - k + 1) - total * log(2))
        for k in range(smaller + 1)
    )
    return min(1.0, 2 * tail)


def suggest_threshold(
    confidences: Floats, is_true: Bools, recall: float = 0.95
) -> SuggestedThreshold | TooFewData:
    """Suggest the highest threshold at which at least `recall` of the true images are kept.

    `confidences` is the highest confidence of the class on each reviewed image, 0 without any, and
    `is_true` whether the image shows the class. Images of the class that the model missed
    (confidence 0) limit the recall that a threshold above 0 can reach. Requires 10 true images.
    """
    scores, truth = np.asarray(confidences, np.float64), np.asarray(is_true, np.bool_)
    positives = np.sort(scores[truth])[::-1]
    if len(positives) < FEWEST_POSITIVES:
        return TooFewData(SampleUnit.REVIEWED_IMAGES, len(positives), FEWEST_POSITIVES)
    # A tolerance, because 0.95 * 20 is slightly more than 19.
    needed = max(1, int(np.ceil(recall * len(positives) - 1e-9)))
    threshold = float(positives[needed - 1])
    kept = scores >= threshold
    hits = int((kept & truth).sum())
    of_recall = compute_proportion(hits, len(positives))
    of_precision = compute_proportion(hits, int(kept.sum()))
    assert isinstance(of_recall, Proportion)
    assert isinstance(of_precision, Proportion)
    return SuggestedThreshold(threshold, of_recall, of_precision)
