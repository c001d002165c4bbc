"""Counts the scans of a JPEG before it is decoded: each scan of a progressive JPEG passes over the whole image."""

import re

MAX_SCANS = 100
"""Encoders write about ten scans, and hand-written scan scripts some dozens."""
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_START_OF_IMAGE, _END_OF_IMAGE, _START_OF_SCAN, _TEMPORARY = 0xD8, 0xD9, 0xDA, 0x01


def has_too_many_scans(data: bytes) -> bool:
    """Whether the first image of a JPEG has more than MAX_SCANS scans; stops behind that many, and at its end."""
    at, scans = 0, 0
    while (found := _MARKER.search(data, at)) is not None:
        marker = data[found.start() + 1]
        at = found.end()
        if marker == _END_OF_IMAGE:
            return False
        if marker in (_START_OF_IMAGE, _TEMPORARY):
            continue
        at += int.from_bytes(data[at : at + 2], "big")
        if marker == _START_OF_SCAN:
            scans += 1
            if scans > MAX_SCANS:
                return True
    return False
