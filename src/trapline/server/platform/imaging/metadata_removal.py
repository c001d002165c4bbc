"""Remove the metadata of JPEG, PNG and WebP files without changing their pixels."""

import re

from trapline.server.platform.errors import NotFound

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN, _END_OF_IMAGE, _COMMENT = 0xDA, 0xD9, 0xFE
# JFIF and Adobe's transform, without which decoders would show wrong colours.
_KEPT = frozenset({0xE0, 0xEE})
_KEPT_APP_STARTS = {0xE0: b"JFIF\x00", 0xEE: b"Adobe"}
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD"}
    | {b"pHYs", b"acTL", b"fcTL", b"fdAT", b"IEND"}
)
_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_EXIF_AND_XMP = 0x08 | 0x04
"""The flags of the VP8X chunk for metadata."""


def strip_metadata(data: bytes) -> bytes:
    """Remove everything from an image file that decoders do not need to show its pixels.

    Raises:
        NotFound: the file is of another type, or its structure is broken.
    """
    if data.startswith(_PNG):
        return _strip_png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _strip_webp(data)
    return strip_jpeg_metadata(data)


def strip_jpeg_metadata(data: bytes) -> bytes:
    """Remove every application segment and comment except those that decoders need.

    The result ends with the first image: files of some cameras contain more images after it, each
    with its own EXIF.

    Raises:
        NotFound: the data is not a JPEG.
    """
    if data[:2] != b"\xff\xd8":
        raise NotFound
    kept, at, has_scan = [b"\xff\xd8"], 2, False
    while at + 2 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker == _END_OF_IMAGE:
            kept.append(b"\xff\xd9")
            break
        length = 0 if marker in _WITHOUT_LENGTH else int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 2 + length
        if marker == _START_OF_SCAN:
            has_scan = True
            following = _MARKER.search(data, end)
            end = following.start() if following is not None else len(data)
        if _is_needed(marker, data[at + 4 : at + 9]):
            kept.append(data[at:end])
        at = end
    if not has_scan:
        raise NotFound
    return b"".join(kept)


def _is_needed(marker: int, start: bytes) -> bool:
    if marker in _KEPT:
        return start.startswith(_KEPT_APP_STARTS[marker])
    return not (0xE0 <= marker <= 0xEF or marker == _COMMENT)


def _strip_png(data: bytes) -> bytes:
    kept, at = [_PNG], len(_PNG)
    while at + 12 <= len(data):
        kind = data[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if kind in _PNG_KEPT:
            kept.append(data[at:end])
        if kind == b"IEND":
            return b"".join(kept)
        at = end
    raise NotFound


def _strip_webp(data: bytes) -> bytes:
    kept, at = [b"WEBP"], 12
    size = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= size:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length + length % 2
        if kind in _WEBP_KEPT:
            chunk = data[at:end]
            if kind == b"VP8X" and length:
                chunk = chunk[:8] + bytes([chunk[8] & ~_EXIF_AND_XMP & 0xFF]) + chunk[9:]
            kept.append(chunk)
        at = end
    if len(kept) == 1:
        raise NotFound
    body = b"".join(kept)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
