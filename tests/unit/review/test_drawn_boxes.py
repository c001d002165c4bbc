"""Observations of images on which people drew boxes."""

from dataclasses import replace
from datetime import timedelta

from tests.unit.review.test_observations import (
    NOON,
    RIGHT,
    analysis,
    box,
    derive,
    draw,
    names,
    say,
    stated,
)

from trapline.wire.identifications import IdentificationKind as Says


def test_a_box_that_a_person_drew_is_an_observation() -> None:
    drawn = draw("deer", RIGHT)
    animal, deer = derive(analysis(box("animal")), boxes=(drawn,))
    assert (animal.name, deer.name, deer.subject, deer.is_human) == (
        "animal",
        "deer",
        drawn.id,
        True,
    )


def test_a_box_that_corrects_a_models_box_replaces_it_in_all_pipelines() -> None:
    first, second = box("deer"), box("deer")
    drawn = draw("fox", over=first)
    assert names(derive(analysis(first), analysis(second, model="second"), boxes=(drawn,))) == [
        "fox"
    ]


def test_a_later_analysis_does_not_double_what_a_person_drew() -> None:
    drawn = draw("deer", hour=1)
    assert names(derive(analysis(box("deer"), hour=2), boxes=(drawn,))) == ["deer"]
    assert names(derive(analysis(box("deer"), hour=0), boxes=(drawn,))) == ["deer", "deer"]


def test_a_changed_box_hides_what_it_hid_before() -> None:
    drawn = replace(draw("deer", hour=3), drawn_at=NOON + timedelta(hours=1))
    assert names(derive(analysis(box("deer"), hour=2), boxes=(drawn,))) == ["deer"]


def test_a_name_that_a_box_got_later_outranks_an_identification() -> None:
    drawn = replace(draw("deer", hour=3), named_at=NOON + timedelta(hours=3))
    early, late = (say(Says.CORRECT, stated("fox"), of=drawn, hour=hour) for hour in (2, 4))
    assert names(derive(said=(early,), boxes=(drawn,))) == ["deer"]
    assert names(derive(said=(late,), boxes=(drawn,))) == ["fox"]


def test_boxes_that_are_drawn_later_never_add_to_a_stated_count() -> None:
    whole, drawn = say(Says.CORRECT, stated("deer", 3)), draw("deer", hour=2)
    observed = derive(analysis(), said=(whole,), boxes=(drawn,))
    assert sum(one.count or 0 for one in observed) == 3
    fox = draw("fox", hour=2)
    observed = derive(analysis(), said=(whole,), boxes=(fox,))
    assert [(one.name, one.count) for one in observed] == [("deer", 3), ("fox", 1)]
