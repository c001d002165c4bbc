"""Differences between the survey's truth and the product that are known, each with its reason.

A line that is listed here and no longer differs fails the survey: remove it then.
"""

from typing import Any

MISSING: dict[str, tuple[str, ...]] = {}
"""Names that do not arrive in a way in; their images are left out of all other lines, and a line of theirs differs."""

KNOWN: dict[str, str] = {}
"""The pattern of a line's name, as `fnmatch` reads it, and why the line differs."""


def is_missing_known(arrives: str, file: dict[str, Any]) -> bool:
    """Whether it is known that a file does not arrive."""
    return file["fate"] == "stored" and file["path"].rpartition("/")[2] in MISSING.get(arrives, ())
