"""Masks, polygons and key points of detections, in the form in which results contain them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trapline.worker.pipeline import ModelDetection, ModelKeypoint

MOST_RUNS = 1_000_000
MOST_POINTS = 100_000
MOST_RINGS = 1_000
MOST_KEYPOINTS = 1_000


def list_numbers(values: object, what: str) -> list[float]:
    """List numbers for a result.

    Raises:
        ValueError: a number is not finite; `what` names the numbers.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"the pipeline returned {what} that is not a finite number")
    listed: list[float] = numbers.tolist()
    return listed


def build_mask(found: ModelDetection, width: int, height: int) -> dict[str, Any] | None:
    """Build the mask of a detection in an image of this size; None if it has none.

    Raises:
        ValueError: the mask or the polygon is not valid.
    """
    if found.mask is not None and found.polygon is not None:
        raise ValueError("the pipeline returned a mask and a polygon for one box; return only one")
    if found.mask is not None:
        return _encode_mask(np.asarray(found.mask))
    if found.polygon is not None:
        return {"format": "polygon", "points": _list_rings(found.polygon, width, height)}
    return None


def _encode_mask(mask: NDArray[Any]) -> dict[str, Any]:
    """Encode a mask as run lengths of COCO: column by column, starting with the background."""
    if mask.ndim != 2 or mask.size == 0:
        raise ValueError(f"the pipeline returned a mask of shape {mask.shape}, not height x width")
    inside = mask.astype(bool)
    flat = inside.ravel(order="F")
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate(([0], ends, [flat.size]))).tolist()
    if flat[0]:
        counts.insert(0, 0)
    if len(counts) > MOST_RUNS:
        raise ValueError(f"the pipeline returned a mask of more than {MOST_RUNS:,} runs; smooth it")
    height, width = mask.shape
    encoded = {"format": "rle", "size": [height, width], "counts": counts}
    if inside.any():
        columns, rows = (np.flatnonzero(inside.any(axis=axis)) for axis in (0, 1))
        x, y = int(columns[0]), int(rows[0])
        encoded["bbox"] = [x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y]
        encoded["area"] = int(inside.sum())
    return encoded


def _list_rings(
    polygon: Sequence[Sequence[tuple[float, float]]], width: int, height: int
) -> list[list[list[float]]]:
    """List the rings of a polygon, clipped to the image."""
    rings = [np.asarray(ring, dtype=np.float64) for ring in polygon]
    for ring in rings:
        if ring.ndim != 2 or ring.shape[0] < 3 or ring.shape[1] != 2:
            raise ValueError(
                "the pipeline returned a polygon that is not a list of rings of at least 3 points "
                "(x, y)"
            )
    if not 1 <= len(rings) <= MOST_RINGS or sum(map(len, rings)) > MOST_POINTS:
        raise ValueError(
            f"the pipeline returned a polygon that has not 1 to {MOST_RINGS:,} rings and at most "
            f"{MOST_POINTS:,} points"
        )
    listed: list[list[list[float]]] = []
    for ring in rings:
        list_numbers(ring, "a point of a polygon")
        listed.append(np.clip(ring, 0, (width, height)).tolist())
    return listed


def build_keypoints(found: ModelDetection, width: int, height: int) -> dict[str, Any] | None:
    """Build the key points of a detection in an image of this size; None if it has none.

    Raises:
        ValueError: a key point or the skeleton is not valid.
    """
    if not found.keypoints:
        return None
    if len(found.keypoints) > MOST_KEYPOINTS:
        raise ValueError(f"the pipeline returned more than {MOST_KEYPOINTS:,} key points")
    points = [_build_keypoint(point, width, height) for point in found.keypoints]
    if not found.skeleton:
        return {"keypoints": points}
    skeleton = [[int(first), int(second)] for first, second in found.skeleton]
    if any(not 0 <= index < len(points) for pair in skeleton for index in pair):
        raise ValueError(
            f"the pipeline returned a skeleton with an index that is not 0 to {len(points) - 1}"
        )
    return {"keypoints": points, "skeleton": skeleton}


def _build_keypoint(point: ModelKeypoint, width: int, height: int) -> dict[str, Any]:
    built: dict[str, Any] = {}
    if point.name is not None:
        built["name"] = point.name
    if point.x is not None and point.y is not None:
        x, y = list_numbers((point.x, point.y), "a key point")
        if 0 <= x <= width and 0 <= y <= height:
            built |= {"x": x, "y": y}
    if point.confidence is not None:
        if not math.isfinite(point.confidence) or not 0 <= point.confidence <= 1:
            raise ValueError(
                f"the pipeline returned a key point with confidence {point.confidence}, which is "
                "not from 0 to 1"
            )
        built["confidence"] = float(point.confidence)
    return built
