"""Stored files, given to whoever has a signed address."""

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from trapline.server.errors import Forbidden, NotFound
from trapline.server.imaging.kinds import HEAD_BYTES, Taken, tell_kind
from trapline.server.store.keys import FILES, is_signed, parts_of
from trapline.server.system import System

INLINE = frozenset({"image/jpeg", "image/png", "image/webp"})


@dataclass(frozen=True)
class StoredFile:
    """A file to give: its size, and its type as its own first bytes say, whatever anybody claimed."""

    key: str
    size: int
    media_type: str

    @property
    def is_inline(self) -> bool:
        """Whether a browser may show it in place; anything else is only ever downloaded."""
        return self.media_type in INLINE


async def find_file(system: System, method: str, key: str, query: Mapping[str, str]) -> StoredFile:
    """Find a stored file by its signed address. Raises NotFound, and Forbidden where the address does not hold."""
    parts_of(key)
    if not is_signed(system.secrets.derive_all(FILES), method, key, query, time.time()):
        raise Forbidden("This address has expired or was changed. Load the page, or ask for the image, again.")
    size = await system.store.find_size(key)
    if size is None:
        raise NotFound
    head = b"".join([chunk async for chunk in system.store.open(key, 0, HEAD_BYTES)])
    kind = tell_kind(head)
    return StoredFile(key, size, kind.media_type if isinstance(kind, Taken) else "application/octet-stream")


def read_file(system: System, file: StoredFile, first: int, length: int) -> AsyncIterator[bytes]:
    """Read a part of a stored file."""
    return system.store.open(file.key, first, length)
