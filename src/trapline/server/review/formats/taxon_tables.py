"""Tables of taxa with the column names of Trapline, of Darwin Core or of GBIF."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, get_args

from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.formats.spreadsheets import decode_text, detect_separator
from trapline.wire.taxa import LANGUAGE, UNKNOWN_LANGUAGE, HigherRank

MOST_ROWS = 50_000
RANKS: tuple[str, ...] = get_args(HigherRank)
FIELDS = {
    "canonicalname": "canonical_name",
    "scientific_name": "scientific_name",
    "scientificname": "full_name",
    "authorship": "authorship",
    "scientificnameauthorship": "authorship",
    "rank": "rank",
    "taxonrank": "rank",
    "gbif_key": "gbif_key",
    "gbifkey": "gbif_key",
    "taxonkey": "gbif_key",
    "usagekey": "gbif_key",
    "external_id": "external_id",
    "taxonid": "external_id",
    "synonym_of": "accepted",
    "acceptednameusage": "accepted_full",
    "acceptedscientificname": "accepted_full",
    "acceptednameusageid": "accepted_id",
    "acceptedtaxonkey": "accepted_gbif",
    "acceptedusagekey": "accepted_gbif",
    "acceptedkey": "accepted_gbif",
    "parentnameusageid": "parent_id",
    "vernacularname": "common_name",
    "common_name": "common_name",
    "language": "language",
} | {rank: rank for rank in RANKS}
"""Fields by lower-case column name: of Trapline, of Darwin Core, and of GBIF's lists."""
NAMING = frozenset({"canonical_name", "scientific_name", "full_name", "gbif_key"})
COMMON = "common_name_"
KEY = re.compile(r"(?:https?://www\.gbif\.org/species/)?(\d{1,18})(?:\.0)?")

Cells = dict[str, str]
Problem = tuple[int, str, str]
"""A line number, a column, and the problem."""


class LineReader(Protocol):
    """A reader of the csv module."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


@dataclass
class TaxonTable:
    """Rows by line number, each with its cells by field.

    `common_names` are those of a separate file of an archive: by the ID of the taxon, then by
    language.
    """

    columns: Sequence[str]
    rows: dict[int, Cells] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    common_names: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    @property
    def ignored(self) -> list[str]:
        """The columns that are not known."""
        known = set(FIELDS.values())
        return [
            name
            for name in self.columns
            if name and name not in known and not name.startswith(COMMON)
        ]


def parse_column_name(name: str) -> str:
    """Return the field of a column, or its name if it is not known.

    Terms of Darwin Core can be URIs.
    """
    plain = re.split(r"[/#:]", name.strip().lower())[-1]
    if plain.startswith(COMMON):
        return COMMON + plain.removeprefix(COMMON).replace("_", "-")
    return FIELDS.get(plain, plain)


def parse_table(body: bytes) -> TaxonTable:
    """Parse a table whose first line names the columns, or a list of GBIF keys.

    Raises InvalidRequest.
    """
    text = decode_text(body)
    separator = detect_separator(text)
    # Tab-separated files have no quoted cells, only names that contain quotes.
    reader = open_cell_reader(text, separator, None if separator == "\t" else '"')
    if KEY.fullmatch(text.partition("\n")[0].strip()):
        return build_table(["gbif_key"], reader)
    columns = [parse_column_name(_unquote(name)) for name in next(parse_lines(reader), [])]
    return build_table(columns, reader)


def open_cell_reader(text: str, separator: str, quote: str | None) -> LineReader:
    """Open a reader of the cells of a table; without `quote`, cells are never quoted."""
    lines = io.StringIO(text, newline="")
    if quote is None:
        return csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=separator, quotechar=quote)


def parse_language(text: str) -> str:
    """Parse a language code; `und` if it is not one."""
    code = text.strip().lower().replace("_", "-")
    return code if LANGUAGE.fullmatch(code) else UNKNOWN_LANGUAGE


def parse_lines(reader: LineReader) -> Iterator[list[str]]:
    """Yield the lines of a table. Raises InvalidRequest if one is not CSV."""
    try:
        yield from reader
    except csv.Error as error:
        raise InvalidRequest(
            f"Line {reader.line_num} is not CSV: {error}. Nothing was changed."
        ) from error


def build_table(columns: Sequence[str], reader: LineReader) -> TaxonTable:
    """Build a table from lines. Raises InvalidRequest if it is not a list of taxa, or too long."""
    _check(columns)
    table = TaxonTable(columns)
    for cells in parse_lines(reader):
        if not any(cell.strip() for cell in cells):
            continue
        if len(table.rows) + len(table.problems) == MOST_ROWS:
            raise InvalidRequest(
                f"The list has more than {MOST_ROWS:,} taxa. Nothing was changed. "
                "Import it in parts."
            )
        if len(cells) > len(columns):
            what = f"has {len(cells)} cells, but the first line names {len(columns)} columns"
            table.problems.append((reader.line_num, "row", what))
            continue
        table.rows[reader.line_num] = {
            name: text
            for name, cell in zip(columns, cells, strict=False)
            if (text := _unquote(cell))
        }
    return table


def _check(columns: Sequence[str]) -> None:
    named = [name for name in columns if name in FIELDS.values()]
    if NAMING.isdisjoint(named):
        raise InvalidRequest(
            "The first line must name the columns, one of them scientific_name, scientificName or "
            "gbif_key. Nothing was changed."
        )
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise InvalidRequest(
            f"More than one column contains the {twice[0]}. Nothing was changed. "
            "Remove all but one."
        )


def _unquote(cell: str) -> str:
    text = cell.strip()
    return (
        text[1:-1].replace('""', '"').strip()
        if len(text) > 1 and text[0] == text[-1] == '"'
        else text
    )
