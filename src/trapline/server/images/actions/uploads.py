"""Upload images, each with its own outcome."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from psycopg.errors import ForeignKeyViolation

from trapline.server.images.actions.image_import import (
    ExistingImage,
    ImportTarget,
    build_import_target,
    create_image,
    require_disk_space,
    validate_image,
)
from trapline.server.images.actions.stored_files import StoredFileState
from trapline.server.images.queries.deployments import (
    get_default_deployment_row,
    get_deployment_row,
)
from trapline.server.images.queries.images import ImageRow, list_deleted_ids
from trapline.server.images.rules.capture_time import OF_FILE
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import InvalidRequest, NotFound
from trapline.server.platform.files.upload_paths import name_of
from trapline.server.platform.imaging.decoder_pool import SkippedFile, UndecodableFile
from trapline.server.platform.metrics import IMAGES_IMPORTED
from trapline.server.platform.store.object_store import IncomingFile
from trapline.wire.images import CaptureTimeSource, UploadedFile, UploadResult

Note = Callable[[Transaction, UploadedFile], Awaitable[None]]
DEPLOYMENT_GONE = "This deployment was deleted meanwhile. Its files were not stored."
DELETED = "this image was deleted before: restore it from the deleted images"


class UploadPart(Protocol):
    """A file of an upload while it is received."""

    path: str
    """Its cleaned name with the folders that the client sent."""
    modified_at: datetime | None

    def chunks(self) -> AsyncIterator[bytes]:
        """Read the bytes; can be called once."""


@dataclass(frozen=True)
class UploadTarget:
    """The target of an upload: a deployment, or a project for its default deployment."""

    project_id: int | None = None
    deployment_id: UUID | None = None


async def resolve_upload_target(
    system: AppContext, scope: Scope, target: UploadTarget
) -> ImportTarget:
    """Resolve the target of an upload.

    Raises InvalidRequest if no target is given, NotFound and Forbidden.
    """
    async with system.database.transaction(scope) as tx:
        if target.deployment_id is not None:
            deployment = await get_deployment_row(scope, tx, target.deployment_id)
            if target.project_id not in (None, deployment.project_id):
                raise NotFound
        elif target.project_id is not None:
            deployment = await get_default_deployment_row(scope, tx, target.project_id)
        else:
            raise InvalidRequest(
                "A `project` or a `deployment` is required before the first file. "
                "Nothing was stored."
            )
    return build_import_target(deployment)


async def upload_image(
    system: AppContext, scope: Scope, place: ImportTarget, file: UploadPart
) -> UploadedFile:
    """Import one file of an upload; a fault of the file is a returned outcome."""
    await require_disk_space(system)
    async with system.store.receive() as incoming:
        async for chunk in file.chunks():
            if incoming.size + len(chunk) > system.limits.image_bytes:
                allowed = system.limits.image_bytes // 2**20
                detail = f"it is larger than the {allowed} MiB that are allowed"
                return _report(file.path, "refused", None, detail)
            await asyncio.to_thread(incoming.write, chunk)
        return await import_received_file(
            system, scope, place, incoming, file.path, file.modified_at
        )


async def import_received_file(
    system: AppContext,
    scope: Scope,
    place: ImportTarget,
    incoming: IncomingFile,
    path: str,
    modified_at: datetime | None,
    note: Note | None = None,
) -> UploadedFile:
    """Import a received file as an image; a fault of the file is a returned outcome.

    `path` is its cleaned name with the folders that the client sent. `note` is called with the
    outcome, in the transaction that creates the image. Raises ServiceUnavailable, and NotFound if
    the deployment was deleted meanwhile.
    """
    checked = await validate_image(system, scope, place, incoming, path, modified_at)
    async with system.database.transaction(scope) as tx:
        is_new, image_id, detail = False, None, None
        if isinstance(checked, UndecodableFile | SkippedFile):
            detail = checked.reason
        elif isinstance(checked, ExistingImage):
            image_id = checked.image_id
            if await list_deleted_ids(scope, tx, [image_id]):
                detail = DELETED
            elif checked.was is not StoredFileState.INTACT:
                detail = f"the stored file was {checked.was.value} and was written again"
        else:
            try:
                image_id, is_new = await create_image(scope, tx, checked)
            except ForeignKeyViolation:
                raise NotFound(DEPLOYMENT_GONE) from None
            if is_new:
                tx.audit("upload", "image", image_id, place.project_id, filename=path)
        outcome = "imported" if is_new else "duplicate" if image_id else "refused"
        time_source = (
            CaptureTimeSource(checked.captured_at_source)
            if is_new and isinstance(checked, ImageRow)
            else None
        )
        taken = _report(path, outcome, image_id, detail, time_source)
        if note is not None:
            await note(tx, taken)
    if is_new:
        IMAGES_IMPORTED.labels("upload").inc()
    return taken


def _report(
    path: str,
    outcome: str,
    image_id: UUID | None,
    detail: str | None,
    time_source: CaptureTimeSource | None = None,
) -> UploadedFile:
    return UploadedFile(
        filename=name_of(path),
        path=path,
        outcome=outcome,
        image_id=image_id,
        detail=detail,
        captured_at_source=time_source,
    )


def build_upload_result(files: list[UploadedFile]) -> UploadResult:
    """Build the result of an upload with counts by outcome."""
    count = {
        outcome: sum(file.outcome == outcome for file in files)
        for outcome in ("imported", "duplicate", "refused")
    }
    without = sum(
        file.outcome == "imported" and file.captured_at_source in OF_FILE for file in files
    )
    return UploadResult(**count, files=files, without_camera_time=without)
