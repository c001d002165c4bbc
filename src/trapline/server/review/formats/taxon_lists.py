"""Imported lists of taxa: the taxon of each line of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from trapline.server.review.formats.taxon_tables import (
    COMMON,
    KEY,
    RANKS,
    Cells,
    Problem,
    TaxonTable,
    parse_language,
    parse_table,
)
from trapline.server.review.rules.taxon_names import TaxonLine, split_author
from trapline.wire.taxa import TaxonFields, TidyName

MOST_BYTES = 16 << 20
MOST_TOLD = 100
MOST_PARENTS = 40
ARCHIVE = b"PK\x03\x04"
STATUS = frozenset({"accepted", "accepted_full", "accepted_id", "accepted_gbif"})
NOT_A_NUMBER = "must be a number, as GBIF gives its keys"


class _Line(TaxonFields):
    scientific_name: TidyName | None = None
    accepted: TidyName | None = None


@dataclass
class TaxonList:
    """The parsed lines of a file, its problems, and the columns that are not known."""

    lines: list[TaxonLine] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def parse_taxon_list(body: bytes) -> TaxonList:
    """Parse a table or a Darwin Core Archive. Raises InvalidRequest for other or long files."""
    if body.startswith(ARCHIVE):
        # Imported on first use.
        from trapline.server.review.formats.darwin_core import read_archive

        table = read_archive(body)
    else:
        table = parse_table(body)
    found = TaxonList(problems=table.problems, ignored=table.ignored)
    by_id = {cells["external_id"]: cells for cells in table.rows.values() if "external_id" in cells}
    keys = {cells["gbif_key"] for cells in table.rows.values() if "gbif_key" in cells}
    has_status = not STATUS.isdisjoint(table.columns)
    for line, cells in table.rows.items():
        try:
            found.lines.append(_read_line(line, cells, table, by_id, keys, has_status=has_status))
        except ValidationError as error:
            for wrong in error.errors()[:1]:
                column = ".".join(map(str, wrong["loc"])) or "row"
                found.problems.append((line, column, wrong["msg"].removeprefix("Value error, ")))
        except _InvalidLine as wrong:
            found.problems.append((line, wrong.column, wrong.why))
    return found


class _InvalidLine(Exception):
    def __init__(self, column: str, why: str) -> None:
        super().__init__(why)
        self.column, self.why = column, why


def _read_line(
    line: int,
    cells: Cells,
    table: TaxonTable,
    by_id: Mapping[str, Cells],
    keys: set[str],
    *,
    has_status: bool,
) -> TaxonLine:
    name, author = _read_name(cells)
    gbif_key = _read_key(cells, "gbif_key")
    if not name and gbif_key is None:
        raise _InvalidLine("scientific_name", "has no name")
    accepted, accepted_gbif = _read_accepted(cells, by_id, keys)
    given: dict[str, Any] = {
        "scientific_name": name or None,
        "authorship": author,
        "rank": cells.get("rank", ""),
        "external_id": cells.get("external_id", ""),
        "higher_ranks": _read_higher(cells, by_id),
        "common_names": _read_common(cells, table),
        "gbif_key": gbif_key,
        "accepted": accepted,
    }
    read = _Line.model_validate({key: value for key, value in given.items() if value})
    values = read.model_dump(exclude_unset=True, exclude={"accepted"})
    return TaxonLine(line, values, has_status, read.accepted, accepted_gbif)


def _read_name(cells: Cells) -> tuple[str, str]:
    full, author = split_author(cells.get("full_name", ""), cells.get("authorship", ""))
    return cells.get("canonical_name") or cells.get("scientific_name") or full, author


def _read_key(cells: Cells, column: str) -> int | None:
    text = cells.get(column)
    if text is None:
        return None
    found = KEY.fullmatch(text)
    if found is None or not int(found[1]):
        raise _InvalidLine(column, NOT_A_NUMBER)
    return int(found[1])


def _read_accepted(
    cells: Cells, by_id: Mapping[str, Cells], keys: set[str]
) -> tuple[str | None, int | None]:
    """Return the accepted name of a synonym, or its GBIF key if there is no name."""
    if "accepted" in cells:
        return cells["accepted"], None
    accepted_id, key = cells.get("accepted_id"), _read_key(cells, "accepted_gbif")
    full = split_author(cells.get("accepted_full", ""))[0] or None
    if accepted_id is not None:
        if accepted_id == cells.get("external_id"):
            return None, None
        if accepted_id in by_id:
            return _read_name(by_id[accepted_id])[0], None
        if full is None:
            raise _InvalidLine(
                "acceptedNameUsageID", f"{accepted_id[:100]} is not a taxonID of this file"
            )
    if key is not None and key == _read_key(cells, "gbif_key"):
        return None, None
    return (
        (None, key)
        if key is not None and (full is None or cells["accepted_gbif"] in keys)
        else (full, None)
    )


def _read_higher(cells: Cells, by_id: Mapping[str, Cells]) -> dict[str, str]:
    """Return the names of higher ranks, from the line itself, else from its parent lines."""
    higher = {rank: cells[rank] for rank in RANKS if rank in cells}
    parent = by_id.get(cells.get("parent_id", ""))
    for _ in range(MOST_PARENTS):
        if parent is None:
            break
        rank = parent.get("rank", "").lower()
        if rank in RANKS:
            higher.setdefault(rank, _read_name(parent)[0])
        parent = by_id.get(parent.get("parent_id", ""))
    higher.pop(cells.get("rank", "").lower(), None)
    return higher


def _read_common(cells: Cells, table: TaxonTable) -> dict[str, list[str]]:
    of_archive = table.common_names.get(cells.get("id") or cells.get("external_id", ""), {})
    names = {language: list(given) for language, given in of_archive.items()}
    for column, cell in cells.items():
        if column.startswith(COMMON):
            names.setdefault(column.removeprefix(COMMON), []).extend(_split_names(cell))
    if "common_name" in cells:
        names.setdefault(parse_language(cells.get("language", "")), []).extend(
            _split_names(cells["common_name"])
        )
    return names


def _split_names(cell: str) -> list[str]:
    return [stripped for name in cell.split("|") if (stripped := name.strip())]
