"""The content of image files without their metadata."""

import asyncio
from dataclasses import dataclass, field

from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.caches import TtlCache
from trapline.server.platform.errors import NotFound, Unprocessable
from trapline.server.platform.imaging.metadata_removal import strip_metadata

KEPT, KEPT_S, LARGEST_KEPT = 8, 60.0, 32 << 20
LARGEST_SIDE = 65_500
"""The largest side of a JPEG, in pixels."""


@dataclass
class StrippedFiles:
    """The last stripped files by key; clients read large files in several parts."""

    kept: TtlCache[str, bytes] = field(default_factory=lambda: TtlCache(KEPT, KEPT_S))


async def read_stripped(system: AppContext, key: str) -> bytes:
    """Read a stored image file without its metadata.

    A file whose structure is not understood is decoded, and encoded as a JPEG.

    Raises:
        NotFound: the file is not in the store.
        Unprocessable: the file cannot be decoded.
    """
    cache = system.part(StrippedFiles).kept
    known = cache.get(key)
    if known is not None:
        return known
    content = b"".join([chunk async for chunk in system.store.open(key)])
    try:
        stripped = await asyncio.to_thread(strip_metadata, content)
    except NotFound:
        stripped = await _encode(system, key)
    if len(stripped) <= LARGEST_KEPT:
        cache.keep(key, stripped)
    return stripped


async def _encode(system: AppContext, key: str) -> bytes:
    async with system.store.local_path(key) as source, system.store.receive() as copy:
        failure = await system.decoders.generate_thumbnails(source, {LARGEST_SIDE: copy.path})
        if failure is not None:
            raise Unprocessable(
                "The metadata of this file cannot be removed, and it can contain the location of a "
                "sensitive taxon, which is withheld from your role. An owner of the project can "
                "download the file."
            )
        return await asyncio.to_thread(copy.path.read_bytes)
