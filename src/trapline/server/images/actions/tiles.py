"""Tiles of large images, generated when the first one is read."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

import structlog

from trapline.server.images.actions.image_import import require_disk_space
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.caches import TtlCache
from trapline.server.platform.errors import InvalidRequest, NotFound, Unprocessable
from trapline.server.platform.imaging.tile_files import (
    HEADER,
    MAGIC,
    RANGE,
    TileName,
    find_range_position,
)
from trapline.server.platform.store.storage_keys import (
    build_original_key,
    build_upright_key,
    parse_key,
    parse_project_id,
)

log = structlog.get_logger(__name__)

HEAD_BYTES = 16 * 1024
"""The positions of the tiles of nearly every image are in this part of their file."""
FAILURES, FAILURE_S = 1000, 60.0
_TILE = re.compile(r"(\d{1,2})-(\d{1,6})-(\d{1,6})", re.ASCII)


@dataclass
class TileGeneration:
    """The locks of files that this process generates, and the reasons of the last failures."""

    locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    failures: TtlCache[str, str] = field(default_factory=lambda: TtlCache(FAILURES, FAILURE_S))


async def get_tile_range(system: AppContext, key: str, tile: str | None) -> tuple[int, int]:
    """Return the position and the size in bytes of a tile, named LEVEL-COLUMN-ROW, in its file.

    The file is generated if it does not exist. It is stored complete or not at all, and depends
    only on the original, so it does not matter if two processes generate it at the same time or if
    one is killed.

    Raises:
        InvalidRequest: the tile is not named correctly.
        NotFound: the image has no such tile, or its file is missing.
        Unprocessable: the image cannot be decoded.
        ServiceUnavailable: the disk of the store is almost full.
    """
    named = _TILE.fullmatch(tile or "")
    if named is None:
        raise InvalidRequest(
            "The URL must name a tile: append &tile=LEVEL-COLUMN-ROW, such as &tile=0-0-0."
        )
    head = await _find_head(system, key)
    if head is None:
        generation = system.part(TileGeneration)
        lock = generation.locks.setdefault(key, asyncio.Lock())
        async with lock:
            head = await _find_head(system, key)
            if head is None:
                await _generate(system, key, generation.failures)
                head = await _find_head(system, key)
    at = None if head is None else find_range_position(head, TileName(*map(int, named.groups())))
    if head is None or at is None:
        raise NotFound
    if at + RANGE.size <= len(head):
        first, end = RANGE.unpack_from(head, at)
    else:
        first, end = RANGE.unpack(await _read(system, key, at, RANGE.size))
    return first, end - first


async def _find_head(system: AppContext, key: str) -> bytes | None:
    """Find the beginning of a file of tiles; None if the file is missing or damaged."""
    with suppress(NotFound):
        head = await _read(system, key, 0, HEAD_BYTES)
        if head.startswith(MAGIC) and len(head) > HEADER.size:
            return head
    return None


async def _read(system: AppContext, key: str, first: int, length: int) -> bytes:
    return b"".join([chunk async for chunk in system.store.open(key, first, length)])


async def _generate(system: AppContext, key: str, failures: TtlCache[str, str]) -> None:
    reason = failures.get(key)
    if reason is None:
        await require_disk_space(system)
        project_id, sha256 = parse_project_id(key), parse_key(key)[-1]
        source = build_upright_key(project_id, sha256)
        if await system.store.find_size(source) is None:
            source = build_original_key(project_id, sha256)
        async with system.store.local_path(source) as path, system.store.receive() as tiles:
            failure = await system.decoders.generate_tiles(path, tiles.path, project_id)
            if failure is None:
                await system.store.keep(tiles, key)
                log.info("the tiles of an image were generated", key=key)
                return
        reason = failure.reason
        failures.keep(key, reason)
        log.warning("the tiles of an image were not generated", key=key, reason=reason)
    raise Unprocessable(
        f"The tiles of this image cannot be generated: {reason}. The image is kept. "
        "Download its file to see it in full size."
    )
