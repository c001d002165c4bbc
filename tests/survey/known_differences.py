"""Differences between the survey's truth and the product that are known, each with its reason.

A line that is listed here and no longer differs fails the survey: remove it then.
"""

from typing import Any

MISSING: dict[str, tuple[str, ...]] = {}
"""Names that do not arrive in a way in; their images are left out of all other lines, and a line of theirs differs."""

_CHANGED = "An upload drops zero-width characters from a name, and keeps a quote as %22."
_SPLIT = "In exports with relative paths an escaped sign of a name becomes a folder."
KNOWN: dict[str, str] = {
    "camtrap-dp: path (web)": _SPLIT,
    "camtrap-dp: path (ftp)": _SPLIT,
    "megadetector: detections (web)": _SPLIT,
    "megadetector: detections (ftp)": _SPLIT,
    "*: filename (api)": _CHANGED,
    "*: filename (cli)": _CHANGED,
    "*: path (api)": _CHANGED,
    "*: path (cli)": _CHANGED,
    "megadetector: detections (api)": _CHANGED,
    "megadetector: detections (cli)": _CHANGED,
}
"""The pattern of a line's name, as `fnmatch` reads it, and why the line differs."""


def is_missing_known(arrives: str, file: dict[str, Any]) -> bool:
    """Whether it is known that a file does not arrive."""
    return file["fate"] == "stored" and file["path"].rpartition("/")[2] in MISSING.get(arrives, ())
