"""Boxes are cut at the edges of the upright image."""

import pytest

from trapline.server.findings.rules.geometry import Frame, PixelBox, clip_box

FRAME = Frame(200, 100)


@pytest.mark.parametrize(
    ("given", "clipped", "is_empty"),
    [
        (PixelBox(1, 2, 3, 4), PixelBox(1, 2, 3, 4), False),
        (PixelBox(-5, -6, 250, 120), PixelBox(0, 0, 200, 100), False),
        (PixelBox(0, 0, 200, 100), PixelBox(0, 0, 200, 100), False),
        (PixelBox(300, 10, 400, 20), PixelBox(200, 10, 200, 20), True),
        (PixelBox(-9, 10, -1, 20), PixelBox(0, 10, 0, 20), True),
        (PixelBox(5, 5, 5, 9), PixelBox(5, 5, 5, 9), True),
        (PixelBox(9, 5, 5, 9), PixelBox(9, 5, 5, 9), True),
        (PixelBox(-1e308, 1e308, 1e308, -1e308), PixelBox(0, 100, 200, 0), True),
    ],
)
def test_clip(given: PixelBox, clipped: PixelBox, is_empty: bool) -> None:
    assert clip_box(given, FRAME) == clipped
    assert clip_box(given, FRAME).is_empty is is_empty
