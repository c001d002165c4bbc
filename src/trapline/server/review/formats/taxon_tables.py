"""Tables of taxa as they come: of ours, of Darwin Core or of GBIF, their columns known by their names."""

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
"""What a column holds, by its name in small letters: ours, those of Darwin Core, and those of GBIF's lists."""
NAMING = frozenset({"canonical_name", "scientific_name", "full_name", "gbif_key"})
COMMON = "common_name_"
KEY = re.compile(r"(?:https?://www\.gbif\.org/species/)?(\d{1,18})(?:\.0)?")

Cells = dict[str, str]
Problem = tuple[int, str, str]
"""A line, a column, and what is wrong there."""


class LineReader(Protocol):
    """A reader of the csv module."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


@dataclass
class TaxonTable:
    """Rows by their line, each with what its cells hold.

    `common_names` are those of a file of their own: by what names their taxon in the archive, by
    language.
    """

    columns: Sequence[str]
    rows: dict[int, Cells] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    common_names: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    @property
    def ignored(self) -> list[str]:
        """The columns that hold nothing that is known here."""
        known = set(FIELDS.values())
        return [
            name
            for name in self.columns
            if name and name not in known and not name.startswith(COMMON)
        ]


def parse_column_name(name: str) -> str:
    """What a column holds: a field where that is known, else what it is called.

    Terms may be called by addresses.
    """
    plain = re.split(r"[/#:]", name.strip().lower())[-1]
    if plain.startswith(COMMON):
        return COMMON + plain.removeprefix(COMMON).replace("_", "-")
    return FIELDS.get(plain, plain)


def parse_table(body: bytes) -> TaxonTable:
    """Read a table of which the first line names the columns, or a list of GBIF keys alone.

    Raises Invalid.
    """
    text = decode_text(body)
    separator = detect_separator(text)
    # What is parted by tabs has no quotes, only names with some in them.
    reader = open_cell_reader(text, separator, None if separator == "\t" else '"')
    if KEY.fullmatch(text.partition("\n")[0].strip()):
        return build_table(["gbif_key"], reader)
    columns = [parse_column_name(_bare(name)) for name in next(parse_lines(reader), [])]
    return build_table(columns, reader)


def open_cell_reader(text: str, separator: str, quote: str | None) -> LineReader:
    """A reader of a table, whose cells may stand in quotes where there are such."""
    lines = io.StringIO(text, newline="")
    if quote is None:
        return csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=separator, quotechar=quote)


def parse_language(told: str) -> str:
    """The code of a language as it is told; und for what is none."""
    code = told.strip().lower().replace("_", "-")
    return code if LANGUAGE.fullmatch(code) else UNKNOWN_LANGUAGE


def parse_lines(reader: LineReader) -> Iterator[list[str]]:
    """The lines of a table. Raises Invalid for what is none."""
    try:
        yield from reader
    except csv.Error as error:
        raise InvalidRequest(
            f"Line {reader.line_num} is no CSV: {error}. Nothing was changed."
        ) from error


def build_table(columns: Sequence[str], reader: LineReader) -> TaxonTable:
    """Make a table of lines. Raises Invalid for what is no list of taxa, or is too long."""
    _check(columns)
    table = TaxonTable(columns)
    for cells in parse_lines(reader):
        if not any(cell.strip() for cell in cells):
            continue
        if len(table.rows) + len(table.problems) == MOST_ROWS:
            raise InvalidRequest(
                f"A list may have at most {MOST_ROWS:,} taxa. Nothing was changed; send it in parts."
            )
        if len(cells) > len(columns):
            what = f"has {len(cells)} cells, and there are names for {len(columns)}"
            table.problems.append((reader.line_num, "row", what))
            continue
        table.rows[reader.line_num] = {
            name: told for name, cell in zip(columns, cells, strict=False) if (told := _bare(cell))
        }
    return table


def _check(columns: Sequence[str]) -> None:
    named = [name for name in columns if name in FIELDS.values()]
    if NAMING.isdisjoint(named):
        raise InvalidRequest(
            "The first line names the columns, and none of them is called scientific_name, scientificName or gbif_key. "
            "Nothing was changed."
        )
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise InvalidRequest(
            f"More than one column holds the {twice[0]}. Nothing was changed; leave one."
        )


def _bare(cell: str) -> str:
    told = cell.strip()
    return (
        told[1:-1].replace('""', '"').strip()
        if len(told) > 1 and told[0] == told[-1] == '"'
        else told
    )
