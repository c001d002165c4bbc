"""Decode JPEG files that end early: the rows in the data, with the rest of the image in grey."""

import io

from PIL import Image, ImageChops

from trapline.server.platform.imaging.jpeg_scans import parse_scans

END = b"\xff\xd9"
LEAST_ROWS = 0.5
"""The share of the rows that must decode."""
# Two patterns, because one of them can be the code of an empty block.
_FILLS = (b"\xaa" * 65_536, b"\x55" * 65_536)


def decode_truncated(data: bytes) -> tuple[Image.Image, float]:
    """Decode a JPEG without its end mark; return the image and the share of its rows in the data.

    Rows that the data holds do not depend on bytes that are appended to it; the first row that does
    ends them. A share of 1 means that only the end mark is missing. It is less than 1 for a file
    with several scans, because the number of scans is known only from the end mark.

    Raises:
        OSError: the file ends before its first row.
    """
    data = data.rstrip(b"\xff")
    image = _decode(data)
    scans = parse_scans(data)
    rows = _count_fixed_rows(image, data)
    if rows == image.height and scans.next_restart is not None:
        # The decoder skips all bytes up to the restart marker that it expects.
        rows = _count_fixed_rows(image, data + scans.next_restart)
    if rows == image.height and not scans.is_single:
        rows -= 1
    return image, rows / image.height


def _count_fixed_rows(image: Image.Image, data: bytes) -> int:
    """Count the rows of an image that stay the same when bytes are appended to its data."""
    rows = image.height
    for fill in _FILLS:
        changed = ImageChops.difference(image, _decode(data + fill)).getbbox()
        if changed is not None:
            rows = min(rows, changed[1])
    return rows


def _decode(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data + END), formats=("JPEG",))
    image.load()
    return image
