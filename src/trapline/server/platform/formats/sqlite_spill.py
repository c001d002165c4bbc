"""Parts of a large file by what they belong to, kept in a temporary database: they may stand in any order."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

CACHE_KIB = 32 << 10


class SpilledPart(NamedTuple):
    """A part: its number among those of its kind, and either where it lies or what it says."""

    number: int
    start: int
    end: int
    text: bytes | None


class SqliteSpill:
    """Parts under the keys of what owns them, and the owners, each by its number."""

    def __init__(self) -> None:
        # Threads use it one after the other.
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for statement in (
            f"pragma cache_size = -{CACHE_KIB}",
            "pragma journal_mode = off",
            "pragma synchronous = off",
            "create table owners (key text primary key, number int, said text) without rowid",
            "create table parts (key text, number int, first int, last int, said blob)",
            "begin",
        ):
            self._rows.execute(statement)
        self.orphans = 0

    def add_owners(self, owners: Iterable[tuple[str, int, str | None]]) -> None:
        """Add owners by key and number, with a word of each; of those with one key the first counts."""
        self._rows.executemany("insert or ignore into owners values (?, ?, ?)", owners)

    def add_parts(self, parts: Iterable[tuple[str, int, int, int, bytes | None]]) -> None:
        """Add parts: the key of the owner, the number, where it lies, what it says."""
        self._rows.executemany("insert into parts values (?, ?, ?, ?, ?)", parts)

    def build_index(self) -> None:
        """Be told that everything is added."""
        self._rows.execute("create index by_key on parts (key)")
        self._rows.execute(
            "create table lost as select * from parts where key not in (select key from owners)"
        )
        self.orphans = int(self._rows.execute("select count(*) from lost").fetchone()[0])

    def get_number(self, key: str) -> int | None:
        """The number of the owner with a key."""
        row = self._rows.execute("select number from owners where key = ?", (key,)).fetchone()
        return None if row is None else int(row[0])

    def get_owner_data(self, key: str) -> str | None:
        """The word of the owner with a key."""
        row = self._rows.execute("select said from owners where key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def get_size(self, key: str) -> tuple[int, int]:
        """How many parts an owner has, and of how many bytes."""
        what = "count(*), ifnull(sum(last - first + ifnull(length(said), 0)), 0)"
        row = self._rows.execute(f"select {what} from parts where key = ?", (key,)).fetchone()  # noqa: S608 - a constant
        return int(row[0]), int(row[1])

    def list_parts(self, key: str) -> list[SpilledPart]:
        """The parts of an owner, in order."""
        found = self._rows.execute(
            "select number, first, last, said from parts where key = ? order by number", (key,)
        )
        return [SpilledPart(*row) for row in found.fetchall()]

    def list_orphans(self) -> Iterator[tuple[str, int]]:
        """Go through the parts whose owner is not there: its key, and the number of the part."""
        cursor = self._rows.cursor()
        yield from cursor.execute("select key, number from lost order by number")

    def close(self) -> None:
        """Let go of it."""
        self._rows.close()
