"""Outlines and holes among the rings of polygons, and their areas, by the even-odd rule."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trapline.server.findings.rules.run_lengths import MaskExtent

Ring = Sequence[Sequence[float]]
"""Points [x, y]; the last point is connected to the first."""
Points = NDArray[np.float64]


def nest_rings(rings: Sequence[Ring]) -> list[list[Ring]]:
    """Group rings into parts: each is an outline followed by its holes.

    Rings are normally apart or nested. A ring that crosses another is classified by a point in
    its widest part.
    """
    if len(rings) == 1:
        return [[rings[0]]]
    points = [np.asarray(ring, np.float64) for ring in rings]
    areas = np.array([abs(_signed_area(ring)) for ring in points])
    around = _find_around(points, areas)
    is_hole = [len(others) % 2 == 1 for others in around]
    parts: dict[int, list[Ring]] = {
        place: [ring] for place, ring in enumerate(rings) if not is_hole[place]
    }
    for place, ring in enumerate(rings):
        if is_hole[place]:
            outlines = [other for other in around[place] if not is_hole[other]]
            # A ring that crosses another may be a hole without an outline.
            parts.setdefault(
                min(outlines, key=lambda other: areas[other], default=place), []
            ).append(ring)
    return list(parts.values())


def _find_around(points: list[Points], areas: NDArray[np.float64]) -> list[list[int]]:
    """Find the rings around each ring: count the edges to the right of a point inside it."""
    count = len(points)
    owner = np.repeat(np.arange(count), [len(ring) for ring in points])
    starts, stops = (
        np.concatenate(points),
        np.concatenate([np.roll(ring, -1, axis=0) for ring in points]),
    )
    (left, top), (right, bottom) = (
        np.array([end(ring, axis=0) for ring in points]).T for end in (np.min, np.max)
    )
    around: list[list[int]] = [[] for _ in points]
    for place, ring in enumerate(points):
        holds = (
            (left <= left[place])
            & (right >= right[place])
            & (top <= top[place])
            & (bottom >= bottom[place])
        )
        # Of two equal rings the second is inside the first.
        holds &= (areas > areas[place]) | ((areas == areas[place]) & (np.arange(count) < place))
        if not holds.any():
            continue
        heights = np.unique(ring[:, 1])
        widest = int(np.diff(heights).argmax()) if heights.size > 1 else 0
        y = float(heights[widest : widest + 2].mean())
        edges = np.flatnonzero((starts[:, 1] <= y) != (stops[:, 1] <= y))
        (x0, y0), (x1, y1) = starts[edges].T, stops[edges].T
        at = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
        own = np.sort(at[owner[edges] == place])
        if own.size < 2:
            continue  # a ring without height is not a hole
        spans = own[1::2] - own[::2]
        x = own[2 * int(spans.argmax())] + spans.max() / 2
        is_within = np.bincount(owner[edges[at > x]], minlength=count) % 2 == 1
        around[place] = [int(other) for other in np.flatnonzero(is_within & holds)]
    return around


def _signed_area(ring: Points) -> float:
    # Relative to the first point: far from the origin the products lose the digits of a small ring.
    x, y = (ring - ring[0]).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def measure_parts(parts: Sequence[Sequence[Ring]]) -> MaskExtent:
    """Return the bounding box and the area of parts, without their holes."""
    area = 0.0
    for outline, *holes in parts:
        inner = sum(abs(_signed_area(np.asarray(hole, np.float64))) for hole in holes)
        area += abs(_signed_area(np.asarray(outline, np.float64))) - inner
    points = np.concatenate([np.asarray(outline, np.float64) for outline, *_ in parts])
    (x, y), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return MaskExtent([x, y, right - x, bottom - y], max(area, 0.0))


def join_holes(part: Sequence[Ring]) -> list[float]:
    """Join an outline and its holes to one ring [x, y, x, y, ...], for formats without holes.

    The path enters and leaves a hole on the same line, which has no area, and follows the hole in
    the opposite direction of the outline.
    """
    outline, *holes = part
    turn = _signed_area(np.asarray(outline, np.float64))
    joined = list(outline)
    for hole in holes:
        is_alike = turn * _signed_area(np.asarray(hole, np.float64)) > 0
        turned = list(reversed(hole)) if is_alike else list(hole)
        joined += [outline[0], *turned, turned[0]]
    return [value for point in joined for value in point]
