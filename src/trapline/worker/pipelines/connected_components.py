"""Connected components of a mask, computed from runs of pixels with numpy alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Components:
    """Connected components of a mask.

    `boxes` is [n, 4] (x1, y1, x2, y2 with exclusive ends), `areas` is [n] and the sums of weights
    are [n].
    """

    boxes: Numbers
    areas: Numbers
    weights: NDArray[np.float64]


def list_components(mask: NDArray[np.bool_], weights: NDArray[np.float32]) -> Components:
    """Return the components of a mask, connected by sides or corners, in no particular order.

    `weights` has the shape of the mask; the weights of each component are summed.
    """
    height, width = mask.shape
    framed = np.zeros((height, width + 2), np.int8)
    framed[:, 1:-1] = mask
    steps = np.diff(framed, axis=1).ravel()
    rows, starts = np.divmod(np.flatnonzero(steps == 1), width + 1)
    ends = np.flatnonzero(steps == -1) % (width + 1)
    if not rows.size:
        return Components(np.zeros((0, 4), np.int64), np.zeros(0, np.int64), np.zeros(0))
    names, part = np.unique(_join(rows, starts, ends, width + 1), return_inverse=True)
    summed = np.concatenate([[0.0], np.cumsum(weights, dtype=np.float64)])
    boxes = np.zeros((names.size, 4), np.int64)
    boxes[:, :2] = max(height, width)
    np.minimum.at(boxes[:, 0], part, starts)
    np.minimum.at(boxes[:, 1], part, rows)
    np.maximum.at(boxes[:, 2], part, ends)
    np.maximum.at(boxes[:, 3], part, rows + 1)
    return Components(
        boxes,
        np.bincount(part, ends - starts).astype(np.int64),
        np.bincount(part, summed[rows * width + ends] - summed[rows * width + starts]).astype(
            np.float64
        ),
    )


def _join(rows: Numbers, starts: Numbers, ends: Numbers, stride: int) -> Numbers:
    """Label each run so that connected runs have the same label.

    The runs are ordered by row, then by column.
    """
    # A run touches the runs of the next row that begin no later than it ends and end no earlier
    # than it begins.
    below = (rows + 1) * (stride + 1)
    first = np.searchsorted(rows * (stride + 1) + ends, below + starts, "left")
    behind = np.searchsorted(rows * (stride + 1) + starts, below + ends, "right")
    counts = np.maximum(0, behind - first)
    upper = np.repeat(np.arange(rows.size), counts)
    lower = (
        np.arange(upper.size)
        - np.repeat(np.cumsum(counts) - counts, counts)
        + np.repeat(first, counts)
    )
    names = np.arange(rows.size)
    while True:
        # Each run gives its label to the runs that it touches; then each follows its chain of
        # labels to the end.
        labels = names.copy()
        lowest = np.minimum(names[upper], names[lower])
        np.minimum.at(labels, names[upper], lowest)
        np.minimum.at(labels, names[lower], lowest)
        while not np.array_equal(labels, labels[labels]):
            labels = labels[labels]
        if np.array_equal(labels, names):
            return names
        names = labels
