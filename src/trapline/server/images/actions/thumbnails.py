"""Thumbnails, generated in batches by background processes."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from uuid import UUID

import structlog

from trapline.server.images.actions.image_import import CLAIM
from trapline.server.images.queries.images import (
    ImageRow,
    claim_images_without_thumbnails,
    mark_thumbnails,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import NotFound
from trapline.server.platform.store.object_store import IncomingFile
from trapline.server.platform.store.storage_keys import THUMBNAIL_SIZES, build_thumbnail_key

log = structlog.get_logger(__name__)

BATCH = 16


async def generate_thumbnails(system: AppContext, scope: Scope) -> int:
    """Generate the thumbnails of one batch of images; return the number of images.

    The images are claimed first, and each is marked in its own transaction. So several processes
    share the work, no transaction waits for a decoder, and an image that fails does not affect
    others. After a kill, another process repeats the work when the claim expires.
    """
    async with system.database.transaction(scope) as tx:
        rows = await claim_images_without_thumbnails(scope, tx, BATCH, CLAIM)
    outcomes = await asyncio.gather(
        *[_deal_with(system, scope, row) for row in rows], return_exceptions=True
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return len(rows)


async def _deal_with(system: AppContext, scope: Scope, row: ImageRow) -> None:
    made = await _make(system, row)
    async with system.database.transaction(scope) as tx:
        await mark_thumbnails(scope, tx, row.id, made=made)


async def _make(system: AppContext, row: ImageRow) -> bool:
    try:
        return await _make_sizes(system, row, row.upright_key or row.storage_key)
    except NotFound:
        log.error(
            "an image's file is missing from the store", image=str(row.id), key=row.storage_key
        )
        return False


async def _make_sizes(system: AppContext, row: ImageRow, key: str) -> bool:
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(system.store.local_path(key))
        outputs = {
            size: await stack.enter_async_context(system.store.receive())
            for size in THUMBNAIL_SIZES
        }
        paths = {size: output.path for size, output in outputs.items()}
        failure = await system.decoders.generate_thumbnails(source, paths, row.project_id)
        if failure is not None:
            log.warning("thumbnails were not generated", image=str(row.id), reason=failure.reason)
            return False
        await save_thumbnails(system, row.id, outputs)
    return True


async def save_thumbnails(
    system: AppContext, image_id: UUID, made: Mapping[int, IncomingFile]
) -> None:
    """Store the thumbnails of an image by size. Raises ServiceUnavailable."""
    for size, thumbnail in made.items():
        await system.store.keep(thumbnail, build_thumbnail_key(image_id, size))
