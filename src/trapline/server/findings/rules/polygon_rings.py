"""Rings of polygons: which are holes of which, and what they cover, by the rule of even and odd."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trapline.server.findings.rules.run_lengths import MaskExtent

Ring = Sequence[Sequence[float]]
"""Points [x, y]; the last one is joined to the first."""
Points = NDArray[np.float64]


def nest_rings(rings: Sequence[Ring]) -> list[list[Ring]]:
    """Put rings together as the parts they draw: each an outline, and behind it its holes.

    Rings lie apart or one within another; where they cross, each is taken for what the widest part
    of it seems to be.
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
            # Of rings that cross, one may seem to be a hole of nothing.
            parts.setdefault(
                min(outlines, key=lambda other: areas[other], default=place), []
            ).append(ring)
    return list(parts.values())


def _find_around(points: list[Points], areas: NDArray[np.float64]) -> list[list[int]]:
    """Find for each ring those around it, by a point within it and the edges to the right of that."""
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
        # Of two equal rings the second is within the first.
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
            continue  # without any height it is no hole
        spans = own[1::2] - own[::2]
        x = own[2 * int(spans.argmax())] + spans.max() / 2
        is_within = np.bincount(owner[edges[at > x]], minlength=count) % 2 == 1
        around[place] = [int(other) for other in np.flatnonzero(is_within & holds)]
    return around


def _signed_area(ring: Points) -> float:
    # From its own first point on: far from the corner the products would swallow the digits of a
    # small ring.
    x, y = (ring - ring[0]).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def measure_parts(parts: Sequence[Sequence[Ring]]) -> MaskExtent:
    """Measure what parts cover: their outlines without their holes."""
    area = 0.0
    for outline, *holes in parts:
        inner = sum(abs(_signed_area(np.asarray(hole, np.float64))) for hole in holes)
        area += abs(_signed_area(np.asarray(outline, np.float64))) - inner
    points = np.concatenate([np.asarray(outline, np.float64) for outline, *_ in parts])
    (x, y), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return MaskExtent([x, y, right - x, bottom - y], max(area, 0.0))


def join_holes(part: Sequence[Ring]) -> list[float]:
    """Write an outline with its holes as one ring, x and y in turn, for forms that know no holes.

    Each hole is reached and left on the same line, which so has no area, and goes round the other
    way.
    """
    outline, *holes = part
    turn = _signed_area(np.asarray(outline, np.float64))
    joined = list(outline)
    for hole in holes:
        is_alike = turn * _signed_area(np.asarray(hole, np.float64)) > 0
        turned = list(reversed(hole)) if is_alike else list(hole)
        joined += [outline[0], *turned, turned[0]]
    return [value for point in joined for value in point]
