"""Where the author of a name begins, and what lines do to a list: followed by hand."""

from typing import Any
from uuid import UUID

import pytest

from trapline.server.review.rules.taxon_names import (
    FIELDS,
    KnownTaxon,
    TaxonLine,
    build_import_plan,
    build_search_text,
    name_key,
    split_author,
)


@pytest.mark.parametrize(
    ("told", "name", "author"),
    [
        ("Puma concolor (Linnaeus, 1771)", "Puma concolor", "(Linnaeus, 1771)"),
        ("Felis  Linnaeus, 1758", "Felis", "Linnaeus, 1758"),
        ("Herpestes (Urva) javanicus Hodgson, 1836", "Herpestes (Urva) javanicus", "Hodgson, 1836"),
        ("Canis lupus subsp. familiaris L.", "Canis lupus subsp. familiaris", "L."),
        ("Cebus apella de Geoffroy", "Cebus apella", "de Geoffroy"),
        ("Panthera leo", "Panthera leo", ""),
        ("Canidae sp. 1", "Canidae sp. 1", ""),
        ("Rhino cf. unicornis", "Rhino cf. unicornis", ""),
        ("BOLD:AAA1234", "BOLD:AAA1234", ""),
        ("", "", ""),
    ],
)
def test_a_name_is_parted_from_its_author(told: str, name: str, author: str) -> None:
    assert split_author(told) == (name, author)


def test_an_author_that_is_told_is_taken_off_the_name() -> None:
    assert split_author("Puma concolor (Linnaeus, 1771)", "(Linnaeus, 1771)") == (
        "Puma concolor",
        "(Linnaeus, 1771)",
    )
    assert split_author("Puma concolor", "Linnaeus") == ("Puma concolor", "Linnaeus")


def test_a_long_name_is_read_at_once() -> None:
    assert split_author("A" + " de" * 40_000 + "1") == ("A" + " de" * 40_000 + "1", "")


def test_names_are_one_whatever_their_case_and_spaces() -> None:
    assert name_key("Vulpes  VULPES") == name_key("vulpes vulpes") == "vulpes vulpes"
    assert name_key("Cafe\u0301") == name_key("CAFÉ")
    assert build_search_text(
        "Vulpes vulpes", {"en": ["Red fox"], "de": ["Rotfuchs", "red fox"]}
    ) == ("\nvulpes vulpes\nred fox\nrotfuchs\n")


def line(number: int, name: str | None, **told: Any) -> TaxonLine:
    values = {key: value for key, value in told.items() if key in FIELDS}
    rest = {key: value for key, value in told.items() if key not in FIELDS}
    return TaxonLine(number, values if name is None else values | {"scientific_name": name}, **rest)


def known(*taxa: tuple[str, dict[str, Any], str | None]) -> dict[str, KnownTaxon]:
    empty: dict[str, Any] = {"authorship": "", "rank": "", "external_id": "", "gbif_key": None}
    return {
        name_key(name): KnownTaxon(
            UUID(int=number),
            {"scientific_name": name, "higher_ranks": {}, "common_names": {}} | empty | values,
            accepted,
        )
        for number, (name, values, accepted) in enumerate(taxa)
    }


def test_a_line_changes_only_what_it_tells() -> None:
    before = known(
        (
            "Vulpes vulpes",
            {"rank": "species", "common_names": {"en": ["fox"], "de": ["Fuchs"]}},
            None,
        )
    )
    intake = build_import_plan([line(2, "Vulpes vulpes", common_names={"en": ["red fox"]})], before)
    values, accepted = intake.changed["vulpes vulpes"]
    assert (values["rank"], accepted) == ("species", None)
    assert values["common_names"] == {"en": ["red fox"], "de": ["Fuchs"]}
    assert (intake.created, intake.updated, intake.unchanged) == (0, 1, 0)
    same = build_import_plan([line(2, "Vulpes vulpes", rank="species")], before)
    assert (same.changed, same.unchanged) == ({}, 1)


def test_synonyms_stand_for_what_is_accepted_at_the_end() -> None:
    lines = [
        line(2, "A", has_status=True, accepted="b"),
        line(3, "B", has_status=True, accepted="C"),
        line(4, "D", has_status=True, accepted="E"),
        line(5, "C", has_status=True, accepted="C"),
    ]
    intake = build_import_plan(lines, known(("E", {}, "f"), ("F", {}, None)))
    assert {key: accepted for key, (_, accepted) in intake.changed.items()} == {
        "a": "c",
        "b": "c",
        "c": None,
        "d": "f",
    }
    assert intake.problems == []


def test_swapped_names_are_resolved_and_a_cycle_is_not() -> None:
    before = known(("A", {}, "b"), ("B", {}, None))
    traded = build_import_plan(
        [line(2, "A", has_status=True), line(3, "B", has_status=True, accepted="A")], before
    )
    assert {key: accepted for key, (_, accepted) in traded.changed.items()} == {"a": None, "b": "a"}
    circle = build_import_plan([line(2, "B", has_status=True, accepted="A")], before)
    assert (circle.changed, [where[:2] for where in circle.problems]) == ({}, [(2, "synonym_of")])


def test_only_wrong_lines_are_told_and_what_leans_on_them() -> None:
    lines = [
        line(2, "Meles meles", gbif_key=7),
        line(3, "MELES  meles"),
        line(4, "Martes foina", gbif_key=7),
        line(5, None, gbif_key=99),
        line(6, None, gbif_key=5),
        line(7, "Taxus", has_status=True, accepted="Martes foina"),
        line(8, "Ursus", has_status=True, accepted_gbif=5),
        line(9, "Nasua", has_status=True, accepted_gbif=6),
    ]
    intake = build_import_plan(lines, known(("Canis lupus", {"gbif_key": 5}, None)))
    assert [where[:2] for where in intake.problems] == [
        (3, "scientific_name"),
        (4, "gbif_key"),
        (5, "scientific_name"),
        (7, "synonym_of"),
        (9, "synonym_of"),
    ]
    assert {key: accepted for key, (_, accepted) in intake.changed.items()} == {
        "meles meles": None,
        "ursus": "canis lupus",
    }
    assert (intake.created, intake.unchanged) == (2, 1)


def test_gbif_keys_may_change_hands() -> None:
    before = known(("A", {"gbif_key": 1}, None), ("B", {"gbif_key": 2}, None))
    intake = build_import_plan([line(2, "A", gbif_key=2), line(3, "B", gbif_key=1)], before)
    assert {key: values["gbif_key"] for key, (values, _) in intake.changed.items()} == {
        "a": 2,
        "b": 1,
    }
    held = build_import_plan([line(2, "A", gbif_key=2)], before)
    assert (held.changed, [where[:2] for where in held.problems]) == ({}, [(2, "gbif_key")])
