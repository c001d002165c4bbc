"""Tables for spreadsheets, whose cells are not executed as formulas (OWASP, "CSV Injection")."""

from typing import Any

from trapline.server.platform.errors import InvalidRequest

STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are full-width forms of the first, which spreadsheets in East Asia treat alike."""


def escape_formula(cell: Any) -> Any:
    """Put an apostrophe before a text that a spreadsheet would execute; numbers are unchanged."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(STARTS) else cell


def decode_text(body: bytes) -> str:
    """Decode a table as text.

    Raises:
        InvalidRequest: the table is not UTF-8.
    """
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"The text is not UTF-8 from byte {error.start} on. Nothing was changed. "
            "Save the table as UTF-8 and send it again."
        ) from error


def detect_separator(text: str) -> str:
    """Detect the separator of cells from the first line; some countries use semicolons."""
    first = text.partition("\n")[0]
    return "\t" if "\t" in first else ";" if ";" in first and "," not in first else ","
