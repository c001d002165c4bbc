"""Answers by class, with ancestors, against counts written by hand."""

from trapline.server.insights.rules.class_answers import (
    AnswerGroup,
    CaseCounts,
    ClassNames,
    count_all,
    count_by_class,
)
from trapline.server.review.rules.observation_inputs import Meaning
from trapline.wire.observations import ObservationKind

ANIMAL = ObservationKind.ANIMAL
MEANINGS = {
    "animal": Meaning("animal", ANIMAL),
    "Canidae": Meaning("Canidae", ANIMAL, None, frozenset({"canidae"}), 5),
    "Vulpes vulpes": Meaning(
        "Vulpes vulpes", ANIMAL, None, frozenset({"vulpes vulpes", "canidae"}), 7
    ),
    "Cervus": Meaning("Cervus", ANIMAL, None, frozenset({"cervus"}), 6),
    "blank": Meaning("blank", ObservationKind.BLANK),
}


def group(predicted: str, true: str, images: int = 1, *samples: str) -> AnswerGroup:
    return AnswerGroup(
        frozenset(predicted.split("+")),
        frozenset(true.split("+")),
        frozenset(samples),
        predicted == true,
        images,
    )


def counts(one: CaseCounts) -> tuple[int, int, int]:
    return one.true_positives, one.false_positives, one.false_negatives


def test_an_answer_counts_for_the_ancestors_of_its_taxon() -> None:
    groups = [
        group("Canidae", "Vulpes vulpes", 3),
        group("animal", "Cervus", 2),
        group("blank", "Cervus", 1),
        group("Vulpes vulpes", "blank", 1),
    ]
    classes = ClassNames(MEANINGS, [names for one in groups for names in (one.predicted, one.true)])
    found = {name: counts(one.biased) for name, one in count_by_class(groups, classes).items()}
    assert found == {
        "animal": (5, 1, 1),
        "Canidae": (3, 1, 0),
        "Vulpes vulpes": (0, 1, 3),
        "Cervus": (0, 0, 3),
        "blank": (0, 1, 1),
    }
    # Of all: Canidae and animal are correct answers, and found the fox and the deer.
    assert counts(count_all(groups, classes).biased) == (5, 2, 2)
    assert classes.list_descendants("Canidae") == ["Canidae", "Vulpes vulpes"]


def test_samples_decide_for_which_figures_an_image_counts() -> None:
    groups = [
        group("Cervus", "Cervus", 4, ""),
        group("Cervus", "blank", 3, "Cervus"),
        group("Cervus", "blank", 2, "Canidae"),
        group("Cervus", "blank", 1),
    ]
    classes = ClassNames(MEANINGS, [names for one in groups for names in (one.predicted, one.true)])
    cases = count_by_class(groups, classes)["Cervus"]
    assert counts(cases.precision) == (4, 3, 0)
    assert counts(cases.recall) == (4, 0, 0)
    assert counts(cases.biased) == (0, 3, 0)
    of_all = count_all(groups, classes)
    assert (counts(of_all.recall), counts(of_all.biased)) == ((4, 0, 0), (0, 1, 1))
