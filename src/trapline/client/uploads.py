"""Files on their way up, counted as they go."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO

Part = tuple[str, tuple[str, BinaryIO] | tuple[None, str]]


class CountedFile(FileIO):
    """A file opened for reading that tells how many bytes were taken from it."""

    def __init__(self, path: Path, taken: Callable[[int], None]) -> None:
        super().__init__(path, "rb")
        self._taken = taken

    def readinto(self, buffer: bytearray | memoryview, /) -> int | None:  # type: ignore[override]
        """Read into the buffer, and tell."""
        count = super().readinto(buffer)
        if count:
            self._taken(count)
        return count


@contextmanager
def open_parts(files: Sequence[Path], progress: Callable[[int, int], None] | None) -> Iterator[list[Part]]:
    """The files as parts of a form, opened, each after the time when it was last changed.

    `progress(sent, total)` is called in bytes of the files.
    """
    total = sum(path.stat().st_size for path in files)
    sent = 0

    def taken(count: int) -> None:
        nonlocal sent
        sent += count
        if progress is not None:
            progress(sent, total)

    with ExitStack() as stack:
        parts: list[Part] = []
        for path in files:
            changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            reader = stack.enter_context(BufferedReader(CountedFile(path, taken), 256 * 1024))
            parts.append(("modified_at", (None, changed.isoformat())))
            parts.append(("files", (path.name, reader)))
        yield parts
