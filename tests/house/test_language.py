"""Prose is plain English, lines are short, and each class name means one thing."""

from pathlib import Path

import pytest

from tests.house.language import (
    find_expressions,
    list_ambiguous_classes,
    list_expressions,
    list_long_lines,
)
from tests.house.passages import extract


def test_prose_has_no_banned_expressions() -> None:
    """A word of a private dialect stops a reader who does not know it."""
    assert not [str(one) for one in list_expressions()]


def test_lines_have_at_most_100_columns() -> None:
    """Such lines fit next to each other in a review."""
    assert not [str(one) for one in list_long_lines()]


def test_each_class_name_means_one_thing() -> None:
    """A name with two meanings sends the reader of an import to the wrong module."""
    assert not list_ambiguous_classes()


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


def _find(path: str, text: str) -> list[str]:
    passages = extract(Path(path), text)
    found = [one for passage in passages for one in find_expressions(Path(path), passage)]
    return [finding.expression for finding in found]
