"""The markers of a JPEG file, read before the image is decoded: its frame, scans and restarts."""

import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_SCANS = 100
"""Encoders write about ten scans, and hand-written scan scripts some dozens."""
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_START_OF_IMAGE, _END_OF_IMAGE, _START_OF_SCAN, _TEMPORARY = 0xD8, 0xD9, 0xDA, 0x01
_RESTART_INTERVAL = 0xDD
_SEQUENTIAL = (0xC0, 0xC1)


class JpegScans(NamedTuple):
    """The scans of a JPEG file.

    `is_single` means that the image is one sequential scan with all components. `next_restart` is
    the restart marker that follows those in the last scan, None if the file has no restart markers.
    """

    is_single: bool
    next_restart: bytes | None


def has_too_many_scans(data: bytes) -> bool:
    """Return whether the first image of a JPEG has more than MAX_SCANS scans.

    A progressive decoder passes over the whole image once for each scan.
    """
    scans = 0
    for marker, _, _ in _iterate_segments(data):
        scans += marker == _START_OF_SCAN
        if scans > MAX_SCANS:
            return True
    return False


def parse_scans(data: bytes) -> JpegScans:
    """Parse the markers of the first image in a JPEG file, which can end early."""
    components, interval, is_sequential = 0, 0, False
    scans: list[tuple[int, int]] = []
    for marker, start, end in _iterate_segments(data):
        if marker in _SEQUENTIAL:
            is_sequential = True
            components = int.from_bytes(data[start + 7 : start + 8], "big")
        elif marker == _RESTART_INTERVAL:
            interval = int.from_bytes(data[start + 2 : start + 4], "big")
        elif marker == _START_OF_SCAN:
            scans.append((int.from_bytes(data[start + 2 : start + 3], "big"), end))
    is_single = is_sequential and [count for count, _ in scans] == [components]
    if not scans or not interval:
        return JpegScans(is_single, None)
    restarts = len(_RESTART.findall(data, scans[-1][1]))
    return JpegScans(is_single, bytes((0xFF, 0xD0 + restarts % 8)))


def _iterate_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Iterate over the markers up to the end of the image, with the start and end of their data."""
    at = 0
    while (found := _MARKER.search(data, at)) is not None:
        marker = data[found.start() + 1]
        start = at = found.end()
        if marker == _END_OF_IMAGE:
            return
        if marker in (_START_OF_IMAGE, _TEMPORARY):
            continue
        at += int.from_bytes(data[at : at + 2], "big")
        yield marker, start, at
