"""Boxes are cut at the edges of the upright picture."""

import pytest

from trapline.server.findings.rules.geometry import Box, Frame, clip

FRAME = Frame(200, 100)


@pytest.mark.parametrize(
    ("given", "clipped", "is_empty"),
    [
        (Box(1, 2, 3, 4), Box(1, 2, 3, 4), False),
        (Box(-5, -6, 250, 120), Box(0, 0, 200, 100), False),
        (Box(0, 0, 200, 100), Box(0, 0, 200, 100), False),
        (Box(300, 10, 400, 20), Box(200, 10, 200, 20), True),
        (Box(-9, 10, -1, 20), Box(0, 10, 0, 20), True),
        (Box(5, 5, 5, 9), Box(5, 5, 5, 9), True),
        (Box(9, 5, 5, 9), Box(9, 5, 5, 9), True),
        (Box(-1e308, 1e308, 1e308, -1e308), Box(0, 100, 200, 0), True),
    ],
)
def test_clip(given: Box, clipped: Box, is_empty: bool) -> None:
    assert clip(given, FRAME) == clipped
    assert clip(given, FRAME).is_empty is is_empty
