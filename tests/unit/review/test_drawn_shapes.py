"""Polygons whose edges touch or cross each other."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trapline.server.review.rules.drawn_shapes import find_touching_edges

Place = tuple[int, int]
places = st.tuples(st.integers(0, 6), st.integers(0, 6))


def side(one: Place, other: Place, at: Place) -> int:
    return (other[0] - one[0]) * (at[1] - one[1]) - (other[1] - one[1]) * (at[0] - one[0])


def is_between(one: Place, other: Place, at: Place) -> bool:
    return side(one, other, at) == 0 and all(
        min(a, b) <= c <= max(a, b) for a, b, c in zip(one, other, at, strict=True)
    )


def meet(one: tuple[Place, Place], other: tuple[Place, Place]) -> bool:
    """Whether two edges without a common corner share a place, by the definition."""
    if any(is_between(*one, at) for at in other) or any(is_between(*other, at) for at in one):
        return True
    (x1, y1), (x2, y2) = one
    (x3, y3), (x4, y4) = other
    divisor = (x1 - x2) * (y3 - y4) - (y1 - y2) * (x3 - x4)
    if divisor == 0:
        return False
    t = Fraction((x1 - x3) * (y3 - y4) - (y1 - y3) * (x3 - x4), divisor)
    u = Fraction((x1 - x3) * (y1 - y2) - (y1 - y3) * (x1 - x2), divisor)
    return 0 <= t <= 1 and 0 <= u <= 1


@settings(deadline=None)
@given(st.lists(places, min_size=3, max_size=8))
def test_a_polygon_is_refused_exactly_if_two_of_its_edges_meet(corners: list[Place]) -> None:
    count = len(corners)
    edges = [(corners[at], corners[(at + 1) % count]) for at in range(count)]
    apart = [
        (first, second)
        for first in range(count)
        for second in range(first + 2, count)
        if (second + 1) % count != first
    ]
    is_wrong = any(meet(edges[first], edges[second]) for first, second in apart) or any(
        # Edges that follow each other turn back, or one of them has no length.
        side(*edge, after[1]) == 0
        and (is_between(*edge, after[1]) or is_between(*after, edge[0]) or edge[0] == edge[1])
        for edge, after in zip(edges, [*edges[1:], edges[0]], strict=True)
    )
    assert (find_touching_edges([list(one) for one in corners]) is not None) == is_wrong


@pytest.mark.parametrize("start", range(4))
def test_the_first_corner_does_not_matter(start: int) -> None:
    bow = [[0.0, 0.0], [4.0, 4.0], [4.0, 0.0], [0.0, 4.0]]
    square = [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]]
    assert find_touching_edges(bow[start:] + bow[:start]) is not None
    assert find_touching_edges(square[start:] + square[:start]) is None
