"""Agreement between people, compared with published examples of the formulas."""

from uuid import UUID

import pytest

from trapline.server.review.rules.review_set_agreement import (
    Answer,
    compare_people,
    compute_cohen_kappa,
    compute_fleiss_kappa,
)

YES, NO = ("yes",), ("no",)
# J. L. Fleiss (1971): the diagnoses of 30 patients by six raters, in five categories.
DIAGNOSES = """
    0 0 0 6 0, 0 3 0 0 3, 0 1 4 0 1, 0 0 0 0 6, 0 3 0 3 0, 2 0 4 0 0, 0 0 4 0 2, 2 0 3 1 0,
    2 0 0 4 0, 0 0 0 0 6, 1 0 0 5 0, 1 1 0 4 0, 0 3 3 0 0, 1 0 0 5 0, 0 2 0 3 1, 0 0 5 0 1,
    3 0 0 1 2, 5 1 0 0 0, 0 2 0 4 0, 1 0 2 0 3, 0 0 0 0 6, 0 1 0 5 0, 0 2 0 1 3, 2 0 0 4 0,
    1 0 0 4 1, 0 5 0 1 0, 4 0 0 0 2, 0 2 0 4 0, 1 0 5 0 0, 0 0 0 0 6
"""
PEOPLE = [UUID(int=number) for number in (1, 2, 3)]


def test_cohens_kappa_of_two_raters_of_fifty_proposals() -> None:
    pairs = [(YES, YES)] * 20 + [(YES, NO)] * 5 + [(NO, YES)] * 10 + [(NO, NO)] * 15
    assert compute_cohen_kappa(pairs) == pytest.approx(0.4)
    assert compute_cohen_kappa([(YES, NO), (NO, YES)]) == pytest.approx(-1)


def test_cohens_kappa_is_unknown_for_one_answer() -> None:
    assert compute_cohen_kappa([(YES, YES)] * 3) is None
    assert compute_cohen_kappa([]) is None


def test_fleiss_kappa_of_thirty_patients() -> None:
    items: list[list[Answer]] = []
    for patient in DIAGNOSES.replace("\n", " ").split(","):
        counts = [int(one) for one in patient.split()]
        items.append([(str(kind),) for kind, count in enumerate(counts) for _ in range(count)])
    assert (len(items), {len(one) for one in items}) == (30, {6})
    assert compute_fleiss_kappa(items) == pytest.approx(0.430, abs=0.0005)
    assert compute_fleiss_kappa([]) is None
    assert compute_fleiss_kappa([[YES, YES]]) is None


def test_people_are_compared_on_the_items_that_both_reviewed() -> None:
    one, two, three = PEOPLE
    found = compare_people(
        {
            1: {one: YES, two: YES},
            2: {one: YES, two: NO},
            3: {one: NO},
            4: {one: NO, two: NO, three: NO},
        },
        ratings=2,
    )
    pairs = {(pair.first, pair.second): (pair.items, pair.equal) for pair in found.pairs}
    assert pairs == {(one, two): (3, 2), (one, three): (1, 1), (two, three): (1, 1)}
    assert (found.compared, found.unanimous, found.rated) == (3, 2, 2)
    # Two items with two answers: P = (1 + 0) / 2 and P_e = (3 / 4)^2 + (1 / 4)^2.
    assert found.kappa == pytest.approx((0.5 - 0.625) / (1 - 0.625))
