"""Delete and restore images, and purge images and files after their retention period."""

import structlog

from trapline.server.exports.queries.exports import record_purged_images
from trapline.server.images.queries.image_deletion import (
    DeletionMark,
    claim_discarded_files,
    claim_purge_candidates,
    delete_discarded_files,
    discard_image_files,
    list_deleted_with_tasks,
    mark_deleted,
    mark_restored,
    purge_image_rows,
)
from trapline.server.images.queries.image_marks import require_images
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.backup_lock import is_backup_running
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import ServiceUnavailable
from trapline.server.platform.store.storage_keys import THUMBNAIL_SIZES, build_thumbnail_key
from trapline.server.queue.queries.deleted_image_tasks import (
    delete_tasks,
    restore_tasks,
    subtract_purged_images,
    update_job_counters,
)
from trapline.server.queue.queries.job_counters import JobClosed
from trapline.wire.images import DeleteImagesRequest, ImageIds, ImagesUpdateResult

log = structlog.get_logger(__name__)

ATTEMPTS = 5
BATCH = 100
LATELY_S = 3600.0
FILES_KEPT_S = 3600.0
"""Time from the purge of an image to that of its files; any import of its bytes is shorter."""
BUSY = "Jobs of these images are ending. Nothing was changed. Send the same request again."


async def delete_images(
    system: AppContext, scope: Scope, wanted: DeleteImagesRequest
) -> ImagesUpdateResult:
    """Delete images, all of them or none, from the queue, lists and counts; they can be restored.

    Images that are deleted already are unchanged. Raises NotFound, Forbidden, ServiceUnavailable.
    """
    for _ in range(ATTEMPTS):
        try:
            async with system.database.transaction(scope) as tx:
                await require_images(scope, tx, wanted.images, deleted=True)
                # Lock in the same order as results do (tasks, images, jobs) to prevent deadlocks.
                dropped = await delete_tasks(scope, tx, wanted.images)
                marked = await mark_deleted(scope, tx, wanted.images, wanted.reason)
                await update_job_counters(scope, tx, dropped, -1)
                _note(tx, "delete", marked, reason=wanted.reason)
        except JobClosed:
            continue
        return ImagesUpdateResult(
            changed=len(marked), unchanged=len(set(wanted.images)) - len(marked)
        )
    raise ServiceUnavailable(BUSY)


async def restore_images(system: AppContext, scope: Scope, wanted: ImageIds) -> ImagesUpdateResult:
    """Restore deleted images, all of them or none, and their tasks in jobs that are not final.

    Raises NotFound, Forbidden, ServiceUnavailable.
    """
    for _ in range(ATTEMPTS):
        try:
            async with system.database.transaction(scope) as tx:
                await require_images(scope, tx, wanted.images, deleted=True)
                back = await restore_tasks(scope, tx, wanted.images)
                marked = await mark_restored(scope, tx, wanted.images)
                await update_job_counters(scope, tx, back, 1)
                _note(tx, "restore", marked)
        except JobClosed:
            continue
        return ImagesUpdateResult(
            changed=len(marked), unchanged=len(set(wanted.images)) - len(marked)
        )
    raise ServiceUnavailable(BUSY)


def _note(tx: Transaction, action: str, marked: list[DeletionMark], **details: str) -> None:
    for project_id in sorted({one.project_id for one in marked}):
        ids = [str(one.image_id) for one in marked if one.project_id == project_id]
        tx.audit(action, "image", ids[0], project_id, images=ids, **details)


async def delete_late_tasks(system: AppContext, scope: Scope) -> bool:
    """Cancel tasks added while their images were being deleted; return whether more may remain."""
    async with system.database.transaction(scope) as tx:
        images = await list_deleted_with_tasks(scope, tx, LATELY_S, BATCH)
        if images:
            try:
                await update_job_counters(scope, tx, await delete_tasks(scope, tx, images), -1)
            except JobClosed:
                await tx.session.rollback()
    return len(images) == BATCH


async def purge_images(system: AppContext, scope: Scope) -> bool:
    """Purge a batch of images whose retention period is over; return whether more may remain.

    One transaction deletes the rows, writes a tombstone of each into the audit, and lists the
    files to delete later.
    """
    async with system.database.transaction(scope) as tx:
        doomed = await claim_purge_candidates(scope, tx, system.limits.deleted_kept_s, BATCH)
        if doomed:
            ids = [image.id for image in doomed]
            thumbnails = [
                (build_thumbnail_key(one.id, size), one.project_id)
                for one in doomed
                for size in THUMBNAIL_SIZES
            ]
            await discard_image_files(scope, tx, doomed, thumbnails, FILES_KEPT_S)
            await subtract_purged_images(scope, tx, ids)
            await record_purged_images(scope, tx, ids, {one.project_id for one in doomed})
            await purge_image_rows(scope, tx, ids)
        for image in doomed:
            tx.audit(
                "purge",
                "image",
                image.id,
                image.project_id,
                filename=image.filename,
                deployment=str(image.deployment_id),
                sha256=bytes(image.sha256).hex(),
                captured_at=image.captured_at.isoformat(),
                deleted_at=image.deleted_at.isoformat(),
                deleted_by=image.deleted_by,
                reason=image.reason,
            )
    if doomed:
        log.info("deleted images were purged", images=len(doomed))
    return len(doomed) == BATCH


async def purge_discarded_files(system: AppContext, scope: Scope) -> bool:
    """Delete a batch of files that no row references; return whether more may remain.

    A file is deleted before its entry in the list. After a crash between the two, it is deleted
    again, which is harmless.
    """
    async with system.database.transaction(scope) as tx:
        if await is_backup_running(scope, tx):
            return False  # rows of the backup may still reference the files
        files = await claim_discarded_files(scope, tx, BATCH)
        for key, is_used in files:
            if not is_used:
                await system.store.delete(key)
        await delete_discarded_files(scope, tx, [key for key, _ in files])
    return len(files) == BATCH
