"""JSON files that are taken in: one object, of whose large lists only one element is in memory at a time."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from trapline.server.imports.formats.import_records import LONGEST_ENTRY, Model, Unreadable, map_file, plain
from trapline.server.platform.errors import Invalid
from trapline.server.platform.formats.json_stream import find_parts, split_list
from trapline.wire.imports import ImportOptions

BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)
"""What reading JSON of anybody's making raises."""


def explain(error: Exception) -> str:
    """Why JSON cannot be read, in words that can be kept."""
    return plain(str(error), 500)


class JsonFile:
    """A JSON file of one object, whose large lists are read element by element."""

    def __init__(self, path: Path) -> None:
        self.body = map_file(path)
        try:
            self.parts = find_parts(self.body)
        except Invalid as error:
            self.body.close()
            raise Unreadable(error.detail.removesuffix(" Nothing was stored.")) from error

    def read_part(self, name: str, kind: Any) -> Any:
        """Read a short value; None where there is none. Raises Unreadable."""
        start, end = self.parts.get(name, (0, 0))
        if end - start > LONGEST_ENTRY:
            raise Unreadable(f"`{name}` has more than {LONGEST_ENTRY >> 20} MiB.")
        try:
            return msgspec.json.decode(self.body[start:end], type=kind) if end else None
        except BROKEN as error:
            raise Unreadable(f"`{name}` cannot be read: {explain(error)}.") from error

    def split(self, name: str) -> Iterator[bytes]:
        """Go through the elements of a list. Raises Unreadable where it is none."""
        for start, end in self.places(name):
            yield self.body[start:end]

    def places(self, name: str) -> Iterator[tuple[int, int]]:
        """Tell where the elements of a list lie. Raises Unreadable where it is none, or one is huge."""
        if name not in self.parts:
            raise Unreadable(f"It has no `{name}`.")
        try:
            for number, (start, end) in enumerate(split_list(self.body, self.parts[name][0]), 1):
                if end - start > LONGEST_ENTRY:
                    raise Unreadable(f"Number {number:,} of `{name}` has more than {LONGEST_ENTRY >> 20} MiB.")
                yield start, end
        except Invalid as error:
            raise Unreadable(error.detail.removesuffix(" Nothing was stored.")) from error

    def close(self) -> None:
        """Let the file go."""
        self.body.close()


def read_names(told: Any, part: str) -> dict[str, str]:
    """Read a map from numbers to names. Raises Unreadable."""
    if not isinstance(told, dict | None) or not all(isinstance(name, str) for name in (told or {}).values()):
        raise Unreadable(f"`{part}` is no object of names.")
    return dict(told or {})


def name_model(options: ImportOptions, name: object, version: object, usual: str) -> Model:
    """What results are by: as it was asked for, else as the file says."""
    told = name if isinstance(name, str) and name.strip() else usual
    said = version if isinstance(version, str | int | float) and str(version).strip() else "unknown"
    return Model(options.model_name or plain(told, 255), options.model_version or plain(str(said), 100))
