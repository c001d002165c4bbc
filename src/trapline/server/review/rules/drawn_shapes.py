"""Boxes, points and polygons that people draw: their validation, their extent and their data."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from trapline.server.findings.rules.geometry import Frame, PixelBox
from trapline.wire.annotations import AnnotationType
from trapline.wire.human_boxes import SMALLEST_SIDE, HumanBoxCorners

Positions = Sequence[Sequence[float]]
Fault = tuple[str, str]
"""The path of a field, and why it is wrong."""


class DrawnShape(Protocol):
    """The shapes of a request, of which one is given."""

    @property
    def box(self) -> HumanBoxCorners | None:
        """Corners of a box."""

    @property
    def point(self) -> list[float] | None:
        """Position of a point."""

    @property
    def polygon(self) -> list[list[float]] | None:
        """Corners of a polygon."""


def list_shapes(drawn: DrawnShape) -> list[str]:
    """List the names of the shapes that are given."""
    return [name for name in ("box", "point", "polygon") if getattr(drawn, name) is not None]


def find_polygon_error(polygon: Positions) -> str | None:
    """Find why a polygon is not valid: it is too small, or its edges touch or cross each other."""
    across, down = [x for x, _ in polygon], [y for _, y in polygon]
    if min(max(across) - min(across), max(down) - min(down)) < SMALLEST_SIDE:
        return f"must be at least {SMALLEST_SIDE} pixels wide and high"
    if edges := find_touching_edges(polygon):
        first, second = (f"{one + 1} to {(one + 1) % len(polygon) + 1}" for one in edges)
        return f"touches or crosses itself: the edges from corner {first} and from corner {second}"
    return None


def find_touching_edges(polygon: Positions) -> tuple[int, int] | None:
    """Find two edges of a polygon that touch or cross; edge 0 starts at the first corner.

    Edges that follow each other share a corner; they touch if the second one turns back. Corners
    at one place are edges that touch.

    >>> find_touching_edges([[0, 0], [4, 4], [4, 0], [0, 4]])
    (0, 2)
    >>> find_touching_edges([[0, 0], [4, 0], [4, 4], [0, 4]])
    """
    # Loaded with the first polygon: it takes a tenth of the start of a process.
    import numpy as np

    starts = np.asarray(polygon, np.float64)
    stops = np.roll(starts, -1, axis=0)
    count = len(starts)
    # The sides of each edge on which the corners are: row by edge, column by corner.
    along = stops - starts
    offset = starts[None, :, :] - starts[:, None, :]
    side = np.sign(along[:, None, 0] * offset[:, :, 1] - along[:, None, 1] * offset[:, :, 0])
    low, high = np.minimum(starts, stops), np.maximum(starts, stops)
    within = ((starts[None] >= low[:, None]) & (starts[None] <= high[:, None])).all(axis=2)
    is_on = (side == 0) & within
    ends = np.roll(np.arange(count), -1)
    crosses = (side * side[:, ends] < 0) & ((side * side[:, ends] < 0).T)
    touches = is_on | is_on[:, ends] | is_on.T | is_on[:, ends].T
    pairs = crosses | touches
    rows = np.arange(count)
    pairs[rows, rows] = False
    # Neighbours share a corner. They touch only if they lie on each other.
    turns_back = (side[rows, (rows + 2) % count] == 0) & (
        (along * np.roll(along, -1, axis=0)).sum(axis=1) <= 0
    )
    pairs[rows, ends] = pairs[ends, rows] = turns_back
    found = np.argwhere(np.triu(pairs))
    return (int(found[0][0]), int(found[0][1])) if len(found) else None


def list_outside_errors(drawn: DrawnShape, frame: Frame) -> Iterator[Fault]:
    """List the parts of a shape that are outside the image."""
    wide, high = (
        f"must be at most {frame.width}, the width of the image",
        f"must be at most {frame.height}, the height of the image",
    )
    positions: list[tuple[str, str, Sequence[float]]]
    if drawn.box is not None:
        positions = [("box.x_max", "box.y_max", (drawn.box.x_max, drawn.box.y_max))]
    elif drawn.point is not None:
        positions = [("point.0", "point.1", drawn.point)]
    else:
        positions = [
            (f"polygon.{place}.0", f"polygon.{place}.1", corner)
            for place, corner in enumerate(drawn.polygon or ())
        ]
    for across, down, (x, y) in positions:
        if x > frame.width:
            yield across, wide
        if y > frame.height:
            yield down, high


def build_shape_columns(drawn: DrawnShape) -> dict[str, Any]:
    """Build the columns of a shape: its extent, and the corners of a polygon."""
    if drawn.box is not None:
        return {**drawn.box.model_dump(), "polygon": None}
    positions = drawn.polygon or [drawn.point or []]
    across, down = [x for x, _ in positions], [y for _, y in positions]
    extent = PixelBox(min(across), min(down), max(across), max(down))
    return {**extent._asdict(), "polygon": drawn.polygon}


def get_annotation_type(extent: PixelBox, polygon: Positions | None) -> AnnotationType:
    """Return the type of the annotation of a shape; an extent without area is a point."""
    if polygon is not None:
        return AnnotationType.SEGMENTATION
    return AnnotationType.KEYPOINT if extent.is_empty else AnnotationType.BOUNDING_BOX


def build_shape_data(extent: PixelBox, polygon: Positions | None) -> dict[str, Any]:
    """Build the data of an annotation as models post it, with the extent of each shape."""
    corners = extent._asdict()
    match get_annotation_type(extent, polygon):
        case AnnotationType.SEGMENTATION:
            return {"format": "polygon", "points": polygon, **corners}
        case AnnotationType.KEYPOINT:
            return {"keypoints": [{"x": extent.x_min, "y": extent.y_min}], **corners}
    return corners


def read_previous_shape(previous: Mapping[str, Any]) -> dict[str, Any]:
    """Return `box`, `point` and `polygon` of stored columns; two of them are None."""
    extent = PixelBox(*(previous[name] for name in PixelBox._fields))
    polygon = previous.get("polygon")
    is_point = polygon is None and extent.is_empty
    return {
        "box": None if polygon is not None or is_point else extent._asdict(),
        "point": [extent.x_min, extent.y_min] if is_point else None,
        "polygon": polygon,
    }
