"""JSON files that are taken in: one object, of whose large lists only one element is in memory at a time."""

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
"""What reading JSON of anybody's making raises."""


def format_json_error(error: Exception) -> str:
    """Why JSON cannot be read, in words that can be kept."""
    return sanitise_text(str(error), 500)


class JsonFile:
    """A JSON file of one object, whose large lists are read element by element."""

    def __init__(self, path: Path) -> None:
        self.body = map_file(path)
        try:
            self.parts = find_value_spans(self.body)
        except InvalidRequest as error:
            self.body.close()
            raise UnreadableFile(error.detail.removesuffix(" Nothing was stored.")) from error

    def read_part(self, name: str, kind: Any) -> Any:
        """Read a short value; None where there is none. Raises Unreadable."""
        start, end = self.parts.get(name, (0, 0))
        if end - start > LONGEST_ENTRY:
            raise UnreadableFile(f"`{name}` has more than {LONGEST_ENTRY >> 20} MiB.")
        try:
            return msgspec.json.decode(self.body[start:end], type=kind) if end else None
        except BROKEN as error:
            raise UnreadableFile(f"`{name}` cannot be read: {format_json_error(error)}.") from error

    def split(self, name: str) -> Iterator[bytes]:
        """Go through the elements of a list. Raises Unreadable where it is none."""
        for start, end in self.places(name):
            yield self.body[start:end]

    def places(self, name: str) -> Iterator[tuple[int, int]]:
        """Tell where the elements of a list lie.

        Raises Unreadable where it is none, or one is huge.
        """
        if name not in self.parts:
            raise UnreadableFile(f"It has no `{name}`.")
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
            raise UnreadableFile(error.detail.removesuffix(" Nothing was stored.")) from error

    def close(self) -> None:
        """Let the file go."""
        self.body.close()


def parse_category_names(told: Any, part: str) -> dict[str, str]:
    """Read a map from numbers to names. Raises Unreadable."""
    if not isinstance(told, dict | None) or not all(
        isinstance(name, str) for name in (told or {}).values()
    ):
        raise UnreadableFile(f"`{part}` is no object of names.")
    return dict(told or {})


def build_model_name(
    options: ImportOptions, name: object, version: object, usual: str
) -> ModelInfo:
    """What results are by: as it was asked for, else as the file says."""
    told = name if isinstance(name, str) and name.strip() else usual
    said = version if isinstance(version, str | int | float) and str(version).strip() else "unknown"
    return ModelInfo(
        options.model_name or sanitise_text(told, 255),
        options.model_version or sanitise_text(str(said), 100),
    )
