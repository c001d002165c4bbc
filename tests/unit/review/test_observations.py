"""Observations of single images, by the rules one after the other."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from trapline.server.findings.rules.geometry import PixelBox
from trapline.server.review.rules.name_meanings import (
    AcceptedTaxon,
    NamingRules,
    resolve_label,
    resolve_taxon,
)
from trapline.server.review.rules.observation_inputs import (
    AnalysisInput,
    DerivationSettings,
    DerivedObservation,
    FindingInput,
    HumanBox,
    ImageInput,
    Meaning,
    StatedTaxon,
    StatementInput,
)
from trapline.server.review.rules.observations import derive_observations
from trapline.wire.identifications import IdentificationKind as Says
from trapline.wire.observation_settings import DecisionRule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
IMAGE = UUID(int=1)
LEFT, RIGHT = PixelBox(0, 0, 100, 100), PixelBox(500, 0, 600, 100)
BOBCAT = AcceptedTaxon(
    UUID(int=71), "Lynx rufus", "species", {"family": "Felidae", "genus": "Lynx"}, ("bobcat",)
)
LYNX = AcceptedTaxon(
    UUID(int=72), "Lynx canadensis", "species", {"family": "Felidae", "genus": "Lynx"}
)
RULES = NamingRules({"bobcat": BOBCAT})
SETTINGS = DerivationSettings(ranks={"first": 0, "second": 1})
_ids = count(1000)


def name(label: str) -> Meaning:
    return resolve_label(label, RULES)


def box(label: str | None, score: float | None = 0.9, at: PixelBox = LEFT) -> FindingInput:
    key = UUID(int=next(_ids))
    named = name(label) if label is not None else None
    return FindingInput(key, UUID(int=0), False, label, named, score, box=at)


def classification(
    label: str,
    score: float | None = 0.9,
    of: FindingInput | None = None,
    *,
    terminal: bool | None = None,
) -> FindingInput:
    return FindingInput(
        UUID(int=next(_ids)),
        UUID(int=0),
        True,
        label,
        name(label),
        score,
        parent_id=of.id if of is not None else None,
        terminal=terminal,
        algorithm_id=1,
    )


def analysis(*findings: FindingInput, model: str = "first", hour: int = 0) -> AnalysisInput:
    key = UUID(int=next(_ids))
    findings = tuple(replace(one, analysis_id=key) for one in findings)
    return AnalysisInput(key, model, NOON + timedelta(hours=hour), findings)


def stated(label: str, amount: int | None = None, subject: UUID | None = None) -> StatedTaxon:
    named = resolve_taxon(LYNX, RULES) if label == "Lynx canadensis" else name(label)
    return StatedTaxon(named, label, amount, subject=subject)


def say(
    kind: Says,
    *taxa: StatedTaxon,
    of: FindingInput | HumanBox | None = None,
    hour: int = 1,
    by: str = "ada",
    expert: bool = False,
    sequence: bool = False,
    everywhere: bool = False,
) -> StatementInput:
    return StatementInput(
        UUID(int=next(_ids)),
        kind,
        by,
        NOON + timedelta(hours=hour),
        of.id if of is not None else None,
        taxa,
        sequence,
        everywhere,
        expert,
    )


def derive(
    *analyses: AnalysisInput,
    said: tuple[StatementInput, ...] = (),
    boxes: tuple[HumanBox, ...] = (),
    earlier: tuple[FindingInput, ...] = (),
    settings: DerivationSettings = SETTINGS,
) -> list[DerivedObservation]:
    image = ImageInput(IMAGE, analyses, said, boxes, earlier)
    return sorted(
        derive_observations(image, settings), key=lambda one: (one.name, str(one.subject))
    )


def names(observations: list[DerivedObservation]) -> list[str]:
    return [one.name for one in observations]


def test_an_image_without_a_completed_analysis_shows_nothing_yet() -> None:
    assert derive() == []


def test_a_detection_below_its_threshold_leaves_the_image_blank() -> None:
    [one] = derive(analysis(box("deer", 0.19)))
    assert (one.kind, one.name, one.is_human) == ("blank", "blank", False)
    assert names(derive(analysis(box("deer", 0.2)))) == ["deer"]
    assert names(derive(analysis(box("deer", None)))) == ["deer"], "a missing score counts as 1"


@pytest.mark.parametrize("terminal", [None, True])
def test_the_threshold_of_a_class_applies_to_what_names_the_detection(
    terminal: bool | None,
) -> None:
    rules = replace(RULES, thresholds={"bobcat": 0.8, "vole": 0.1})

    def show(box_label: str, score: float, label: str) -> list[str]:
        found = replace(box(box_label, score), named=resolve_label(box_label, rules))
        named = classification(label, 0.9, found, terminal=terminal)
        return names(derive(analysis(found, replace(named, named=resolve_label(label, rules)))))

    assert show("animal", 0.79, "bobcat") == ["blank"]
    assert show("animal", 0.8, "bobcat") == ["Lynx rufus"]
    assert show("animal", 0.1, "vole") == ["vole"]
    assert show("animal", 0.1, "deer") == ["blank"]


def test_a_classification_names_its_box_if_it_is_sure_enough() -> None:
    found = box("animal")
    [one] = derive(analysis(found, classification("bobcat", 0.5, found)))
    assert (one.name, one.label, one.taxon_id) == ("Lynx rufus", "bobcat", BOBCAT.id)
    assert (one.subject, one.confidence, one.count) == (found.id, 0.5, 1)
    [one] = derive(analysis(found, classification("bobcat", 0.49, found)))
    assert (one.name, one.confidence) == ("animal", 0.9)


def test_the_last_final_classification_of_a_worker_names_its_box() -> None:
    found = replace(box("bobcat"), algorithm_id=1)
    detector = classification("animal", 0.8, found, terminal=False)
    final = replace(classification("bobcat", 0.6, found, terminal=True), algorithm_id=2, ordering=2)
    overruled = replace(classification("lion", 0.9, found, terminal=False), algorithm_id=3)
    assert names(derive(analysis(found, detector, overruled, final))) == ["Lynx rufus"]
    unsure = replace(final, score=0.3)
    assert names(derive(analysis(found, detector, overruled, unsure))) == ["animal"]


def test_a_generic_classification_does_not_hide_a_species_of_the_detector() -> None:
    found = box("bobcat")
    assert names(derive(analysis(found, classification("animal", 0.99, found)))) == ["Lynx rufus"]


def test_the_most_specific_classification_names_a_box() -> None:
    found = box("animal")
    both = classification("bird", 0.99, found), classification("robin", 0.7, found)
    assert names(derive(analysis(found, *both))) == ["robin"]


def test_a_blank_class_is_a_statement_and_not_a_finding() -> None:
    [one] = derive(analysis(classification("blank", 0.8)))
    assert (one.kind, one.confidence, one.label) == ("blank", 0.8, "blank")
    found = box("animal")
    assert names(derive(analysis(found, classification("empty", 0.8, found)))) == ["blank"]


def test_a_classification_of_the_image_names_its_only_animal_box() -> None:
    found = box("animal")
    [one] = derive(analysis(found), analysis(classification("bobcat", 0.7), model="second"))
    assert (one.subject, one.name, one.confidence) == (found.id, "Lynx rufus", 0.7)
    other = box("animal", at=RIGHT)
    observed = derive(analysis(found, other), analysis(classification("bobcat"), model="second"))
    assert names(observed) == ["Lynx rufus", "animal", "animal"]
    assert observed[0].subject is None


def test_a_classification_adds_nothing_to_a_box_that_says_as_much() -> None:
    found = box("bobcat")
    assert names(derive(analysis(found, classification("animal"), classification("bobcat")))) == [
        "Lynx rufus"
    ]


def test_the_first_pipeline_names_what_two_pipelines_found() -> None:
    first, second = box("animal", 0.5), box("deer", 0.99)
    [one] = derive(analysis(second, model="second"), analysis(first))
    assert (one.name, one.subject, one.needs_review) == ("animal", first.id, False)
    apart = box("deer", 0.3, RIGHT)
    assert names(derive(analysis(first), analysis(apart, model="second"))) == ["animal", "deer"]
    two = derive(analysis(first, box("deer", at=LEFT)))
    assert names(two) == ["animal", "deer"], "boxes of one pipeline are two things"


def test_a_box_that_was_merged_does_not_merge_others() -> None:
    third = replace(SETTINGS, ranks={"first": 0, "second": 1, "third": 2})
    at = [PixelBox(x, 0, x + 100, 100) for x in (0, 30, 60)]
    found = derive(
        analysis(box("a", at=at[0])),
        analysis(box("b", at=at[1]), model="second"),
        analysis(box("c", at=at[2]), model="third"),
        settings=third,
    )
    assert names(found) == ["a", "c"]


def test_a_finding_that_another_pipeline_missed_needs_review() -> None:
    [one] = derive(analysis(box("deer")), analysis(model="second"))
    assert (one.name, one.needs_review) == ("deer", True)


def test_a_corrected_box_takes_the_name_of_the_person() -> None:
    found, other = box("bobcat"), box("deer", at=RIGHT)
    said = say(Says.CORRECT, stated("Lynx canadensis", 2), of=found)
    lynx, deer = derive(analysis(found, other), said=(said,))
    assert (lynx.name, lynx.taxon_id, lynx.count) == ("Lynx canadensis", LYNX.id, 2)
    assert (lynx.is_human, lynx.identified_by, lynx.identification_id) == (True, "ada", said.id)
    assert lynx.confidence is None
    assert (deer.name, deer.is_human) == ("deer", False)


def test_a_box_that_a_person_removed_is_gone_and_the_image_may_become_blank() -> None:
    found = box("deer")
    said = say(Says.BLANK, of=found)
    [one] = derive(analysis(found), said=(said,))
    assert (one.name, one.is_human, one.identified_by) == ("blank", True, "ada")
    assert names(derive(analysis(found, box("fox", at=RIGHT)), said=(said,))) == ["fox"]


def test_a_decision_about_a_box_holds_for_the_same_place_in_later_analyses() -> None:
    old = replace(box("bobcat"), analysis_id=UUID(int=5))
    again = analysis(box("bobcat"), box("deer", at=RIGHT))
    corrected = say(Says.CORRECT, stated("Lynx canadensis"), of=old)
    assert names(derive(again, said=(corrected,), earlier=(old,))) == ["Lynx canadensis", "deer"]
    removed = say(Says.BLANK, of=old)
    assert names(derive(again, said=(removed,), earlier=(old,))) == ["deer"]


def test_a_statement_about_the_image_replaces_all_model_observations() -> None:
    found, fox = box("animal"), box("fox", at=RIGHT)
    said = say(Says.CORRECT, stated("Lynx canadensis", 3))
    boxed, rest = sorted(
        derive(analysis(found, fox), said=(said,)), key=lambda one: one.subject is None
    )
    assert (boxed.name, boxed.subject, boxed.count) == ("Lynx canadensis", found.id, 1)
    assert (rest.name, rest.subject, rest.count) == ("Lynx canadensis", None, 2)


def test_the_counts_of_boxes_never_exceed_what_a_person_stated() -> None:
    boxes = [box("deer", 0.5), box("deer", 0.9, RIGHT), box("animal", 0.99, RIGHT)]
    [one] = derive(analysis(*boxes), said=(say(Says.CORRECT, stated("deer", 1)),))
    assert (one.subject, one.count) == (boxes[1].id, 1)


def test_a_statement_names_several_taxa() -> None:
    deer, animal = box("deer"), box("animal", at=RIGHT)
    said = say(Says.CORRECT, stated("deer", 1), stated("Lynx canadensis", 1))
    observed = derive(analysis(deer, animal), said=(said,))
    assert [(one.name, one.subject) for one in observed] == [
        ("Lynx canadensis", animal.id),
        ("deer", deer.id),
    ]


def test_a_statement_of_blank_leaves_one_observation() -> None:
    [one] = derive(analysis(box("deer")), said=(say(Says.BLANK),))
    assert (one.name, one.is_human) == ("blank", True)
    [one] = derive(said=(say(Says.BLANK),))
    assert one.name == "blank", "an image that no model analysed"


def test_of_a_box_and_the_image_the_later_statement_decides() -> None:
    found = box("deer")
    named = say(Says.CORRECT, stated("fox"), of=found, hour=2)
    blank = say(Says.BLANK, hour=1)
    assert names(derive(analysis(found), said=(named, blank))) == ["fox"]
    assert names(
        derive(analysis(found), said=(named, replace(blank, at=NOON + timedelta(hours=3))))
    ) == ["blank"]
    whole = say(Says.CORRECT, stated("deer"), hour=1)
    assert names(derive(analysis(found), said=(named, whole))) == ["fox"]


def test_a_confirmation_keeps_what_was_confirmed_when_thresholds_rise() -> None:
    found = box("deer", 0.3)
    said = say(Says.CONFIRM, stated("deer", 1, found.id))
    strict = replace(SETTINGS, detection_threshold=0.9)
    for settings in (SETTINGS, strict):
        [one] = derive(analysis(found), said=(said,), settings=settings)
        assert (one.name, one.subject, one.is_human) == ("deer", found.id, True)
    [one] = derive(analysis(), said=(say(Says.CONFIRM),))
    assert (one.name, one.is_human) == ("blank", True)


def test_unsure_keeps_the_observation_and_asks_for_a_review() -> None:
    found = box("deer")
    for said in (say(Says.UNSURE), say(Says.UNSURE, of=found)):
        [one] = derive(analysis(found), said=(said,))
        assert (one.name, one.is_human, one.needs_review) == ("deer", False, True)
    [one] = derive(analysis(), said=(say(Says.UNSURE),))
    assert (one.name, one.needs_review) == ("blank", True)


def test_a_statement_about_a_sequence_names_boxes_alone() -> None:
    said = say(Says.CORRECT, stated("Lynx canadensis", 2), sequence=True)
    wrong = box("fox")
    [one] = derive(analysis(wrong), said=(said,))
    assert (one.name, one.subject, one.count) == ("Lynx canadensis", wrong.id, 1)
    [one] = derive(analysis(), said=(said,))
    assert (one.name, one.is_human) == ("blank", False)
    [one] = derive(analysis(), said=(replace(said, applies_to_all=True),))
    assert (one.name, one.is_human, one.count) == ("Lynx canadensis", True, None)


def draw(
    label: str, at: PixelBox = LEFT, hour: int = 1, over: FindingInput | None = None
) -> HumanBox:
    key, when = UUID(int=next(_ids)), NOON + timedelta(hours=hour)
    return HumanBox(key, stated(label), "ada", when, at, over.id if over else None)


def test_an_experts_statement_outranks_a_later_one() -> None:
    settings = replace(SETTINGS, rule=DecisionRule.EXPERT)
    found = analysis(box("deer"))
    said = (
        say(Says.CORRECT, stated("fox"), hour=1, expert=True),
        say(Says.CORRECT, stated("deer"), hour=2, by="bob"),
    )
    assert names(derive(found, said=said, settings=settings)) == ["fox"]
    assert names(derive(found, said=said)) == ["deer"]


def test_reviewers_must_agree() -> None:
    settings = replace(SETTINGS, rule=DecisionRule.AGREEMENT, agreement=2)
    found = analysis(box("animal"))
    one = say(Says.CORRECT, stated("fox", 2), by="ada", hour=1)
    other = say(Says.CORRECT, stated("deer", 1), by="bob", hour=2)
    third = say(Says.CORRECT, stated("fox", 4), by="eve", hour=3)
    [waiting] = derive(found, said=(one,), settings=settings)
    assert (waiting.name, waiting.needs_review, waiting.is_human) == ("animal", True, False)
    again = replace(one, id=UUID(int=next(_ids)))
    [waiting] = derive(found, said=(one, again), settings=settings)
    assert waiting.needs_review, "one person is one answer"
    agreed = derive(found, said=(one, other, third), settings=settings)
    assert sum(one.count or 0 for one in agreed) == 2, "the lower of two middle counts"
    assert set(names(agreed)) == {"fox"}
    [waiting] = derive(found, said=(one, other), settings=settings)
    assert waiting.needs_review
    expert = say(Says.CORRECT, stated("wolf"), by="kim", hour=4, expert=True)
    assert names(derive(found, said=(one, other, expert), settings=settings)) == ["wolf"]


@pytest.mark.parametrize("threshold", [0.0, 0.95])
def test_uncertain_observations_need_review(threshold: float) -> None:
    settings = replace(SETTINGS, review_threshold=threshold)
    [one] = derive(analysis(box("deer", 0.9)), settings=settings)
    assert one.needs_review == (threshold > 0.9)


def test_existing_projects_keep_every_finding_apart() -> None:
    settings = replace(SETTINGS, detection_threshold=0, classification_threshold=0, combines=False)
    found = derive(
        analysis(box("animal", 0.01)),
        analysis(box("deer", 0.01), classification("fox", 0.01), model="second"),
        settings=settings,
    )
    assert names(found) == ["animal", "deer", "fox"]
    assert not any(one.needs_review for one in found)
