"""Geometry of boxes, and the parts of images inside them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trapline.worker.pipeline import Pixels

Boxes = NDArray[np.floating[Any]]


def resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """Resize an image with antialiased bilinear interpolation."""
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def suppress_overlaps(boxes: Boxes, scores: Boxes, threshold: float) -> list[int]:
    """Return the indices of the boxes to keep, best first (non-maximum suppression).

    `boxes` is n x 4: x1, y1, x2, y2. A box is dropped if its IoU with a better one exceeds
    `threshold`.
    """
    left = np.argsort(-scores, kind="stable")
    areas = np.maximum(0, boxes[:, 2] - boxes[:, 0]) * np.maximum(0, boxes[:, 3] - boxes[:, 1])
    kept = []
    while left.size:
        best, left = int(left[0]), left[1:]
        kept.append(best)
        across = np.minimum(boxes[best, 2], boxes[left, 2]) - np.maximum(
            boxes[best, 0], boxes[left, 0]
        )
        down = np.minimum(boxes[best, 3], boxes[left, 3]) - np.maximum(
            boxes[best, 1], boxes[left, 1]
        )
        shared = np.maximum(0, across) * np.maximum(0, down)
        union = areas[best] + areas[left] - shared
        left = left[shared <= threshold * union]
    return kept


def clip_boxes(boxes: Boxes, width: int, height: int) -> Boxes:
    """Clip boxes at the edges of the image."""
    return np.clip(boxes, 0, np.array([width, height, width, height], dtype=boxes.dtype))


def crop(pixels: Pixels, box: Boxes) -> Pixels:
    """Return the pixels inside a box, at least one."""
    height, width = pixels.shape[:2]
    x1, y1 = min(int(box[0]), width - 1), min(int(box[1]), height - 1)
    x2, y2 = max(x1 + 1, int(np.ceil(box[2]))), max(y1 + 1, int(np.ceil(box[3])))
    return pixels[y1:y2, x1:x2]
