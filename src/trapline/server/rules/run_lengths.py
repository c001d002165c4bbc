"""COCO's run lengths of a mask: how many pixels they cover, whichever way they are written.

The compressed text has six bits of a number in each character, from 48 on, the sixth saying that more follow, the
lowest first; from the third number on it is the difference to the one before the last (pycocotools, maskApi.c,
rleFrString).
"""

from typing import Any

FIRST = 48
MOST_BITS = 40
LONGEST = 2**62


def count_pixels(counts: Any) -> int:
    """Count the pixels that run lengths cover: a list of whole numbers, or a compressed text. Raises ValueError."""
    if isinstance(counts, str):
        return sum(decode(counts))
    if not isinstance(counts, list) or not counts:
        raise ValueError("must be run lengths: a list of whole numbers, or COCO's compressed text")
    for run in counts:
        if type(run) is not int or run < 0:
            raise ValueError("must be whole numbers, none of them negative")
        if run > LONGEST:
            raise ValueError("has a run that is too long")
    return sum(counts)


def decode(text: str) -> list[int]:
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
