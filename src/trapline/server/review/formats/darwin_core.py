"""Darwin Core Archives (TDWG, "Darwin Core text guide"): taxa, and files of vernacular names."""

import io
import zipfile
import zlib
from xml.etree import ElementTree as ET

from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.formats.spreadsheets import decode_text
from trapline.server.review.formats.taxon_tables import (
    LineReader,
    TaxonTable,
    build_table,
    open_cell_reader,
    parse_column_name,
    parse_language,
    parse_lines,
    parse_table,
)

MOST_FILES = 1000
MOST_META = 1 << 20
MOST_COLUMNS = 500
MOST_UNPACKED = 48 << 20
MOST_COMMON_NAMES = 500_000
META = "meta.xml"
DIRECTORY = b"PK\x01\x02"
"""Signature of an entry in the central directory of a zip file."""

_SPACE = "{http://rs.tdwg.org/dwc/text/}"
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r"}


def read_archive(body: bytes) -> TaxonTable:
    """Read the taxa of an archive, or of a single table in a zip file. Raises InvalidRequest."""
    if body.count(DIRECTORY) > MOST_FILES:
        raise InvalidRequest(
            f"The archive has more than {MOST_FILES:,} files. Nothing was changed."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return _Archive(archive).read()
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise InvalidRequest(
            f"This archive cannot be unpacked: {error}. Nothing was changed."
        ) from error


class _Archive:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = MOST_UNPACKED

    def read(self) -> TaxonTable:
        names = [info.filename for info in self._archive.infolist() if not info.is_dir()]
        if META not in names:
            if len(names) != 1:
                raise InvalidRequest(
                    f"This archive has no {META}, which describes its files. Nothing was changed."
                )
            return parse_table(self._unpack(names[0], self._left))
        text = decode_text(self._unpack(META, MOST_META))
        # Entities can exhaust the memory of a parser, and no archive needs them.
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise InvalidRequest(f"{META} declares entities. Nothing was changed.")
        try:
            meta = ET.fromstring(text)  # noqa: S314 - nothing is declared in it
        except (ET.ParseError, ValueError) as error:
            raise InvalidRequest(f"{META} cannot be read: {error}. Nothing was changed.") from error
        core = meta.find(f"{_SPACE}core")
        if core is None or not core.get("rowType", "").endswith("/Taxon"):
            raise InvalidRequest(
                f"The core of this archive is not a list of taxa, according to its {META}. "
                "Nothing was changed."
            )
        columns, reader = self._open(core, "id")
        if "external_id" not in columns:
            columns = ["external_id" if name == "id" else name for name in columns]
        table = build_table(columns, reader)
        for extension in meta.findall(f"{_SPACE}extension"):
            if extension.get("rowType", "").endswith("/VernacularName"):
                self._add_names(table, extension)
        return table

    def _add_names(self, table: TaxonTable, extension: ET.Element) -> None:
        columns, reader = self._open(extension, "coreid")
        for count, row in enumerate(parse_lines(reader)):
            if count == MOST_COMMON_NAMES:
                raise InvalidRequest(
                    f"The archive has more than {MOST_COMMON_NAMES:,} common names. "
                    "Nothing was changed. Import it in parts."
                )
            cells = dict(zip(columns, row, strict=False))
            name = cells.get("common_name", "").strip()
            if name:
                of_taxon = table.common_names.setdefault(cells.get("id", "").strip(), {})
                of_taxon.setdefault(parse_language(cells.get("language", "")), []).append(name)

    def _open(self, described: ET.Element, key: str) -> tuple[list[str], LineReader]:
        """Open a file that meta.xml describes: return its columns and a reader after its header."""
        location = described.find(f"{_SPACE}files/{_SPACE}location")
        name = "" if location is None else (location.text or "").strip()
        if described.get("encoding", "UTF-8").upper() not in ("UTF-8", "UTF8"):
            raise InvalidRequest(f"{name[:100]} is not in UTF-8. Nothing was changed.")
        text = decode_text(self._unpack(name, self._left))
        separator, quote = (
            _unescape(described.get(f"fields{what}", usual)) for what, usual in _USUAL
        )
        if len(separator) != 1 or len(quote) > 1:
            raise InvalidRequest(
                f"{META} separates the cells of {name[:100]} by more than one character. "
                "Nothing was changed."
            )
        reader = open_cell_reader(text, separator, quote or None)
        for _ in range(min(_number(described.get("ignoreHeaderLines")), 10)):
            next(parse_lines(reader), None)
        return _list_columns(described, key), reader

    def _unpack(self, name: str, at_most: int) -> bytes:
        """Unpack at most `at_most` bytes of a file. Raises InvalidRequest if it has more."""
        try:
            info = self._archive.getinfo(name)
        except KeyError as error:
            raise InvalidRequest(
                f"{META} names {name[:100]!r}, which is not in the archive. Nothing was changed."
            ) from error
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InvalidRequest(
                f"{name[:100]} has a compression method that is not supported. "
                "Nothing was changed. Use deflate."
            )
        with self._archive.open(info) as file:
            content = file.read(at_most + 1)
        if len(content) > at_most:
            raise InvalidRequest(
                f"{name[:100]} is too large when it is unpacked. Nothing was changed. "
                "Import it in parts."
            )
        self._left -= len(content)
        return content


_USUAL = (("TerminatedBy", ","), ("EnclosedBy", '"'))


def _unescape(text: str) -> str:
    return _ESCAPES.get(text, text)


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 9 else 0


def _list_columns(described: ET.Element, key: str) -> list[str]:
    """List the names of columns in order; `id` identifies a taxon and may also be its taxonID."""
    places: dict[int, str] = {}
    for one in described.findall(f"{_SPACE}field"):
        if one.get("index") is not None:
            places[_number(one.get("index"))] = parse_column_name(one.get("term", ""))
    place = described.find(f"{_SPACE}{key}")
    if place is not None:
        index = _number(place.get("index"))
        places[index] = places.get(index, "id") if key == "id" else "id"
    return [
        places.get(index, "") for index in range(min(max(places, default=-1), MOST_COLUMNS) + 1)
    ]
