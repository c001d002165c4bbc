"""Tables that spreadsheets write and read; no cell of ours is taken for a formula (OWASP, "CSV Injection")."""

from typing import Any

from trapline.server.platform.errors import InvalidRequest

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the full-width forms of the first, which spreadsheets in East Asia take for them."""


def escape_formula(cell: Any) -> Any:
    """Put an apostrophe before a text that a spreadsheet would execute; numbers stay as they are."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(STARTS) else cell


def decode_text(body: bytes) -> str:
    """Read a table as text. Raises Invalid where that is not UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"This is no UTF-8 text from byte {error.start} on. Nothing was changed."
        ) from error


def detect_separator(text: str) -> str:
    """What parts the cells of a table, by its first line: spreadsheets of some countries take semicolons."""
    first = text.partition("\n")[0]
    return "\t" if "\t" in first else ";" if ";" in first and "," not in first else ","
