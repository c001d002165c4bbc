"""Boxes as fractions of an image, the form that MegaDetector and SpeciesNet use."""

import math
from collections.abc import Sequence

Box = tuple[float, float, float, float]


def scale_box(bbox: Sequence[float], width: int, height: int) -> Box | None:
    """Convert a box [x, y, width, height] of fractions to pixels (x1, y1, x2, y2), clipped.

    Return None if the box lies outside the image.

    Raises:
        ValueError: `bbox` is not a box.
    """
    if len(bbox) != 4 or not all(math.isfinite(part) for part in bbox):
        raise ValueError(f"{list(bbox)!r} is not a box")
    left, top, across, down = (float(part) for part in bbox)
    x1, x2 = (min(max(x, 0.0), 1.0) * width for x in (left, left + across))
    y1, y2 = (min(max(y, 0.0), 1.0) * height for y in (top, top + down))
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None
