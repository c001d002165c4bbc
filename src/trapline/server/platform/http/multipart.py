"""Parse multipart uploads as a stream, without storing them in memory or temporary files."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.files.upload_paths import clean_path
from trapline.wire.values import validate_year

FIELDS = frozenset({"project", "deployment", "modified_at"})
"""The known fields; all others are skipped, so that a form with many fields needs no memory."""
MAX_FIELD_BYTES = 10_000
MAX_BOUNDARY_BYTES = 256
MAX_FIELDS = 100_000
MAX_HEADER_BYTES = 64 * 1024
"""The limit for the headers of one part; high enough for a very long file name."""
BATCH_BYTES = 512 * 1024
_ENCODED = ((b"%22", b'"'), (b"%0D", b"\r"), (b"%0A", b"\n"))
"""The characters that browsers encode in the file names of a form (HTML standard); no others."""


@dataclass
class FilePart:
    """One file of a form; its content must be read, or skipped, before the next part."""

    path: str
    modified_at: datetime | None
    _form: "MultipartForm" = field(repr=False)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Read the content, in pieces of about half a megabyte."""
        gathered: list[bytes] = []
        size = 0
        while (piece := await self._form.next_piece()) is not None:
            gathered.append(piece)
            size += len(piece)
            if size >= BATCH_BYTES:
                yield b"".join(gathered)
                gathered, size = [], 0
        if gathered:
            yield b"".join(gathered)


class MultipartForm:
    """A multipart form, read once and in order.

    `fields` contains the fields before the current file.
    """

    def __init__(self, request: Request) -> None:
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if (
            kind != b"multipart/form-data"
            or not 0 < len(options.get(b"boundary", b"")) <= MAX_BOUNDARY_BYTES
        ):
            raise InvalidRequest(
                "Send the files as multipart/form-data, in parts named `files`. Nothing was stored."
            )
        self.fields: dict[str, str] = {}
        self._stream = request.stream()
        self._events: list[tuple[str, Any]] = []
        self._position = 0
        self._name = b""
        self._headers: dict[str, bytes] = {}
        self._header_bytes = 0
        self._in_file = False
        self._parser = python_multipart.MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_headers_finished": lambda: self._events.append(("part", dict(self._headers))),
                "on_part_data": lambda data, start, end: self._events.append(
                    ("data", data[start:end])
                ),
                "on_part_end": lambda: self._events.append(("end", None)),
                "on_end": lambda: self._events.append(("finish", None)),
            },
            max_header_size=MAX_HEADER_BYTES,
        )

    async def files(self) -> AsyncIterator[FilePart]:
        """Read the form part by part; the unread rest of a file is skipped."""
        count = 0
        while True:
            if self._in_file:
                while await self.next_piece() is not None:
                    pass
            event, value = await self._next_event()
            if event == "finish":
                return
            if event != "part":
                continue
            count += 1
            if count > MAX_FIELDS:
                raise InvalidRequest(
                    f"The form has more than {MAX_FIELDS:,} parts. The files before were stored. "
                    "Send the others in another request."
                )
            _, options = parse_options_header(value.get("content-disposition", b""))
            name = options.get(b"name", b"").decode("utf-8", "replace")
            if b"filename" in options:
                self._in_file = True
                yield FilePart(
                    clean_path(_decode_name(options[b"filename"])), self._modified_at(), self
                )
            else:
                await self._read_field(name)

    async def next_piece(self) -> bytes | None:
        """Read the next bytes of the current part; None at its end."""
        event, value = await self._next_event()
        if event == "data":
            return bytes(value)
        self._in_file = False
        return None

    async def _read_field(self, name: str) -> None:
        value = b""
        while (piece := await self.next_piece()) is not None:
            value += piece
            if len(value) > MAX_FIELD_BYTES:
                raise InvalidRequest(
                    f"The field {name[:50]!r} is longer than {MAX_FIELD_BYTES} bytes. "
                    "The files before it were stored. Shorten it and send the others again."
                )
        if name in FIELDS:
            self.fields[name] = value.decode("utf-8", "replace")

    async def _next_event(self) -> tuple[str, Any]:
        while self._position >= len(self._events):
            self._events.clear()
            self._position = 0
            chunk = await anext(self._stream, b"")
            if not chunk:
                raise InvalidRequest(
                    "The form ended too early. The files before were stored. Send the others again."
                )
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise InvalidRequest(
                    "The form is not valid multipart/form-data. The files before the fault were "
                    "stored. Send the others again."
                ) from error
        event: tuple[str, Any] = self._events[self._position]
        self._position += 1
        return event

    def _modified_at(self) -> datetime | None:
        """Read the field `modified_at`, which applies only to the file that follows it."""
        raw = self.fields.pop("modified_at", None)
        try:
            moment = datetime.fromisoformat(raw) if raw else None
            return (
                validate_year(moment) if moment is not None and moment.tzinfo is not None else None
            )
        except ValueError:
            return None

    def _begin(self) -> None:
        self._headers.clear()
        self._name = b""
        self._header_bytes = 0

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        # A name can arrive in pieces; it ends where its value begins.
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        if self._name:
            self._present = self._name.decode("latin-1").lower()
            self._headers[self._present] = b""
            self._name = b""
        self._headers[self._present] += data[start:end]

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > MAX_HEADER_BYTES:
            raise InvalidRequest(
                f"The headers of a part have more than {MAX_HEADER_BYTES:,} bytes. The files "
                "before it were stored. Shorten its file name and send the others again."
            )


def _decode_name(raw: bytes) -> str:
    for encoded, character in _ENCODED:
        raw = raw.replace(encoded, character)
    return raw.decode("utf-8", "replace")
