"""The detector for sheets, on sheets that are drawn: every insect is found, and little else."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from trapline.worker.pipeline import Pixels
from trapline.worker.pipelines.connected_components import list_components
from trapline.worker.pipelines.imagenet import INSECT, find_order, load_labels
from trapline.worker.pipelines.insect_sheet import (
    InsectSheetParameters,
    SheetSpot,
    list_spots,
    parse_parameters,
)

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Sheet:
    """A drawn sheet and where its insects are."""

    pixels: Pixels
    insects: list[Box]


def draw_sheet(
    seed: int,
    size: tuple[int, int] = (1600, 1000),
    insects: int = 40,
    darkest: int = 150,
    longest: float = 100,
    cloth: int = 228,
) -> Sheet:
    """Draw cloth with folds, a lamp and noise.

    The insects have many sizes and shades and do not touch.
    """
    chance = np.random.default_rng(seed)
    width, height = size
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    lamp = (
        18 * np.cos(across / width * np.pi)
        + 10 * np.sin(down / height * 2)
        + 3 * np.sin((across + down) / 230)
    )
    sheet = (
        np.stack([cloth + lamp, cloth + 1 + lamp, cloth - 6 + lamp * 1.1], axis=-1)
        .clip(0, 255)
        .astype(np.uint8)
    )
    drawn = Image.fromarray(sheet)
    pen = ImageDraw.Draw(drawn)
    placed: list[Box] = []
    while len(placed) < insects:
        long = float(chance.uniform(24, longest))
        wide = long * float(chance.uniform(0.35, 0.9))
        a, b = (long, wide) if chance.random() < 0.5 else (wide, long)
        x, y = float(chance.uniform(30, width - a - 30)), float(chance.uniform(30, height - b - 30))
        box = (x, y, x + a, y + b)
        if any(
            x - 24 < o[2] and o[0] < x + a + 24 and y - 24 < o[3] and o[1] < y + b + 24
            for o in placed
        ):
            continue
        shade = int(chance.integers(25, darkest))
        pen.ellipse(
            box,
            fill=(shade, int(shade * chance.uniform(0.7, 1)), int(shade * chance.uniform(0.5, 1))),
        )
        placed.append(box)
    drawn = drawn.filter(ImageFilter.GaussianBlur(1.5))
    noisy = np.asarray(drawn).astype(np.int16) + chance.integers(
        -10, 11, (height, width, 3), np.int16
    )
    return Sheet(noisy.clip(0, 255).astype(np.uint8), placed)


def overlap(one: Box, other: Box) -> float:
    across = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    down = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return across * down / (areas - across * down)


def judge(sheet: Sheet, spots: list[SheetSpot]) -> tuple[float, float]:
    """Recall and precision, of boxes that overlap (IoU) by at least a half."""
    boxes = [(float(s.box[0]), float(s.box[1]), float(s.box[2]), float(s.box[3])) for s in spots]
    hit = sum(any(overlap(insect, box) >= 0.5 for box in boxes) for insect in sheet.insects)
    good = sum(any(overlap(insect, box) >= 0.5 for insect in sheet.insects) for box in boxes)
    return hit / len(sheet.insects), good / max(1, len(boxes))


@pytest.mark.parametrize("seed", [1, 2])
def test_insects_of_many_sizes_are_found_on_an_uneven_sheet(seed: int) -> None:
    sheet = draw_sheet(seed, *(((4096, 2160), 60, 150, 200) if seed == 2 else ()))
    recall, precision = judge(sheet, list_spots(sheet.pixels, InsectSheetParameters()))
    assert (recall, precision) == (1.0, 1.0)


def test_small_pale_insects_are_found_too() -> None:
    sheet = draw_sheet(3, darkest=185, longest=60)
    recall, precision = judge(sheet, list_spots(sheet.pixels, InsectSheetParameters()))
    assert recall >= 0.95
    assert precision >= 0.95


def test_a_large_moth_is_one_box_and_hides_none_beside_it() -> None:
    sheet = draw_sheet(4, (2048, 1080), 12, longest=40)
    drawn = Image.fromarray(sheet.pixels)
    ImageDraw.Draw(drawn).ellipse((900, 450, 1250, 675), fill=(120, 90, 60))
    ours = [box for box in sheet.insects if overlap(box, (880, 430, 1270, 695)) == 0]
    both = Sheet(np.asarray(drawn), [*ours, (900, 450, 1250, 675)])
    recall, precision = judge(both, list_spots(both.pixels, InsectSheetParameters()))
    assert recall == 1.0
    assert precision >= 0.9


def test_an_empty_sheet_has_no_insects() -> None:
    assert list_spots(draw_sheet(5, insects=0).pixels, InsectSheetParameters()) == []


def test_the_parameters_of_a_job_count() -> None:
    sheet = draw_sheet(6)
    usual = list_spots(sheet.pixels, InsectSheetParameters())
    scores = [spot.score for spot in usual]
    assert min(scores) > 0
    assert max(scores) <= 1
    few = list_spots(sheet.pixels, parse_parameters({"max_insects": 5}))
    assert [spot.box.tolist() for spot in few] == [spot.box.tolist() for spot in usual[:5]]
    large = list_spots(sheet.pixels, parse_parameters({"min_size": 70}))
    assert 0 < len(large) < len(usual)
    assert all(max(spot.box[2:] - spot.box[:2]) >= 70 for spot in large)
    assert len(list_spots(sheet.pixels, parse_parameters({"threshold": 60}))) < len(usual)


@pytest.mark.parametrize(
    "wrong",
    [{"threshold": "high"}, {"min_size": -1}, {"max_insects": True}, {"threshold": float("nan")}],
)
def test_a_wrong_parameter_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"the parameter {next(iter(wrong))} must be"):
        parse_parameters(wrong)


def test_the_sheet_may_be_of_any_size() -> None:
    for size in ((1, 1), (3, 2000), (2000, 3), (33, 17)):
        assert isinstance(
            list_spots(np.full((size[1], size[0], 3), 230, np.uint8), InsectSheetParameters()), list
        )


def flood(mask: NDArray[np.bool_]) -> list[tuple[int, int, int, int, int]]:
    """Parts of a mask the slow way: box and area of each."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    parts = []
    while left:
        edge = [left.pop()]
        whole = list(edge)
        while edge:
            y, x = edge.pop()
            for near in [(y + down, x + across) for down in (-1, 0, 1) for across in (-1, 0, 1)]:
                if near in left:
                    left.remove(near)
                    edge.append(near)
                    whole.append(near)
        ys, xs = [y for y, _ in whole], [x for _, x in whole]
        parts.append((min(xs), min(ys), max(xs) + 1, max(ys) + 1, len(whole)))
    return sorted(parts)


@pytest.mark.parametrize("share", [0.1, 0.35, 0.45, 0.6, 0.9])
def test_parts_of_a_mask_are_those_that_hang_together(share: float) -> None:
    chance = np.random.default_rng(7)
    for height, width in ((40, 60), (1, 50), (50, 1), (2, 2)):
        mask = chance.random((height, width)) < share
        weights = chance.random((height, width)).astype(np.float32)
        found = list_components(mask, weights)
        rows = np.column_stack([found.boxes, found.areas])
        assert sorted(map(tuple, rows.tolist())) == flood(mask)
        assert found.weights.sum() == pytest.approx(float(weights[mask].sum()), rel=1e-5)


def test_a_spiral_is_one_part() -> None:
    mask = np.zeros((41, 41), bool)
    for ring in range(0, 20, 2):
        mask[ring, ring : 41 - ring] = mask[ring : 41 - ring, 40 - ring] = True
        mask[40 - ring, ring : 41 - ring] = mask[ring + 2 : 41 - ring, ring] = True
        mask[ring + 2, ring : ring + 3] = True
    assert (
        len(list_components(mask, np.ones(mask.shape, np.float32)).areas) == len(flood(mask)) == 1
    )


def test_an_order_is_named_where_the_insects_agree() -> None:
    labels = load_labels()
    scores = np.zeros(1000)
    scores[
        [labels.index("tiger beetle"), labels.index("ladybug"), labels.index("Siberian husky")]
    ] = 0.2, 0.1, 0.7
    order, grouped = find_order(scores)
    assert order == "beetle"
    assert grouped[:2].tolist() == pytest.approx([0.3, 1.0])
    scores[:] = 0
    scores[[labels.index("cicada"), labels.index("monarch"), labels.index("mantis")]] = (
        0.4,
        0.3,
        0.3,
    )
    assert find_order(scores)[0] == INSECT
    scores[:] = 0
    scores[[labels.index("cicada"), labels.index("Siberian husky")]] = 0.05, 0.95
    assert find_order(scores)[0] == INSECT
