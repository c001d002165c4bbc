"""Boxes as parts of a picture, as MegaDetector and SpeciesNet write them."""

import math
from collections.abc import Sequence

Box = tuple[float, float, float, float]


def scale_box(bbox: Sequence[float], width: int, height: int) -> Box | None:
    """A box [x, y, width, height] of parts of the picture in its pixels (x1, y1, x2, y2), cut at
    the edges.

    None where nothing of it lies on the picture. ValueError where it is no box.
    """
    if len(bbox) != 4 or not all(math.isfinite(part) for part in bbox):
        raise ValueError(f"{list(bbox)!r} is no box")
    left, top, across, down = (float(part) for part in bbox)
    x1, x2 = (min(max(x, 0.0), 1.0) * width for x in (left, left + across))
    y1, y2 = (min(max(y, 0.0), 1.0) * height for y in (top, top + down))
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None
