"""Read the events of a Camtrap DP 1.0 (TDWG, camtrap-dp.tdwg.org): observations without a medium.

A medium belongs to the event that its own observations name, otherwise to the event of its
deployment in whose period it was captured. The rows of an event by people are one statement.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from trapline.server.imports.formats.import_camtrap_deployments import parse_time
from trapline.server.imports.formats.import_camtrap_rows import (
    build_statement,
    get_path,
    list_package_values,
)
from trapline.server.imports.formats.import_records import (
    ImportedIdentification,
    ImportEntry,
    ImportEvent,
    InvalidEntry,
    parse_id,
    sanitise_text,
)
from trapline.server.imports.formats.zipped_tables import Row, ZippedTables
from trapline.server.platform.formats.temporary_database import open_temporary_database
from trapline.wire.identifications import MOST_SEQUENCE_IMAGES, MOST_TAXA

CACHE_KIB = 16 << 10
MOST_ROWS = 1000
"""The maximum number of observations of one event."""
BY_MACHINE = (
    "is of a whole event by a machine, and is left out: only observations of media by machines are "
    "imported"
)
NOT_AN_EVENT = "has no mediaID, and is not of the level event"
NAMELESS = "is of an event, but has neither eventID nor eventStart"
STATES_NOTHING = "is of an event and unclassified, so that it states nothing"
CONTRADICTS = "is left out, because other observations of its event name a taxon"
UNKNOWN = "unknown"
"""The name of what people did not know next to something that they named."""
OF_SAME_KIND = "is left out, because another observation of its event states the same"
SCHEMA = """
create table events (key text primary key, number int, deployment text, event text, first real,
    last real) without rowid;
create table rows (key text, line int, text blob);
create table named (medium text, event text, primary key (medium, event)) without rowid;
create table media (medium text primary key, deployment text, at real, line int, path text)
    without rowid;
create table belongs (number int, line int, medium text, path text);
"""
BELONG = """
create index by_event on events (deployment, event);
create index by_time on media (deployment, at);
create table known as select m.medium, e.number from media m join named n on n.medium = m.medium
    join events e on e.deployment = m.deployment and e.event = n.event;
create index by_medium on known (medium);
insert into belongs select k.number, m.line, m.medium, m.path from known k
    join media m on m.medium = k.medium;
insert into belongs select e.number, m.line, m.medium, m.path from events e
    join media m on m.deployment = e.deployment and m.at between e.first and e.last
    where m.medium not in (select medium from known);
create index by_number on belongs (number, line);
create index of_event on rows (key, line);
create index in_order on events (number);
"""


class CamtrapEvents:
    """The events of a package, in the order of their first observations."""

    def __init__(self) -> None:
        self._rows = open_temporary_database(CACHE_KIB)
        self._rows.execute("begin")
        for statement in SCHEMA.split(";"):
            self._rows.execute(statement)
        self.count = 0

    def add(self, line: int, row: Row) -> None:
        """Add an observation without a medium."""
        deployment, event = row.get("deploymentID", ""), row.get("eventID", "")
        start, end = _read_at(row, "eventStart"), _read_at(row, "eventEnd")
        named = event or row.get("eventStart", "")
        key = "\0".join((deployment, named, row.get("eventEnd", "") if not event else ""))
        if row.get("observationLevel", "event") != "event" or not named:
            key = f"\0{line}"  # reported alone
        new = self._rows.execute(
            "insert or ignore into events values (?, ?, ?, ?, ?, ?)",
            (key, self.count + 1, deployment, event, start, end if end is not None else start),
        )
        self.count += new.rowcount
        self._rows.execute(
            "insert into rows values (?, ?, ?)", (key, line, msgspec.json.encode(row))
        )

    def assign_media(self, tables: ZippedTables) -> None:
        """Assign the media of the package to the events, after all observations were added."""
        self._rows.executemany(
            "insert or ignore into named values (?, ?)",
            (
                (row["mediaID"], row["eventID"])
                for _, row in tables.read("observations")
                if "mediaID" in row and "eventID" in row
            ),
        )
        self._rows.executemany(
            "insert or ignore into media values (?, ?, ?, ?, ?)",
            (
                (
                    row.get("mediaID", ""),
                    row.get("deploymentID", ""),
                    _read_at(row, "timestamp"),
                    line,
                    get_path(row),
                )
                for line, row in tables.read("media")
            ),
        )
        for statement in BELONG.split(";"):
            self._rows.execute(statement)

    def list_entries(self, after: int, places: dict[str, UUID]) -> Iterator[ImportEntry]:
        """List the events after the first `after` ones as entries without an image."""
        found = self._rows.cursor().execute(
            "select e.key, e.number, e.deployment, e.event, e.first, e.last, min(r.line)"
            " from events e join rows r on r.key = e.key where e.number > ?"
            " group by e.number order by e.number",
            (after,),
        )
        for key, number, deployment, event, first, last, line in found:
            place = f"line {line} of observations"
            yield ImportEntry(
                place, "", self._build(key, number, places.get(deployment), event, (first, last))
            )

    def _build(
        self,
        key: str,
        number: int,
        deployment: UUID | None,
        event: str,
        period: tuple[float | None, float | None],
    ) -> ImportEvent:
        built = ImportEvent(sanitise_text(event), deployment)
        rows = self._rows.execute(
            "select line, text from rows where key = ? order by line limit ?", (key, MOST_ROWS + 1)
        ).fetchall()
        media = self._rows.execute(
            "select line, medium, path from belongs where number = ? order by line limit ?",
            (number, MOST_SEQUENCE_IMAGES + 1),
        ).fetchall()
        if len(rows) > MOST_ROWS or len(media) > MOST_SEQUENCE_IMAGES:
            built.add_fault(
                rows[0][0],
                f"its event has more than {MOST_ROWS:,} observations or more than "
                f"{MOST_SEQUENCE_IMAGES:,} media",
            )
            return built
        built.media = [
            ImportEntry(f"line {line} of media", path, None, parse_id(medium), deployment)
            for line, medium, path in media
        ]
        if None not in period:
            start, end = (datetime.fromtimestamp(at or 0, UTC) for at in period)
            built.period = (start, end + timedelta(seconds=1))
        _add_statements(built, [(line, msgspec.json.decode(text, type=Row)) for line, text in rows])
        return built

    def close(self) -> None:
        """Close and delete the database."""
        self._rows.close()


def _add_statements(event: ImportEvent, rows: list[tuple[int, Row]]) -> None:
    """Add what people state about an event, and the reason of each row that is left out."""
    stated: list[tuple[int, Row, ImportedIdentification]] = []
    for line, row in rows:
        if row.get("observationLevel", "event") != "event":
            event.add_fault(line, NOT_AN_EVENT)
        elif "eventID" not in row and "eventStart" not in row:
            event.add_fault(line, NAMELESS)
        elif row.get("classificationMethod") == "machine":
            event.add_fault(line, BY_MACHINE)
        elif row.get("observationType") in ("unclassified", None):
            event.add_fault(line, STATES_NOTHING)
        else:
            try:
                stated.append((line, row, build_statement(row, None)))
            except InvalidEntry as error:
                event.add_fault(line, str(error))
    kinds = {one.kind for _, _, one in stated}
    decisive = next((kind for kind in ("correct", "blank", "unsure") if kind in kinds), None)
    for line, row, one in stated:
        if decisive == "correct" and one.kind == "unsure":
            one = replace(one, kind="correct", name=UNKNOWN)
        if one.kind != decisive:
            event.add_fault(line, CONTRADICTS if decisive == "correct" else OF_SAME_KIND)
        elif event.statements and decisive != "correct":
            event.add_fault(line, OF_SAME_KIND)
        elif len(event.statements) >= MOST_TAXA:
            event.add_fault(line, f"is left out: its event has more than {MOST_TAXA} taxa")
        else:
            event.statements.append(one)
            event.ids.append(list_package_values(row) or [])


def _read_at(row: Row, column: str) -> float | None:
    """Return a time in seconds since 1970, or None if it is missing or is not a time."""
    try:
        at = parse_time(row, column)
    except InvalidEntry:
        return None
    return None if at is None else at.timestamp()
