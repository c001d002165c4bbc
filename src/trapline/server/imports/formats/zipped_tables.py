"""The tables of a data package (Frictionless Data, specs.frictionlessdata.io) in a zip, row by row.

Whatever the zip says of itself, only a little of it is in memory at a time.
"""

import csv
import io
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from trapline.server.imports.formats.import_records import (
    MOST_ENTRIES,
    UnreadableFile,
    sanitise_text,
)
from trapline.server.platform.formats.spreadsheets import STARTS

PACKAGE = "datapackage.json"
LONGEST_PACKAGE = 4 << 20
LONGEST_DIRECTORY = 8 << 20
"""Of the files in the zip, some eighty thousand: each takes up some hundred bytes there, and a thousand in memory."""
PACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""What is unpacked: others take as much memory as whoever packed it wants."""
LONGEST_ROW = 1 << 20
MOST_UNPACKED = 16 << 30
BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError)
Row = dict[str, str]


class _Sober(io.FileIO):
    """A file that is never read much of at once: its zip's directory is, whatever size the zip says that has."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            size = os.fstat(self.fileno()).st_size - self.tell()
        if size > LONGEST_DIRECTORY:
            raise zipfile.BadZipFile(f"its directory has more than {LONGEST_DIRECTORY >> 20} MiB")
        return super().read(size) or b""


class _Lines:
    """The lines of a table for a reader of CSV, whose rows may go over many.

    Raises Unreadable where one is huge.
    """

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._file, self.of_row = file, 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(LONGEST_ROW)
        self.of_row += len(line)
        if self.of_row >= LONGEST_ROW:
            raise UnreadableFile(f"A line of a table has more than {LONGEST_ROW:,} characters.")
        if not line:
            raise StopIteration
        return line


class ZippedTables:
    """Reads the tables of a package, each by its name.

    Raises Unreadable, and BROKEN while it is read.
    """

    def __init__(self, path: Path, tables: Sequence[str]) -> None:
        self._file = _Sober(path)
        self.package: dict[str, Any] = {}
        try:
            self._archive = zipfile.ZipFile(self._file)
            self._names = self._find(tables)
        except UnreadableFile:
            self._file.close()
            raise
        except BROKEN as error:
            self._file.close()
            raise UnreadableFile(
                f"It is no zip of a data package: {sanitise_text(str(error), 200)}."
            ) from error

    def _find(self, tables: Sequence[str]) -> dict[str, str]:
        files = {info.filename: info for info in self._archive.infolist() if not info.is_dir()}
        if sum(info.file_size for info in files.values()) > MOST_UNPACKED:
            raise UnreadableFile(f"Unpacked it has more than {MOST_UNPACKED >> 30} GiB.")
        home = min(
            (name for name in files if name.rpartition("/")[2] == PACKAGE), key=len, default=None
        )
        if home is None:
            raise UnreadableFile(f"It has no {PACKAGE}, so it is no data package.")
        if files[home].file_size > LONGEST_PACKAGE:
            raise UnreadableFile(f"{PACKAGE} has more than {LONGEST_PACKAGE:,} bytes.")
        _check_packing(files[home])
        folder = home.removesuffix(PACKAGE)
        try:
            with self._archive.open(
                home
            ) as file:  # which unpacks no more than is asked for, whatever it says it has
                package = msgspec.json.decode(file.read(LONGEST_PACKAGE))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise UnreadableFile(
                f"{PACKAGE} cannot be read: {sanitise_text(str(error), 200)}."
            ) from error
        self.package = package if isinstance(package, dict) else {}
        told = self.package.get("resources")
        found = {}
        for resource in told if isinstance(told, list) else ():
            if isinstance(resource, dict) and resource.get("name") in tables:
                found[str(resource["name"])] = folder + str(resource.get("path"))
        for table in tables:
            name = found.setdefault(table, f"{folder}{table}.csv")
            if name not in files:
                raise UnreadableFile(
                    f"It has no {sanitise_text(name, 200)}, which {PACKAGE} names."
                )
            _check_packing(files[name])
        return found

    def read(self, table: str) -> Iterator[tuple[int, Row]]:
        """Go through the rows of a table, each by its line; empty cells are left out."""
        rows = 0
        with self._archive.open(self._names[table]) as file:
            lines = _Lines(io.TextIOWrapper(file, "utf-8-sig", errors="replace", newline=""))
            reader = csv.reader(lines)
            try:
                header = [name.strip() for name in next(reader, [])]
                for cells in reader:
                    lines.of_row = 0
                    told = {
                        name: _clean(cell)
                        for name, cell in zip(header, cells, strict=False)
                        if cell.strip()
                    }
                    rows += 1
                    if rows > MOST_ENTRIES:
                        raise UnreadableFile(f"{table} has more than {MOST_ENTRIES:,} lines.")
                    if told:
                        yield reader.line_num, told
            except csv.Error as error:
                raise UnreadableFile(
                    f"Line {reader.line_num} of {table} is no CSV: {error}."
                ) from error

    def close(self) -> None:
        """Let the file go."""
        self._archive.close()
        self._file.close()


def _check_packing(info: zipfile.ZipInfo) -> None:
    if info.compress_type not in PACKED:
        raise UnreadableFile(
            f"{sanitise_text(info.filename, 200)} is packed in a rare way: it must be stored or deflated."
        )


def _clean(cell: str) -> str:
    told = cell.strip()
    return told[1:] if told.startswith("'") and told[1:].startswith(STARTS) else told
