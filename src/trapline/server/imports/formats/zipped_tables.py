"""Read the tables of a data package (Frictionless Data, specs.frictionlessdata.io) from a zip.

Rows are read one by one with limits on memory, whatever sizes the zip declares.
"""

import csv
import io
import os
import re
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
"""Limits the zip to about 80,000 files: each takes about 100 bytes here, and 1,000 in memory."""
PACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Supported compression methods; the memory of others depends on the zip's creator."""
LONGEST_ROW = 1 << 20
MOST_UNPACKED = 16 << 30
BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError)
NUL = "\x00"
_UNDECODED = re.compile("[\ud800-\udfff]")
"""Bytes that are not UTF-8, as `surrogateescape` decodes them."""
Row = dict[str, str]


class _BoundedFile(io.FileIO):
    """A file that limits the size of each read.

    `zipfile` reads the directory in one call with the size that the zip declares.
    """

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            size = os.fstat(self.fileno()).st_size - self.tell()
        if size > LONGEST_DIRECTORY:
            raise zipfile.BadZipFile(f"its directory has more than {LONGEST_DIRECTORY >> 20} MiB")
        return super().read(size) or b""


class _Lines:
    """The lines of a table for `csv.reader`; one row may span several lines.

    Raises:
        UnreadableFile: a row is too long, or a line is not UTF-8 text.
    """

    def __init__(self, table: str, file: io.TextIOWrapper) -> None:
        self._table, self._file, self._number, self.of_row = table, file, 0, 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(LONGEST_ROW)
        self.of_row += len(line)
        if self.of_row >= LONGEST_ROW:
            raise UnreadableFile(f"A line of a table has more than {LONGEST_ROW:,} characters.")
        if not line:
            raise StopIteration
        self._number += 1
        if NUL in line or (not line.isascii() and _UNDECODED.search(line)):
            raise UnreadableFile(
                f"Line {self._number:,} of {self._table} is not UTF-8 text. Save the table in "
                "UTF-8 without NUL characters, and pack it again."
            )
        return line


class ZippedTables:
    """Read the tables of a package by their names.

    Raises:
        UnreadableFile: the zip or its descriptor is not valid.
        BROKEN: reading a table failed.
    """

    def __init__(self, path: Path, tables: Sequence[str]) -> None:
        self._file = _BoundedFile(path)
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
                f"The file is not a zip of a data package: {sanitise_text(str(error), 200)}."
            ) from error

    def _find(self, tables: Sequence[str]) -> dict[str, str]:
        files = {info.filename: info for info in self._archive.infolist() if not info.is_dir()}
        if sum(info.file_size for info in files.values()) > MOST_UNPACKED:
            raise UnreadableFile(f"The unpacked files have more than {MOST_UNPACKED >> 30} GiB.")
        home = min(
            (name for name in files if name.rpartition("/")[2] == PACKAGE), key=len, default=None
        )
        if home is None:
            raise UnreadableFile(f"The zip has no {PACKAGE}, so it is not a data package.")
        if files[home].file_size > LONGEST_PACKAGE:
            raise UnreadableFile(f"{PACKAGE} has more than {LONGEST_PACKAGE:,} bytes.")
        _check_packing(files[home])
        folder = home.removesuffix(PACKAGE)
        try:
            # At most LONGEST_PACKAGE bytes are unpacked, whatever size the zip declares.
            with self._archive.open(home) as file:
                package = msgspec.json.decode(file.read(LONGEST_PACKAGE))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise UnreadableFile(
                f"{PACKAGE} cannot be read: {sanitise_text(str(error), 200)}."
            ) from error
        self.package = package if isinstance(package, dict) else {}
        resources = self.package.get("resources")
        found = {}
        for resource in resources if isinstance(resources, list) else ():
            if isinstance(resource, dict) and resource.get("name") in tables:
                found[str(resource["name"])] = folder + str(resource.get("path"))
        for table in tables:
            name = found.setdefault(table, f"{folder}{table}.csv")
            if name not in files:
                raise UnreadableFile(
                    f"The zip has no {sanitise_text(name, 200)}, which {PACKAGE} names."
                )
            _check_packing(files[name])
        return found

    def read(self, table: str) -> Iterator[tuple[int, Row]]:
        """Read the rows of a table with their line numbers; empty cells are left out.

        A cell without a column name, or in the second of two columns with one name, is named by its
        position: `column 7`.
        """
        rows = 0
        with self._archive.open(self._names[table]) as file:
            text = io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="")
            lines = _Lines(table, text)
            reader = csv.reader(lines)
            try:
                header = _name_columns(next(reader, []))
                for cells in reader:
                    lines.of_row = 0
                    if len(cells) > len(header):
                        header += map(_name_position, range(len(header), len(cells)))
                    row = {
                        name: _clean(cell)
                        for name, cell in zip(header, cells, strict=False)
                        if cell.strip()
                    }
                    rows += 1
                    if rows > MOST_ENTRIES:
                        raise UnreadableFile(f"{table} has more than {MOST_ENTRIES:,} lines.")
                    if row:
                        yield reader.line_num, row
            except csv.Error as error:
                raise UnreadableFile(
                    f"Line {reader.line_num} of {table} is not valid CSV: {error}."
                ) from error

    def close(self) -> None:
        """Close the file."""
        self._archive.close()
        self._file.close()


def _check_packing(info: zipfile.ZipInfo) -> None:
    if info.compress_type not in PACKED:
        raise UnreadableFile(
            f"{sanitise_text(info.filename, 200)} is compressed with an unsupported method: "
            "use stored or deflated."
        )


def _name_columns(names: Sequence[str]) -> list[str]:
    columns: dict[str, None] = {}
    for place, name in enumerate(one.strip() for one in names):
        columns[_name_position(place) if not name or name in columns else name] = None
    return list(columns)


def _name_position(place: int) -> str:
    return f"column {place + 1}"


def _clean(cell: str) -> str:
    text = cell.strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(STARTS) else text
