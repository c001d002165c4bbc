"""A remote file that is open for reading."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class OpenFile:
    """An open remote file: its properties when it was opened, and its bytes.

    `is_end_confirmed` is false if the protocol does not distinguish the end of the file from a
    broken connection.
    """

    size: int | None
    modified_at: datetime | None
    etag: str | None
    chunks: AsyncIterator[bytes]
    is_end_confirmed: bool = True
