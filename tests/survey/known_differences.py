"""Known differences between the survey's truth and the product, each with its reason.

The survey fails if a row that is listed here does not differ any more: remove it then.
"""

from typing import Any

MISSING: dict[str, tuple[str, ...]] = {}
"""Names of files that do not arrive, by way of arrival.

Their images are left out of all other rows, and the row of their arrival differs.
"""

KNOWN: dict[str, str] = {}
"""Patterns of row names for `fnmatch`, with the reason of each difference."""


def is_missing_known(arrives: str, file: dict[str, Any]) -> bool:
    """Return whether a file is known not to arrive."""
    return file["fate"] == "stored" and file["path"].rpartition("/")[2] in MISSING.get(arrives, ())
