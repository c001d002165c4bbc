"""Cells that spreadsheets read: text that would be taken for a formula is made plain text (OWASP, "CSV Injection")."""

from typing import Any

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(cell: Any) -> Any:
    """Put an apostrophe before a text that a spreadsheet would execute; numbers stay as they are."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(STARTS) else cell
