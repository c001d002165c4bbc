"""Group the parts of a large file by owner in a temporary database; they may come in any order."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from trapline.server.platform.formats.temporary_database import open_temporary_database

CACHE_KIB = 32 << 10


class SpilledPart(NamedTuple):
    """A part: its number among those of its kind, and either its position or its text."""

    number: int
    start: int
    end: int
    text: bytes | None


class SqliteSpill:
    """A temporary database of numbered owners, and of parts by the key of their owner."""

    def __init__(self) -> None:
        self._rows = open_temporary_database(CACHE_KIB)
        for statement in (
            "create table owners (key text primary key, number int, data text) without rowid",
            "create table parts (key text, number int, first int, last int, text blob)",
            "begin",
        ):
            self._rows.execute(statement)
        self.orphans = 0

    def add_owners(self, owners: Iterable[tuple[str, int, str | None]]) -> None:
        """Add owners: key, number and data. Of several owners with one key, the first counts."""
        self._rows.executemany("insert or ignore into owners values (?, ?, ?)", owners)

    def add_parts(self, parts: Iterable[tuple[str, int, int, int, bytes | None]]) -> None:
        """Add parts: the key of the owner, the number, the start and end position, the text."""
        self._rows.executemany("insert into parts values (?, ?, ?, ?, ?)", parts)

    def build_index(self) -> None:
        """Build the index and count the orphans, after all owners and parts were added."""
        self._rows.execute("create index by_key on parts (key)")
        self._rows.execute(
            "create table orphans as select * from parts where key not in (select key from owners)"
        )
        self.orphans = int(self._rows.execute("select count(*) from orphans").fetchone()[0])

    def get_number(self, key: str) -> int | None:
        """Return the number of the owner with a key."""
        row = self._rows.execute("select number from owners where key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def get_owner_data(self, key: str) -> str | None:
        """Return the data of the owner with a key."""
        row = self._rows.execute("select data from owners where key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def get_size(self, key: str) -> tuple[int, int]:
        """Return the number of an owner's parts and their size in bytes."""
        row = self._rows.execute(
            "select count(*), ifnull(sum(last - first + ifnull(length(text), 0)), 0)"
            " from parts where key = ?",
            (key,),
        ).fetchone()
        return int(row[0]), int(row[1])

    def list_parts(self, key: str) -> list[SpilledPart]:
        """List the parts of an owner, in order of their numbers."""
        found = self._rows.execute(
            "select number, first, last, text from parts where key = ? order by number", (key,)
        )
        return [SpilledPart(*row) for row in found.fetchall()]

    def list_orphans(self) -> Iterator[tuple[str, int]]:
        """Iterate over the parts without an owner: the owner's key and the part's number."""
        cursor = self._rows.cursor()
        yield from cursor.execute("select key, number from orphans order by number")

    def close(self) -> None:
        """Close and delete the database."""
        self._rows.close()
