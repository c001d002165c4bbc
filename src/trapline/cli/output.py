"""Output of commands: tables for people, JSON for scripts."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

Found = TypeVar("Found")


def build_console(*, to_errors: bool = False) -> Console:
    """Build a console on standard output, or on standard error for progress and messages."""
    console = Console(stderr=to_errors, highlight=False)
    if not console.is_terminal:
        # A log or a pipe has no width, so messages are not wrapped.
        console = Console(stderr=to_errors, highlight=False, width=160)
    return console


def print_json(value: Any) -> None:
    """Print a value as one JSON document."""
    json.dump(_convert_models(value), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under headings; markup in them is not interpreted.

    A column of numbers is aligned to the right.
    """
    listed = [tuple(rows_) for rows_ in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        numbers = bool(listed) and all(isinstance(row[index], int | float) for row in listed)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in listed:
        table.add_row(*(Text(format_value(value)) for value in row))
    build_console().print(table)


def print_list(
    found: Sequence[Found],
    columns: Sequence[str],
    build_row: Callable[[Found], Sequence[object]],
    *,
    as_json: bool,
) -> None:
    """Print a list as one JSON document, or as a table with one row per item."""
    if as_json:
        print_json(found)
    else:
        print_table(columns, map(build_row, found))


def format_value(value: object) -> str:
    """Format one value: times as `2 min ago` or a date, None as a dash."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return format_age(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return str(value)


def format_age(moment: datetime, now: datetime | None = None) -> str:
    """Format how long ago a time was, or its date if that is more than two days."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 0 or seconds > 172_800:
        return moment.astimezone().strftime("%Y-%m-%d %H:%M")
    if seconds < 90:
        return f"{seconds:.0f} s ago"
    return f"{seconds / 60:.0f} min ago" if seconds < 5400 else f"{seconds / 3600:.0f} h ago"


def format_duration(seconds: float) -> str:
    """Format a duration in seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _convert_models(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list):
        return [_convert_models(item) for item in value]
    return value
