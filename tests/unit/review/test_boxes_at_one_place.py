"""Boxes of several analyses at one place: which of them counts, and what people say of any."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from tests.unit.review.test_observations import (
    NOON,
    SETTINGS,
    analysis,
    box,
    derive,
    names,
    say,
    stated,
)

from trapline.wire.identifications import IdentificationKind as Says
from trapline.wire.observation_settings import DecisionRule


def test_pipelines_without_a_priority_are_taken_by_name() -> None:
    unordered = replace(SETTINGS, ranks={"first": 5, "second": 5})
    first, second = box("animal", 0.5), box("deer", 0.99)
    found = analysis(second, model="second"), analysis(first, model="first")
    assert names(derive(*found, settings=unordered)) == ["animal"]


def test_of_statements_about_boxes_at_one_place_the_latest_decides() -> None:
    first, second = box("deer"), box("deer")
    found = analysis(first), analysis(second, model="second")
    earlier = say(Says.CORRECT, stated("fox"), of=first, hour=1)
    later = say(Says.CORRECT, stated("wolf"), of=second, hour=2)
    assert names(derive(*found, said=(earlier, later))) == ["wolf"]
    assert names(derive(*found, said=(later, replace(earlier, at=later.at, id=UUID(int=9))))) == [
        "wolf"
    ]
    again = replace(earlier, at=NOON + timedelta(hours=3))
    assert names(derive(*found, said=(again, later))) == ["fox"]


def test_a_statement_replaces_one_about_an_earlier_analysis() -> None:
    old, now = replace(box("deer"), analysis_id=UUID(int=5)), box("deer")
    earlier = say(Says.CORRECT, stated("fox"), of=old, hour=1)
    later = say(Says.CORRECT, stated("wolf"), of=now, hour=2)
    assert names(derive(analysis(now), said=(earlier, later), earlier=(old,))) == ["wolf"]
    removed = say(Says.BLANK, of=now, hour=3)
    [one] = derive(analysis(now), said=(earlier, removed), earlier=(old,))
    assert (one.name, one.is_human) == ("blank", True)


def test_a_question_about_a_box_is_one_about_its_place() -> None:
    first, second = box("deer"), box("fox")
    found = analysis(first), analysis(second, model="second")
    [one] = derive(*found, said=(say(Says.UNSURE, of=second),))
    assert (one.name, one.needs_review) == ("deer", True)
    asked = replace(SETTINGS, rule=DecisionRule.AGREEMENT)
    [one] = derive(*found, said=(say(Says.CORRECT, stated("fox"), of=second),), settings=asked)
    assert (one.name, one.needs_review) == ("deer", True)
