"""The Range header of requests (RFC 9110, section 14.1)."""

import re

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z", re.ASCII)


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Parse a range to (first byte, length); None for a range beyond the end of the file.

    Without a range, and for several ranges, the result is the whole file.
    """
    found = _RANGE.match(header or "")
    if found is None or found[1] == found[2] == "":
        return 0, size
    if found[1] == "":
        length = min(int(found[2]), size)
        return (size - length, length) if length else None
    first = int(found[1])
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    if first >= size:
        return None
    return (first, last - first + 1) if last >= first else (0, size)
