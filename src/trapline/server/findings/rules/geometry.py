"""Boxes in pixels of the upright image."""

from typing import NamedTuple


class Frame(NamedTuple):
    """The size of an image in upright pixels."""

    width: int
    height: int


class PixelBox(NamedTuple):
    """Corners of a box in pixels from the top left; a box without area is empty."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float

    @property
    def is_empty(self) -> bool:
        """Whether the box has no area."""
        return self.x_max <= self.x_min or self.y_max <= self.y_min


def clip_box(given: PixelBox, frame: Frame) -> PixelBox:
    """Clip a box to the edges of the image; a box completely outside becomes empty.

    Nearly all boxes are inside and are returned unchanged.
    """
    width, height = float(frame.width), float(frame.height)
    across = 0.0 <= given.x_min <= width and 0.0 <= given.x_max <= width
    if across and 0.0 <= given.y_min <= height and 0.0 <= given.y_max <= height:
        return given
    return PixelBox(
        x_min=min(max(given.x_min, 0.0), width),
        y_min=min(max(given.y_min, 0.0), height),
        x_max=min(max(given.x_max, 0.0), width),
        y_max=min(max(given.y_max, 0.0), height),
    )
