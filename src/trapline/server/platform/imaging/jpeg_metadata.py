"""Remove the metadata of a JPEG: EXIF with location and owner, and all comments."""

from trapline.server.platform.errors import NotFound

_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN = 0xDA
# JFIF and Adobe's transform, without which decoders would show wrong colours.
_KEPT = frozenset({0xE0, 0xEE})


def strip_jpeg_metadata(data: bytes) -> bytes:
    """Remove every application segment and comment except those that decoders need.

    Raises:
        NotFound: the data is not a JPEG.
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
        length = (
            2 if marker in _WITHOUT_LENGTH else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        )
        is_metadata = 0xE0 <= marker <= 0xEF or marker == 0xFE
        if not is_metadata or marker in _KEPT:
            kept.append(data[at : at + length])
        at += length
    raise NotFound
