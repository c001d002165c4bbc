"""Prose is plain English: the number of banned expressions only falls, and so do long lines."""

from pathlib import Path

import pytest

from tests.house.language import (
    count_expressions,
    count_long_lines,
    find_expressions,
    list_ambiguous_classes,
    list_raised,
    load_table,
)
from tests.house.passages import extract

ADVICE = "run `python -m tests.house.language --update`, or PATH instead of --update to list places"


def test_the_number_of_banned_expressions_only_falls() -> None:
    """A word of a private dialect stops a reader who does not know it."""
    found, _ = count_expressions()
    assert +found == load_table()["expressions"], ADVICE


def test_the_number_of_long_lines_only_falls() -> None:
    """Lines of up to 100 columns fit next to each other in a review."""
    assert count_long_lines() == load_table()["long_lines"], ADVICE


def test_each_class_name_means_one_thing() -> None:
    """A name with two meanings sends the reader of an import to the wrong module."""
    found = list_ambiguous_classes()
    allowed = load_table()["ambiguous_classes"]
    assert {name: len(paths) for name, paths in found.items()} == allowed, f"{found}; {ADVICE}"


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The job starts anew.", ["anew"]),
        ("Whoever asks is told.", ["Whoever", "told"]),
        ("It is\nsaid in\nwords, beside it.", ["is said", "in words", "beside"]),
        ("The server hears of it and mends it.", ["hears of", "mends"]),
        ("So many of them stand, and one stands.", ["So many", "stands"]),
        ("It goes on by itself.", ["goes on", "by itself"]),
        ("The length is no number; there is no file; it is no longer here.", ["is no"]),
        ("The score is none, the default is None.", ["is none"]),
        ("Chores take back the pictures.", ["Chores", "take back", "pictures"]),
        ("Forget the import; forgotten your password? Do not forget to save.", ["Forget"]),
        ("Lists are taken in a second; others take in lists.", ["take in"]),
        ("An outside pipeline calls back from outside.", ["outside pipeline"]),
        ("What it needs\n\nIt ends. What it leaves is kept.", ["What it leaves is kept."]),
        ("What is a job? Who may read it?", []),
        ("A network address, the line of a file, `anew`, and many at once.", []),
    ],
)
def test_expressions_are_found_but_technical_words_are_not(
    sentence: str,
    expected: list[str],
) -> None:
    assert _find("README.md", sentence) == expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("README.md", "Told `told` [a](told.md)\n```\ntold\n```\ntold", ["Told", "told"]),
        ("src/a.py", '"""Told."""\n# told\nTOLD = "anew_standing"', ["Told", "told"]),
        ("src/a.py", 'def told(x: int) -> str:\n    return f"It is {x}, anew."', ["anew"]),
        ("src/a.py", 'SQL = "SELECT standing FROM x"\nA = "standing"\nB = "Nobody"', ["Nobody"]),
        ("src/a.py", 'SQL = "update jobs j set standing = false where id = 1"', []),
        ("tests/a.py", '"""A test."""\nTEXT = "Nobody is there."', []),
        ("web/a.ts", '// anew\nconst told = "told"; const t = `${told} is told`', ["anew", "told"]),
        (
            "web/a.ts",
            'const t = { "delete for good": c ? "told so" : "told it" }',
            ["told", "told"],
        ),
        ("web/a.tsx", '<p className="picture bare">Told {told} anew now</p>', ["Told", "anew"]),
        ("web/a.css", ".picture { /* beside */ }", ["beside"]),
        ("Makefile", "picture: ## Build the page anew\n\ttold", ["anew"]),
    ],
)
def test_prose_of_each_kind_of_file_is_found(path: str, text: str, expected: list[str]) -> None:
    assert sorted(_find(path, text), key=str.lower) == sorted(expected, key=str.lower)


def test_a_count_may_move_with_its_files_but_not_rise() -> None:
    assert list_raised({"a": 3, "b": 1}, {"a": 2, "b": 2}) == ["b"]
    assert list_raised({"a": 3, "b": 1}, {"a": 3, "c": 1}) == []
    assert list_raised({"a": 3, "b": 1}, {"a": 3, "c": 2}) == ["c"]
    assert list_raised({"a": 3}, {"a": 2, "c": 1}) == ["c"]
    assert list_raised({"a": 3}, {}) == []


def _find(path: str, text: str) -> list[str]:
    passages = extract(Path(path), text)
    found = [one for passage in passages for one in find_expressions(Path(path), passage)]
    return [finding.expression for finding in found]
