"""Boxes in pixels of the upright picture."""

from typing import NamedTuple


class Frame(NamedTuple):
    """The size of a picture in upright pixels."""

    width: int
    height: int


class PixelBox(NamedTuple):
    """Corners in pixels from the top left; a box of no area is empty."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float

    @property
    def is_empty(self) -> bool:
        """Whether nothing lies within."""
        return self.x_max <= self.x_min or self.y_max <= self.y_min


def clip_box(given: PixelBox, frame: Frame) -> PixelBox:
    """Cut a box at the edges of the picture; one that lies wholly outside becomes empty, on the
    nearest edge.

    Nearly every box lies within, and is answered as it is.
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
