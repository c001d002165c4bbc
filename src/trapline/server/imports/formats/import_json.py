"""Read a JSON object whose large lists are decoded one element at a time to save memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from trapline.server.imports.formats.import_records import (
    LONGEST_ENTRY,
    ModelInfo,
    UnreadableFile,
    map_file,
    sanitise_text,
)
from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.formats.json_stream import find_value_spans, list_element_spans
from trapline.wire.imports import ImportOptions

BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)
"""The exceptions of decoding invalid JSON."""


def format_json_error(error: Exception) -> str:
    """Return why JSON cannot be read, as a text that can be stored."""
    return sanitise_text(str(error), 500)


def _format_file_error(error: InvalidRequest) -> str:
    """Return the message for a file: it names the file, where that of a request names a body."""
    detail = error.detail.removesuffix(" Nothing was stored.")
    return detail.replace("The body", "The file", 1).replace("object", "object in UTF-8", 1)


class JsonFile:
    """A JSON file of one object, whose large lists are read element by element."""

    def __init__(self, path: Path) -> None:
        self.body = map_file(path)
        try:
            self.parts = find_value_spans(self.body)
        except InvalidRequest as error:
            self.body.close()
            raise UnreadableFile(_format_file_error(error)) from error

    def read_part(self, name: str, kind: Any) -> Any:
        """Read a short value; None if it is missing. Raises UnreadableFile."""
        start, end = self.parts.get(name, (0, 0))
        if end - start > LONGEST_ENTRY:
            raise UnreadableFile(f"`{name}` has more than {LONGEST_ENTRY >> 20} MiB.")
        try:
            return msgspec.json.decode(self.body[start:end], type=kind) if end else None
        except BROKEN as error:
            raise UnreadableFile(f"`{name}` cannot be read: {format_json_error(error)}.") from error

    def split(self, name: str) -> Iterator[bytes]:
        """Read the elements of a list. Raises UnreadableFile if the value is not a list."""
        for start, end in self.places(name):
            yield self.body[start:end]

    def places(self, name: str) -> Iterator[tuple[int, int]]:
        """Return the byte positions of the elements of a list.

        Raises:
            UnreadableFile: the value is not a list, or an element is too large.
        """
        if name not in self.parts:
            raise UnreadableFile(f"The file has no `{name}`.")
        try:
            for number, (start, end) in enumerate(
                list_element_spans(self.body, self.parts[name][0]), 1
            ):
                if end - start > LONGEST_ENTRY:
                    raise UnreadableFile(
                        f"Number {number:,} of `{name}` has more than {LONGEST_ENTRY >> 20} MiB."
                    )
                yield start, end
        except InvalidRequest as error:
            raise UnreadableFile(_format_file_error(error)) from error

    def close(self) -> None:
        """Close the file."""
        self.body.close()


def parse_category_names(names: Any, part: str) -> dict[str, str]:
    """Validate and return a map from numbers to names. Raises UnreadableFile."""
    if not isinstance(names, dict | None) or not all(
        isinstance(name, str) for name in (names or {}).values()
    ):
        raise UnreadableFile(f"`{part}` is not an object of names.")
    return dict(names or {})


def build_model_name(
    options: ImportOptions, name: object, version: object, usual: str
) -> ModelInfo:
    """Return the model of results: as requested, else as in the file, else a default."""
    stated = name if isinstance(name, str) and name.strip() else usual
    said = version if isinstance(version, str | int | float) and str(version).strip() else "unknown"
    return ModelInfo(
        options.model_name or sanitise_text(stated, 255),
        options.model_version or sanitise_text(str(said), 100),
    )
