"""Deleted images: delete with a reason, restore, and let go for good what was deleted long ago."""

import structlog

from trapline.server.exports.queries.exports import note_forgotten
from trapline.server.images.queries.image_deletion import (
    Marked,
    claim_discarded,
    claim_doomed,
    discard_files_of,
    forget_discarded,
    forget_images,
    list_with_tasks,
    mark_deleted,
    mark_restored,
)
from trapline.server.images.queries.image_marks import check_images
from trapline.server.operations.queries.snapshots import is_being_copied
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import System
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Unavailable
from trapline.server.platform.store.storage_keys import THUMBNAIL_SIZES, thumbnail_key
from trapline.server.queue.queries.deleted_image_tasks import drop_tasks, put_back, settle_moved, take_off
from trapline.server.queue.queries.job_counters import JobClosed
from trapline.wire.images import ImageDeletion, ImagesChanged, ImagesNamed

log = structlog.get_logger(__name__)

ATTEMPTS = 5
BATCH = 100
LATELY_S = 3600.0
FILES_KEPT_S = 3600.0
"""How long files outlive their image: longer than anybody takes who is just storing the same bytes again."""
BUSY = "Jobs of these images end just now. Nothing was changed; send the same request again."


async def delete_images(system: System, scope: Scope, wanted: ImageDeletion) -> ImagesChanged:
    """Delete images, all of them or none: they leave the line, the lists and the counts, and can be restored.

    Those that are deleted already stay as they are. Raises NotFound, Forbidden, Unavailable.
    """
    for _ in range(ATTEMPTS):
        try:
            async with system.database.transaction(scope) as tx:
                await check_images(scope, tx, wanted.images, deleted=True)
                # As results do: the tasks, the images, the jobs. Otherwise the two lock each other out.
                dropped = await drop_tasks(scope, tx, wanted.images)
                marked = await mark_deleted(scope, tx, wanted.images, wanted.reason)
                await settle_moved(scope, tx, dropped, -1)
                _note(tx, "delete", marked, reason=wanted.reason)
        except JobClosed:
            continue
        return ImagesChanged(changed=len(marked), unchanged=len(set(wanted.images)) - len(marked))
    raise Unavailable(BUSY)


async def restore_images(system: System, scope: Scope, wanted: ImagesNamed) -> ImagesChanged:
    """Restore deleted images, all of them or none; jobs that are live still take them up again.

    Raises NotFound, Forbidden, Unavailable.
    """
    for _ in range(ATTEMPTS):
        try:
            async with system.database.transaction(scope) as tx:
                await check_images(scope, tx, wanted.images, deleted=True)
                back = await put_back(scope, tx, wanted.images)
                marked = await mark_restored(scope, tx, wanted.images)
                await settle_moved(scope, tx, back, 1)
                _note(tx, "restore", marked)
        except JobClosed:
            continue
        return ImagesChanged(changed=len(marked), unchanged=len(set(wanted.images)) - len(marked))
    raise Unavailable(BUSY)


def _note(tx: Transaction, action: str, marked: list[Marked], **details: str) -> None:
    for project_id in sorted({one.project_id for one in marked}):
        ids = [str(one.image_id) for one in marked if one.project_id == project_id]
        tx.audit(action, "image", ids[0], project_id, images=ids, **details)


async def drop_late_tasks(system: System, scope: Scope) -> bool:
    """Take tasks out of the line that came into it while their images were being deleted."""
    async with system.database.transaction(scope) as tx:
        images = await list_with_tasks(scope, tx, LATELY_S, BATCH)
        if images:
            try:
                await settle_moved(scope, tx, await drop_tasks(scope, tx, images), -1)
            except JobClosed:
                await tx.session.rollback()
    return len(images) == BATCH


async def forget_deleted(system: System, scope: Scope) -> bool:
    """Let go for good of a batch of images that were deleted longer ago than they are kept; tells if there are more.

    One transaction takes the rows, writes each one's tombstone, and says which files are to go: those follow later.
    """
    async with system.database.transaction(scope) as tx:
        doomed = await claim_doomed(scope, tx, system.limits.deleted_kept_s, BATCH)
        if doomed:
            ids = [image.id for image in doomed]
            thumbnails = [(thumbnail_key(one.id, size), one.project_id) for one in doomed for size in THUMBNAIL_SIZES]
            await discard_files_of(scope, tx, doomed, thumbnails, FILES_KEPT_S)
            await take_off(scope, tx, ids)
            await note_forgotten(scope, tx, ids, {one.project_id for one in doomed})
            await forget_images(scope, tx, ids)
        for image in doomed:
            tx.audit(
                "delete for good",
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
        log.info("deleted images are gone for good", images=len(doomed))
    return len(doomed) == BATCH


async def delete_discarded(system: System, scope: Scope) -> bool:
    """Delete a batch of files that nothing speaks of any more; answers whether there may be more.

    A file goes before its line in the list: what a crash leaves in the list is deleted again, which does no harm.
    """
    async with system.database.transaction(scope) as tx:
        if await is_being_copied(scope, tx):
            return False  # a backup's rows may speak of them still
        files = await claim_discarded(scope, tx, BATCH)
        for key, is_used in files:
            if not is_used:
                await system.store.delete(key)
        await forget_discarded(scope, tx, [key for key, _ in files])
    return len(files) == BATCH
