"""Agreement between the people of a review set.

Sources of the formulas: J. Cohen (1960), A coefficient of agreement for nominal scales, Educational
and Psychological Measurement 20(1); J. L. Fleiss (1971), Measuring nominal scale agreement among
many raters, Psychological Bulletin 76(5).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from uuid import UUID

from trapline.server.review.rules.observation_inputs import (
    DerivationSettings,
    DerivedObservation,
    ImageInput,
)
from trapline.server.review.rules.observations import derive_observations
from trapline.wire.identifications import IdentificationKind
from trapline.wire.observation_settings import DecisionRule
from trapline.wire.observations import ObservationKind

Answer = tuple[str, ...]
"""The names that a person gave to an item, in order; the whole is one category."""
BLANK: Answer = (ObservationKind.BLANK.value,)
UNSURE: Answer = ("unsure",)


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Agreement of two people on the items that both reviewed."""

    first: UUID
    second: UUID
    items: int
    equal: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class SetAgreement:
    """Agreement of all people: of pairs, of all together, and Fleiss' kappa of `rated` items."""

    pairs: Sequence[PairAgreement]
    compared: int
    unanimous: int
    rated: int
    kappa: float | None


def find_answer(images: Iterable[ImageInput], person: str, settings: DerivationSettings) -> Answer:
    """Find the answer of a person about an item: the names in all images, or blank, or unsure.

    The answer is derived as observations are, from the results of models and from what this person
    decided, without the decisions of others. Findings about which the person decided nothing do not
    count.
    """
    names: set[str] = set()
    stated: set[str] = set()
    is_unsure = False
    for image in images:
        own = keep_own_decisions(image, person)
        is_unsure |= any(one.kind is IdentificationKind.UNSURE for one in own.statements)
        stated |= {taxon.named.name for one in own.statements for taxon in one.taxa}
        names |= {one.name for one in derive_own(own, settings) if one.is_human}
    shown = names - set(BLANK)
    if not names and not is_unsure:
        # A taxon of a sequence without boxes does not create an observation; it is an answer.
        shown = stated
    return tuple(sorted(shown)) or (BLANK if names and not is_unsure else UNSURE)


def derive_own(image: ImageInput, settings: DerivationSettings) -> tuple[DerivedObservation, ...]:
    """Derive the observations of an image about which one person decided: the latest counts."""
    return derive_observations(image, replace(settings, rule=DecisionRule.LATEST))


def keep_own_decisions(image: ImageInput, person: str) -> ImageInput:
    """Return what is known about an image without the decisions and boxes of other people."""
    return ImageInput(
        image.id,
        image.analyses,
        tuple(one for one in image.statements if one.by == person),
        tuple(one for one in image.boxes if one.by == person),
        image.earlier,
    )


def compare_people(answers: Mapping[int, Mapping[UUID, Answer]], ratings: int) -> SetAgreement:
    """Compare the answers of people, by item and person."""
    both: dict[tuple[UUID, UUID], list[tuple[Answer, Answer]]] = {}
    compared = unanimous = 0
    for of_item in answers.values():
        if len(of_item) < 2:
            continue
        compared += 1
        unanimous += len(set(of_item.values())) == 1
        for first, second in combinations(sorted(of_item), 2):
            both.setdefault((first, second), []).append((of_item[first], of_item[second]))
    pairs = [
        PairAgreement(
            first,
            second,
            len(ones),
            sum(one == other for one, other in ones),
            compute_cohen_kappa(ones),
        )
        for (first, second), ones in sorted(both.items())
    ]
    rated = [list(one.values()) for one in answers.values() if len(one) == ratings]
    kappa = compute_fleiss_kappa(rated) if ratings > 1 else None
    return SetAgreement(pairs, compared, unanimous, len(rated) if ratings > 1 else 0, kappa)


def compute_cohen_kappa(pairs: Sequence[tuple[Answer, Answer]]) -> float | None:
    """Compute Cohen's kappa of two people: (p_o - p_e) / (1 - p_e).

    p_o is the share of equal answers. p_e is the share expected by chance: the sum over all
    answers of the product of their shares with each of the two people. Null if p_e is 1.
    """
    count = len(pairs)
    if count == 0:
        return None
    first = Counter(one for one, _ in pairs)
    second = Counter(other for _, other in pairs)
    expected = sum(number * second[answer] for answer, number in first.items())
    if expected == count * count:
        return None
    equal = sum(one == other for one, other in pairs)
    return (equal * count - expected) / (count * count - expected)


def compute_fleiss_kappa(items: Sequence[Sequence[Answer]]) -> float | None:
    """Compute Fleiss' kappa of items that have the same number of answers, at least two.

    It is (P - P_e) / (1 - P_e). P is the mean over the items of the share of pairs of answers that
    are equal. P_e is the sum of the squared shares of each answer among all answers. Null without
    items, or if P_e is 1.
    """
    if not items:
        return None
    ratings = len(items[0])
    total: Counter[Answer] = Counter()
    shares = 0.0
    for answers in items:
        counts = Counter(answers)
        total.update(counts)
        equal = sum(number * (number - 1) for number in counts.values())
        shares += equal / (ratings * (ratings - 1))
    if len(total) == 1:
        return None
    mean = shares / len(items)
    expected = sum((number / (len(items) * ratings)) ** 2 for number in total.values())
    return (mean - expected) / (1 - expected)
