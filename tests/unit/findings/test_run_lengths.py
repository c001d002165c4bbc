"""Run lengths: areas as in pycocotools, and resizing by the centres of pixels."""

import random
from itertools import groupby

import pytest

from trapline.server.findings.rules.geometry import Frame
from trapline.server.findings.rules.run_lengths import get_extent, parse_run_lengths, resample_runs


def _runs(rows: list[str]) -> list[int]:
    """Run lengths of a mask that is drawn with hashes."""
    down = "." + "".join("".join(column) for column in zip(*rows, strict=True))
    runs = [len(list(group)) for _, group in groupby(down)]
    return [runs[0] - 1, *runs[1:]]


def _draw(runs: list[int], frame: Frame) -> list[str]:
    down = "".join(".#"[place % 2] * run for place, run in enumerate(runs))
    return [
        "".join(down[x * frame.height + y] for x in range(frame.width)) for y in range(frame.height)
    ]


MEASURED = [
    (["....", ".##.", ".#.."], [1, 1, 2, 2], 3),
    (["##", "##"], [0, 0, 2, 2], 4),
    (["...", "..#"], [2, 1, 1, 1], 1),
    ([".#.", "#..", "#.."], [0, 0, 2, 3], 3),  # continues in the next column
    (["..", ".."], [0, 0, 0, 0], 0),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "bbox", "area"), MEASURED)
def test_cells_that_are_not_background_are_measured(
    rows: list[str], bbox: list[int], area: int
) -> None:
    assert get_extent(_runs(rows), len(rows)) == (bbox, area)


def test_runs_of_nothing_count_for_nothing() -> None:
    assert get_extent([0, 0, 4, 1, 0, 0, 1], 2) == ([2, 0, 1, 1], 1)
    assert resample_runs([0, 0, 4, 1, 0, 0, 1], Frame(3, 2), Frame(3, 2)) == [4, 1, 1]


STRETCHED = [
    (["#.", ".#"], Frame(4, 4), ["##..", "##..", "..##", "..##"]),
    (["##..", "##..", "..##", "..##"], Frame(2, 2), ["#.", ".#"]),
    (["..##"], Frame(2, 3), [".#"] * 3),
    (["#..", "...", "..#"], Frame(2, 1), [".."]),
    (["##", "##"], Frame(3, 3), ["###"] * 3),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "wanted", "stretched"), STRETCHED)
def test_a_mask_is_stretched_over_its_picture(
    rows: list[str], wanted: Frame, stretched: list[str]
) -> None:
    runs = resample_runs(_runs(rows), Frame(len(rows[0]), len(rows)), wanted)
    assert _draw(runs, wanted) == stretched


def test_each_pixel_is_the_one_under_its_middle() -> None:
    chance = random.Random(7)
    for _ in range(200):
        given, wanted = (Frame(chance.randint(1, 9), chance.randint(1, 9)) for _ in range(2))
        often = chance.choice([0.1, 0.5, 0.9])
        rows = [
            "".join(".#"[chance.random() < often] for _ in range(given.width))
            for _ in range(given.height)
        ]
        across = [(2 * x + 1) * given.width // (2 * wanted.width) for x in range(wanted.width)]
        down = [(2 * y + 1) * given.height // (2 * wanted.height) for y in range(wanted.height)]
        runs = resample_runs(_runs(rows), given, wanted)
        assert _draw(runs, wanted) == ["".join(rows[y][x] for x in across) for y in down]
        assert sum(runs) == wanted.width * wanted.height
        assert 0 not in runs[1:]


def test_an_immense_mask_takes_no_room() -> None:
    assert resample_runs([0, 2**62], Frame(2**31, 2**31), Frame(40, 30)) == [0, 1200]


def test_runs_are_read_however_they_are_written() -> None:
    assert parse_run_lengths("52203") == parse_run_lengths([5, 2, 2, 2, 5]) == [5, 2, 2, 2, 5]
