"""The CSV format of deployments. No cell is a formula; errors name the line and the column."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.formats.spreadsheets import (
    STARTS,
    decode_text,
    detect_separator,
    escape_formula,
)
from trapline.wire.deployment_fields import (
    DEPLOYMENT_FIELDS,
    FieldKind,
    format_period,
    join_list,
    parse_period,
    split_list,
)

COLUMNS = tuple(DEPLOYMENT_FIELDS)
REQUIRED = "name"
LISTS = frozenset({FieldKind.LIST, FieldKind.PERIODS})
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
NUMERIC = {FieldKind.NUMBER: "must be a number", FieldKind.INTEGER: "must be a whole number"}
KEPT = frozenset({"time_zone", "clock_offset_s"})
"""Columns in which an empty cell keeps the stored value."""

MOST_BYTES = 8 << 20
MOST_ROWS = 5000
MOST_ERRORS = 100


@dataclass
class DeploymentTable:
    """The parsed rows of a file by line number, and its errors by line and column."""

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    errors: list[tuple[str, str]] = field(default_factory=list)

    def add_error(self, line: int, column: str, what: str) -> None:
        """Add an error of a cell; at most MOST_ERRORS are kept."""
        if len(self.errors) < MOST_ERRORS:
            self.errors.append((f"line {line}, {column}", what))


def render_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """Render deployments, one per line; formulas are escaped to plain text."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(column, row[column]) for column in COLUMNS])
    return text.getvalue()


def _cell(name: str, value: Any) -> Any:
    kind = DEPLOYMENT_FIELDS[name].kind
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if kind is FieldKind.PERIODS:
        value = [format_period(**period) for period in value]
    if kind in LISTS:
        value = join_list(value)
    return "" if value is None else escape_formula(value)


def parse_csv(body: bytes) -> DeploymentTable:
    """Parse a CSV file whose first line names the columns.

    Raises InvalidRequest if it is not such a file, or has more than MOST_ROWS rows.
    """
    text = decode_text(body)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=detect_separator(text))
    sheet = DeploymentTable()
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(sheet.rows) == MOST_ROWS:
                raise InvalidRequest(
                    f"The file has more than {MOST_ROWS:,} deployments. Nothing was changed. "
                    "Import it in parts."
                )
            line = reader.line_num
            if len(cells) != len(header):
                sheet.add_error(
                    line, "row", f"has {len(cells)} cells where the first line has {len(header)}"
                )
            sheet.rows[line] = {
                name: read
                for name, cell in zip(header, cells, strict=False)
                if (read := _read(sheet, line, name, cell)) is not None or name not in KEPT
            }
    except csv.Error as error:
        raise InvalidRequest(
            f"Line {reader.line_num} is not CSV: {error}. Nothing was changed."
        ) from error
    return sheet


def _check_header(header: list[str]) -> None:
    unknown = sorted(set(header) - set(COLUMNS))
    if "name" not in header or unknown or len(set(header)) < len(header):
        wrong = f" Not known: {', '.join(name[:50] for name in unknown[:10])}." if unknown else ""
        raise InvalidRequest(
            "The first line must name the columns: name, and any of "
            f"{', '.join(COLUMNS[1:])}, each once.{wrong} Nothing was changed."
        )


def _read(sheet: DeploymentTable, line: int, name: str, cell: str) -> Any:
    cell = cell.strip()
    if cell.startswith("'") and cell[1:].startswith(STARTS):
        cell = cell[1:]
    kind = DEPLOYMENT_FIELDS[name].kind
    if not cell:
        if kind in LISTS:
            return []
        return "" if kind is FieldKind.TEXT and name != REQUIRED else None
    try:
        return _parse(kind, cell)
    except ValueError as error:
        sheet.add_error(line, name, NUMERIC.get(kind, str(error)))
        return [] if kind in LISTS else None


def _parse(kind: FieldKind, cell: str) -> Any:
    match kind:
        case FieldKind.NUMBER:
            return float(cell)
        case FieldKind.INTEGER:
            return int(cell)
        case FieldKind.FLAG:
            flag = FLAGS.get(cell.lower())
            if flag is None:
                raise ValueError("must be true or false")
            return flag
        case FieldKind.LIST:
            return split_list(cell)
        case FieldKind.PERIODS:
            return [_parse_period(part, place) for place, part in enumerate(split_list(cell))]
        case _:
            return cell


def _parse_period(text: str, place: int) -> dict[str, Any]:
    try:
        return parse_period(text)
    except ValueError as error:
        raise ValueError(f"{error}{format_position(place)}") from None


def format_position(place: int) -> str:
    """Format the position of a value in the cell of a list, as the end of an error message."""
    return f" (value {place + 1})"
