"""Build observations in the background: chunk by chunk, while the current ones stay readable."""

import time

import structlog

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.deadlock_retry import retry_on_deadlock
from trapline.server.review.queries.derivation import derive_set
from trapline.server.review.queries.observation_builds import (
    UnfinishedSet,
    delete_chunk,
    derive_chunk,
    finish_build,
    list_late_images,
    list_next_images,
    lock_unfinished_set,
    try_lock_settings,
)
from trapline.server.review.queries.observation_rows import BUILDING, RETIRED
from trapline.server.review.queries.sensitive_sightings import has_unrecorded_taxa

log = structlog.get_logger(__name__)

FIRST_CHUNK, LARGEST_CHUNK = 200, 2000
CHUNK_S = 0.1
"""The time that one chunk should take: results of workers wait for its locks at most so long."""


class ChunkSize:
    """The number of images in a chunk, which follows the time that the last chunk took."""

    def __init__(self) -> None:
        self.images = FIRST_CHUNK

    def follow(self, seconds: float) -> None:
        """Take more images if the last chunk was fast, and fewer if it was slow."""
        factor = min(max(CHUNK_S / max(seconds, 0.001), 0.5), 2.0)
        self.images = min(max(int(self.images * factor), 10), LARGEST_CHUNK)


async def build_observations(system: AppContext, scope: Scope) -> bool:
    """Derive one chunk of a set that is being built, or delete one of a retired set.

    Returns whether there may be more to do.
    """
    return await retry_on_deadlock(lambda: _build_once(system, scope))


async def _build_once(system: AppContext, scope: Scope) -> bool:
    size = system.part(ChunkSize)
    began = time.monotonic()
    async with system.database.transaction(scope) as tx:
        unfinished = await lock_unfinished_set(scope, tx, BUILDING)
        if unfinished is None:
            return await _delete_once(scope, tx)
        images = await list_next_images(scope, tx, unfinished, size.images)
        if images:
            await derive_chunk(scope, tx, unfinished, images)
        else:
            return await _finish(scope, tx, unfinished)
    size.follow(time.monotonic() - began)
    return True


async def _finish(scope: Scope, tx: Transaction, unfinished: UnfinishedSet) -> bool:
    """Make a set the current one; return False if something else has to end first.

    This is a change of the settings, or a search for sensitive taxa: it also has to record what
    the present set shows and this one does not.
    """
    of = unfinished.set
    if await has_unrecorded_taxa(scope, tx, of.project_id):
        return False
    late = await list_late_images(scope, tx, unfinished)
    if late:
        await derive_set(scope, tx, of, late)
    if not await try_lock_settings(scope, tx, of.project_id):
        return False
    await finish_build(scope, tx, unfinished)
    tx.after_commit(lambda: log.info("observations built", project=of.project_id, set=of.id))
    return True


async def _delete_once(scope: Scope, tx: Transaction) -> bool:
    retired = await lock_unfinished_set(scope, tx, RETIRED)
    if retired is None:
        return False
    images = await list_next_images(scope, tx, retired, LARGEST_CHUNK)
    await delete_chunk(scope, tx, retired, images)
    return True
