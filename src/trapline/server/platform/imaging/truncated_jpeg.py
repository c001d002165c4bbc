"""JPEG files that end before their image does: how many rows decode, and the image with the rest in grey."""

import io

from PIL import Image, ImageChops

END = b"\xff\xd9"
LEAST_ROWS = 0.5
"""The share of the rows that must decode."""
# Two patterns, because one of them can be the code of an empty block.
_FILLS = (b"\xaa" * 65_536, b"\x55" * 65_536)


def decode_truncated(data: bytes) -> tuple[Image.Image, float]:
    """Decode a JPEG that lacks its end; return the image and the share of its rows that the data
    holds.

    Rows that the data holds do not depend on bytes that are appended to it; the first row that does
    ends them. A share of 1 means that only the end mark is missing.

    Raises:
        OSError: the file ends before its first row.
    """
    data = data.rstrip(b"\xff")
    image = _decode(data)
    rows = image.height
    for fill in _FILLS:
        changed = ImageChops.difference(image, _decode(data + fill)).getbbox()
        if changed is not None:
            rows = min(rows, changed[1])
    return image, rows / image.height


def _decode(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data + END), formats=("JPEG",))
    image.load()
    return image
