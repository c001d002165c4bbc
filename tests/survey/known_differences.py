"""Differences between the survey's truth and the product that are known, each with its reason.

A line that is listed here and no longer differs fails the survey: remove it then.
"""

from typing import Any

MISSING: dict[str, tuple[str, ...]] = {
    "ftp": ("no\u00a0break.JPG", "ideo\u3000graphic.JPG", "zero\u200bwidth.JPG"),
}
"""Names that do not arrive in a way in; their images are left out of all other lines, and a line of theirs differs."""

_ENCODED = "Names from web listings stay percent-encoded."
_CHANGED = "An upload drops no-break, ideographic and zero-width characters from a name, and keeps a quote as %22."
_NO_PATHS = "An upload drops the folders of a file."
_PUBLIC = "An image with a name that is not a known animal is public."
KNOWN: dict[str, str] = {
    "files: ftp stores *": "An FTP listing drops names with no-break, ideographic and zero-width characters.",
    "*: filename (web)": _ENCODED,
    "*: path (web)": _ENCODED,
    "megadetector: detections (web)": _ENCODED,
    "*: filename (api)": _CHANGED,
    "*: filename (cli)": _CHANGED,
    "*: path (api)": _NO_PATHS,
    "*: path (cli)": _NO_PATHS,
    "megadetector: detections (api)": _NO_PATHS,
    "megadetector: detections (cli)": _NO_PATHS,
    "public page: *": _PUBLIC,
    "camtrap-dp: media": _PUBLIC,
    "API images: is flagged": "Capture times from the modification time of a file are not flagged.",
}
"""The pattern of a line's name, as `fnmatch` reads it, and why the line differs."""


def is_missing_known(arrives: str, file: dict[str, Any]) -> bool:
    """Whether it is known that a file does not arrive."""
    return file["fate"] == "stored" and file["path"].rpartition("/")[2] in MISSING.get(arrives, ())
