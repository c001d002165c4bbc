"""The current identification out of several, and the allowed content of each kind."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from trapline.server.review.rules.identifications import (
    CARRIES,
    ActiveIdentification,
    EffectiveIdentifications,
    list_errors,
)
from trapline.wire.identifications import IdentificationKind as Kind
from trapline.wire.identifications import NewIdentification

BOX, NAME, OTHER, ANALYSIS, NEWER = (uuid7() for _ in range(5))
START = datetime(2026, 5, 1, tzinfo=UTC)


def say(*told: tuple[Kind, UUID | None]) -> list[ActiveIdentification]:
    """Build identifications one second apart; whole images are confirmed as ANALYSIS found them."""
    return [
        ActiveIdentification(
            uuid7(),
            kind,
            START + timedelta(seconds=second),
            about,
            ANALYSIS if about is None else None,
        )
        for second, (kind, about) in enumerate(told)
    ]


def holds(
    said: list[ActiveIdentification],
    annotation: UUID = BOX,
    parent: UUID | None = None,
    of: UUID = ANALYSIS,
) -> Kind | None:
    one = EffectiveIdentifications(reversed(said)).of_annotation(annotation, parent, of)
    return one.kind if one else None


def holds_of_image(said: list[ActiveIdentification]) -> Kind | None:
    one = EffectiveIdentifications(said).of_image()
    return one.kind if one else None


def test_the_latest_holds_whichever_comes_first() -> None:
    said = say((Kind.CONFIRM, BOX), (Kind.CORRECT, BOX), (Kind.UNSURE, OTHER))
    assert holds(said) == Kind.CORRECT
    assert holds(said, OTHER) == Kind.UNSURE
    assert holds(said, NAME) is None
    same = [
        ActiveIdentification(UUID(int=number), kind, START, BOX, None)
        for number, kind in ((2, Kind.BLANK), (1, Kind.CORRECT))
    ]
    assert holds(same) == holds(same[::-1]) == Kind.BLANK, (
        "two of one moment have an order all the same"
    )


def test_an_identification_of_a_box_applies_to_its_classification() -> None:
    assert holds(say((Kind.CORRECT, BOX)), NAME, BOX) == Kind.CORRECT
    assert holds(say((Kind.CORRECT, BOX), (Kind.CONFIRM, NAME)), NAME, BOX) == Kind.CONFIRM
    assert holds(say((Kind.CONFIRM, NAME), (Kind.CORRECT, BOX)), NAME, BOX) == Kind.CORRECT
    assert holds(say((Kind.CONFIRM, NAME))) is None


def test_a_whole_image_that_is_blank_has_nothing_on_it() -> None:
    said = say((Kind.CONFIRM, BOX), (Kind.BLANK, None))
    assert holds(said) == holds(said, OTHER) == holds_of_image(said) == Kind.BLANK
    said = say((Kind.BLANK, None), (Kind.CORRECT, BOX))
    assert (holds(said), holds(said, OTHER)) == (Kind.CORRECT, Kind.BLANK)
    assert holds_of_image(said) is None, "something on it was named since"
    assert holds_of_image(say((Kind.BLANK, None), (Kind.UNSURE, BOX))) == Kind.BLANK
    said = say((Kind.BLANK, None), (Kind.CORRECT, None))
    assert (holds(said), holds_of_image(said)) == (None, Kind.CORRECT)


def test_a_whole_image_is_confirmed_as_one_analysis_found_it_where_nothing_else_was_said() -> None:
    said = say((Kind.CORRECT, BOX), (Kind.CONFIRM, None))
    assert (holds(said), holds(said, OTHER), holds(said, OTHER, of=NEWER)) == (
        Kind.CORRECT,
        Kind.CONFIRM,
        None,
    )
    assert holds_of_image(said) == Kind.CONFIRM
    assert holds(say((Kind.UNSURE, None))) is None


GIVEN: dict[str, Any] = {
    "taxon": BOX, "label": "x", "comment": "x", "count": 1, "sex": "male", "life_stage": "adult",
    "behaviour": "x",
}  # fmt: skip


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_carries_what_it_may_and_nothing_else(kind: Kind) -> None:
    needs = {Kind.CORRECT: {"label": "x"}, Kind.COMMENT: {"comment": "x"}}.get(kind, {})
    assert list_errors([NewIdentification(kind=kind, annotations=[BOX], **needs)]) == []
    for name, value in GIVEN.items():
        kept = {} if name in ("taxon", "label") else needs
        faults = list_errors(
            [NewIdentification(kind=kind, annotations=[BOX], **kept | {name: value})]
        )
        assert (faults == []) == (name in CARRIES[kind]), f"{kind} with {name}: {faults}"


def test_invalid_identifications_are_reported_with_their_position() -> None:
    def find(*said: dict[str, Any]) -> list[str]:
        return [where for where, _ in list_errors([NewIdentification(**one) for one in said])]

    fine = {"kind": "blank", "annotations": [BOX]}
    assert find(fine, {"kind": "confirm"}) == ["identifications.1"]
    assert find({"kind": "correct", "annotations": [BOX]}) == ["identifications.0"]
    assert find({"kind": "correct", "annotations": [BOX], "taxon": OTHER, "label": "x"}) == [
        "identifications.0"
    ]
    assert find({"kind": "comment", "images": [BOX]}) == ["identifications.0.comment"]
    assert find(fine, {"kind": "unsure", "annotations": [OTHER, BOX]}) == ["identifications.1"]
    assert find({"kind": "unsure", "annotations": [OTHER, OTHER]}) == ["identifications.0"]
    assert (
        find(fine, {"kind": "comment", "annotations": [BOX], "comment": "both may be said"}) == []
    )
