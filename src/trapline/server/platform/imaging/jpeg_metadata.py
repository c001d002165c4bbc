"""A JPEG with nothing in it but the picture: no EXIF, no place, no owner, no comment, whoever wrote it."""

from trapline.server.platform.errors import NotFound

_STANDS_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN = 0xDA
# JFIF and Adobe's transform: without them its colours would be read wrongly.
_KEPT = frozenset({0xE0, 0xEE})


def strip_jpeg_metadata(data: bytes) -> bytes:
    """Leave out every application segment and comment but those that a decoder needs.

    Raises NotFound for no JPEG.
    """
    if data[:2] != b"\xff\xd8":
        raise NotFound
    kept, at = [b"\xff\xd8"], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == _START_OF_SCAN:
            end = data.rfind(b"\xff\xd9")
            return b"".join([*kept, data[at : end + 2 if end > at else len(data)]])
        length = 2 if marker in _STANDS_ALONE else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        is_words = 0xE0 <= marker <= 0xEF or marker == 0xFE
        if not is_words or marker in _KEPT:
            kept.append(data[at : at + length])
        at += length
    raise NotFound
