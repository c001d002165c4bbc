"""Thumbnails, made in batches off the request path."""

import asyncio
from contextlib import AsyncExitStack
from uuid import UUID

import structlog

from trapline.server.db.images import ImageRow, mark_thumbnails, take_without_thumbnails
from trapline.server.errors import NotFound
from trapline.server.rules.access import Scope
from trapline.server.store.keys import THUMBNAIL_SIZES, thumbnail_key
from trapline.server.system import System

log = structlog.get_logger(__name__)

BATCH = 16


async def make_thumbnails(system: System, scope: Scope) -> int:
    """Make the thumbnails of one batch of images; answers how many images were dealt with.

    The rows stay locked meanwhile, so that several processes share the work; killed anywhere, it is done again.
    """
    async with system.database.transaction(scope) as tx:
        rows = await take_without_thumbnails(scope, tx, BATCH)
        outcomes = await asyncio.gather(*[_make(system, row) for row in rows])
        made = [row.id for row, is_made in zip(rows, outcomes, strict=True) if is_made]
        failed = [row.id for row, is_made in zip(rows, outcomes, strict=True) if not is_made]
        await mark_thumbnails(scope, tx, made, failed)
    return len(rows)


async def _make(system: System, row: ImageRow) -> bool:
    try:
        return await _make_sizes(system, row.id, row.upright_key or row.storage_key)
    except NotFound:
        log.error("an image's file is missing from the store", image=str(row.id), key=row.storage_key)
        return False


async def _make_sizes(system: System, image_id: UUID, key: str) -> bool:
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(system.store.local_path(key))
        outputs = {size: await stack.enter_async_context(system.store.receive()) for size in THUMBNAIL_SIZES}
        trouble = await system.decoders.make_thumbnails(source, {size: out.path for size, out in outputs.items()})
        if trouble is not None:
            log.warning("no thumbnails could be made", image=str(image_id), reason=trouble.reason)
            return False
        for size, out in outputs.items():
            await system.store.keep(out, thumbnail_key(image_id, size))
    return True
