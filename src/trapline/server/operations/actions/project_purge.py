"""Permanent deletion of projects whose retention period after deletion is over."""

import structlog

from trapline.server.exports.queries.exports import list_file_keys
from trapline.server.images.queries.image_deletion import (
    discard_files,
    discard_image_files,
    purge_image_rows,
)
from trapline.server.operations.queries.project_purge import (
    claim_purge_candidate,
    list_project_images,
    purge_project,
    purge_project_parts,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.store.storage_keys import THUMBNAIL_SIZES, build_thumbnail_key

log = structlog.get_logger(__name__)

BATCH = 100
PARTS = 10_000
FILES_KEPT_S = 3600.0


async def purge_projects(system: AppContext, scope: Scope) -> bool:
    """Purge a part of a project whose retention is over; return whether there may be more.

    Images are purged in batches, each in one transaction with the list of its files, which are
    deleted later. The row of the project is deleted last, and a tombstone is written.
    """
    async with system.database.transaction(scope) as tx:
        doomed = await claim_purge_candidate(scope, tx, system.limits.deleted_kept_s)
        if doomed is None:
            return False
        images = await list_project_images(scope, tx, doomed.id, BATCH)
        if images:
            thumbnails = [
                (build_thumbnail_key(one.id, size), one.project_id)
                for one in images
                for size in THUMBNAIL_SIZES
            ]
            await discard_image_files(scope, tx, images, thumbnails, FILES_KEPT_S)
            await purge_image_rows(scope, tx, [one.id for one in images])
        elif not await purge_project_parts(scope, tx, doomed.id, PARTS):
            files = [(key, doomed.id, None) for key in await list_file_keys(scope, tx, doomed.id)]
            await discard_files(scope, tx, files, FILES_KEPT_S)
            await purge_project(scope, tx, doomed.id)
            tx.audit(
                "purge",
                "project",
                doomed.id,
                name=doomed.name,
                created_at=doomed.created_at.isoformat(),
                deleted_at=doomed.deleted_at.isoformat(),
            )
            log.info("a deleted project was purged", project=doomed.id)
    return True
