"""The number of an image as black and white blocks along its lower edge, read from the pixels.

The marker survives JPEG compression, rotation by EXIF orientation and scaling. The module needs
only numpy, so that it can be copied next to a pipeline that must not import the tests.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBER_BITS = 20
CHECK_BITS = 4
BITS = NUMBER_BITS + CHECK_BITS
STRIP = 12
"""The strip is 1/12 of the height."""


class UnreadableMarker(Exception):
    """The check bits do not match the number."""


def encode_number(number: int) -> list[int]:
    """Encode an image's number (below 2**20) as bits, most significant first, then check bits."""
    value = number << CHECK_BITS | _sum_bits(number)
    return [value >> place & 1 for place in reversed(range(BITS))]


def read_number(pixels: NDArray[Any]) -> int:
    """Read the number from the pixels (height x width x 3) of an upright image.

    Raises:
        UnreadableMarker: the pixels have no marker, or a damaged one.
    """
    height, width = pixels.shape[:2]
    row = int(height - height / STRIP / 2)
    value = 0
    for place in range(BITS):
        column = int((place + 0.5) / BITS * width)
        block = pixels[row - 2 : row + 3, column - 1 : column + 2]
        value = value << 1 | int(float(np.mean(block)) > 127)
    number = value >> CHECK_BITS
    if value & (1 << CHECK_BITS) - 1 != _sum_bits(number):
        raise UnreadableMarker(f"the check bits of {number} do not fit")
    return number


def _sum_bits(number: int) -> int:
    digits = 0
    while number:
        digits, number = digits + number % 15, number // 15
    return digits % 15 + 1
