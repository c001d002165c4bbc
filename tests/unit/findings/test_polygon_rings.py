"""Rings: holes and their outer rings, covered areas, and conversion to forms without holes."""

from itertools import permutations, product

import pytest

from trapline.server.findings.rules.polygon_rings import Ring, join_holes, measure_parts, nest_rings


def _square(x: float, y: float, side: float) -> Ring:
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]


OUTLINE, HOLE, ISLAND, OTHER_HOLE, APART = (
    _square(1, 1, 60), _square(11, 11, 20), _square(16, 16, 5), _square(41, 41, 10),
    _square(71, 71, 10),
)  # fmt: skip


def test_a_ring_within_another_is_a_hole_and_one_within_that_is_not() -> None:
    for rings in permutations([OUTLINE, HOLE, ISLAND, OTHER_HOLE, APART]):
        parts = nest_rings(rings)
        whole = {tuple(map(str, part)) for part in parts if len(part) == 1}
        assert whole == {(str(ISLAND),), (str(APART),)}
        [(outline, *holes)] = [part for part in parts if len(part) > 1]
        assert outline == OUTLINE
        assert sorted(map(str, holes)) == sorted(map(str, [HOLE, OTHER_HOLE]))
        assert measure_parts(parts) == ([1, 1, 80, 80], 3600 - 400 + 25 - 100 + 100)


def test_a_ring_in_a_notch_or_outside_is_not_a_hole() -> None:
    notched = [[0, 0], [9, 0], [9, 9], [6, 9], [6, 3], [3, 3], [3, 9], [0, 9]]
    assert nest_rings([notched, _square(4, 5, 1)]) == [[notched], [_square(4, 5, 1)]]
    assert nest_rings([_square(0, 0, 5), _square(5, 0, 5)]) == [
        [_square(0, 0, 5)],
        [_square(5, 0, 5)],
    ]
    diamond = [[5, 0], [10, 5], [5, 10], [0, 5]]
    assert measure_parts(nest_rings([diamond, _square(0, 0, 10)])) == ([0, 0, 10, 10], 50)


@pytest.mark.parametrize(
    "rings",
    [
        [[[1, 1], [1, 1], [1, 1]], _square(0, 0, 4)],
        [[[0, 0], [5, 5], [0, 0], [5, 5]], _square(0, 0, 5)],
        [_square(0, 0, 4), _square(0, 0, 4)],
        [_square(0, 0, 4), _square(2, 2, 4), _square(3, 1, 2), [[0, 3], [6, 1], [6, 6], [1, 0]]],
        [[[3, 6], [0, 3], [5, 1]], [[5, 5], [1, 5], [4, 2]], [[5, 5], [5, 2], [2, 5]]],
    ],
    ids=["a point", "a line", "twice the same", "crossing", "a hole of a hole alone"],
)
def test_odd_rings_are_each_in_one_part(rings: list[Ring]) -> None:
    parts = nest_rings(rings)
    assert sum(map(len, parts)) == len(rings)
    assert measure_parts(parts).area >= 0


def _covers(flat: list[float], x: float, y: float) -> bool:
    """Whether a ring covers a point, by even and odd."""
    points = list(zip(flat[::2], flat[1::2], strict=True))
    inside = False
    for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
        if (y0 <= y) != (y1 <= y) and x0 + (y - y0) * (x1 - x0) / (y1 - y0) > x:
            inside = not inside
    return inside


def _area(flat: list[float]) -> float:
    points = list(zip(flat[::2], flat[1::2], strict=True))
    return (
        sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(points, points[1:] + points[:1], strict=True))
        / 2
    )


def test_an_outline_and_its_holes_are_one_ring_that_covers_the_same() -> None:
    turned = list(reversed(OTHER_HOLE))
    joined = join_holes([OUTLINE, HOLE, turned])
    for x, y in product([0.5, 5.5, 12.5, 25.5, 35.5, 45.5, 55.5, 65.5], repeat=2):
        apart = [
            _covers([value for point in ring for value in point], x, y)
            for ring in (OUTLINE, HOLE, turned)
        ]
        assert _covers(joined, x, y) == (apart[0] and not apart[1] and not apart[2]), (x, y)
    assert _area(joined) == 3600 - 400 - 100
    assert join_holes([APART]) == [71, 71, 81, 71, 81, 81, 71, 81]
