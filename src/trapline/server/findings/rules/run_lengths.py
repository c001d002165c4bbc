"""COCO run lengths of a mask, as a list or as compressed text: pixels, extent and resampling.

Each character of the compressed text, minus 48, has five bits of a number, the lowest first, and a
sixth bit that is set if more follow. From the fourth number on, the difference to the number two
places before is stored (pycocotools, maskApi.c, rleFrString).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trapline.server.findings.rules.geometry import Frame

FIRST = 48
MOST_BITS = 40
LONGEST = 2**62


class MaskExtent(NamedTuple):
    """The bounding box [x, y, width, height] and the area of a mask in pixels."""

    bbox: list[float]
    area: float


def count_pixels(counts: Any) -> int:
    """Count the pixels of run lengths, a list of whole numbers or a compressed text.

    Raises ValueError.
    """
    if isinstance(counts, str):
        return sum(decode_run_lengths(counts))
    if not isinstance(counts, list) or not counts:
        raise ValueError("must be run lengths: a list of whole numbers, or COCO's compressed text")
    for run in counts:
        if type(run) is not int or run < 0:
            raise ValueError("must be whole numbers, none of them negative")
        if run > LONGEST:
            raise ValueError("has a run that is too long")
    return sum(counts)


def decode_run_lengths(text: str) -> list[int]:
    """Decode COCO's compressed run lengths. Raises ValueError."""
    runs: list[int] = []
    value, bits = 0, 0
    for sign in text:
        part = ord(sign) - FIRST
        if not 0 <= part < 64:
            raise ValueError("is not COCO's compressed text")
        value |= (part & 31) << bits
        bits += 5
        if part & 32:
            if bits > MOST_BITS:
                raise ValueError("has a run that is too long")
            continue
        if part & 16:
            value -= 1 << bits
        if len(runs) > 2:
            value += runs[-2]
        if value < 0:
            raise ValueError("has a run of negative length")
        runs.append(value)
        value, bits = 0, 0
    if bits or not runs:
        raise ValueError("ends in the middle of a number")
    return runs


def parse_run_lengths(counts: str | list[int]) -> list[int]:
    """Parse run lengths that were validated before."""
    return decode_run_lengths(counts) if isinstance(counts, str) else counts


def get_extent(runs: Sequence[int], height: int) -> MaskExtent:
    """Return the bounding box and area of the foreground; all zero if it is empty."""
    ends = np.cumsum(np.asarray(runs, np.int64))
    starts, ends = ends[:-1:2], ends[1::2]
    starts, ends = starts[starts < ends], ends[starts < ends]
    if not starts.size:
        return MaskExtent([0, 0, 0, 0], 0)
    (first, top), (last, bottom) = np.divmod(starts, height), np.divmod(ends - 1, height)
    # A run that continues in the next column reaches both edges.
    is_split = first < last
    x, y = int(first.min()), int(np.where(is_split, 0, top).min())
    width, tall = int(last.max()) + 1 - x, int(np.where(is_split, height - 1, bottom).max()) + 1 - y
    return MaskExtent([x, y, width, tall], int((ends - starts).sum()))


def resample_runs(runs: Sequence[int], given: Frame, wanted: Frame) -> list[int]:
    """Resample a mask to another size: each pixel has the value of the mask at its centre.

    Only the boundaries of runs are kept in memory, so neither size matters.
    """
    ends = np.cumsum(np.asarray(runs, np.int64))
    columns = np.arange(wanted.width, dtype=np.int64)
    starts = _under(columns, given.width, wanted.width) * given.height
    first = np.searchsorted(ends, starts, "right")
    last = np.searchsorted(ends, starts + given.height, "left")
    # Even runs are background. In each column the colour changes at every end of a run, and at the
    # top if the previous column ended in the other colour.
    before = np.concatenate(([0], last[:-1]))
    tops = columns[(first - before) % 2 == 1] * wanted.height
    inner = last - first
    place = np.repeat(np.arange(wanted.width), inner)
    number = np.arange(place.size) - np.repeat(np.cumsum(inner) - inner, inner) + first[place]
    rows = _first_over(ends[number] - starts[place], given.height, wanted.height)
    changes, times = np.unique(
        np.concatenate((tops, place * wanted.height + rows)), return_counts=True
    )
    area = wanted.width * wanted.height
    changes = changes[(times % 2 == 1) & (changes < area)]
    stretched: list[int] = np.diff(changes, prepend=0, append=area).tolist()
    return stretched


def _under(places: NDArray[np.int64], given: int, wanted: int) -> NDArray[np.int64]:
    """Return the indices of the given pixels at the centres of the wanted pixels."""
    return (2 * places + 1) * given // (2 * wanted)


def _first_over(bounds: NDArray[np.int64], given: int, wanted: int) -> NDArray[np.int64]:
    """Return the indices of the first wanted pixels whose centres are at or after these bounds."""
    return -((given - 2 * wanted * bounds) // (2 * given))
