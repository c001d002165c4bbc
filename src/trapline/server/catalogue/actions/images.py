"""Images: upload, list, show, count by class."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from psycopg.errors import ForeignKeyViolation

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.catalogue.actions.day_counts import estimate_image_count
from trapline.server.catalogue.queries.image_findings import (
    BoxSummary,
    ImageFindings,
    filter_images,
    get_capture_time_column,
    list_analyses,
    list_deployment_names,
    list_image_findings,
    select_counted,
)
from trapline.server.catalogue.rules.filters import ImageFilter
from trapline.server.findings.actions.analysis_responses import build_analysis
from trapline.server.findings.queries.annotation_pages import list_analysis_annotations
from trapline.server.images.actions.image_import import (
    ExistingImage,
    ImportTarget,
    build_import_target,
    create_image,
    require_disk_space,
    validate_image,
)
from trapline.server.images.actions.signed_urls import sign_original_url, sign_thumbnail
from trapline.server.images.actions.stored_files import FileState
from trapline.server.images.queries.deployments import (
    get_default_deployment_row,
    get_deployment_row,
)
from trapline.server.images.queries.images import (
    ImageRow,
    count_classes,
    get_image_row,
    list_adjacent_images,
    list_deleted_ids,
    list_tags,
    select_images,
)
from trapline.server.images.rules.capture_time import OF_FILE, list_time_flags
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import InvalidRequest, NotFound
from trapline.server.platform.files.upload_paths import name_of
from trapline.server.platform.imaging.decoder_pool import SkippedFile, UndecodableFile
from trapline.server.platform.metrics import IMAGES_IMPORTED
from trapline.server.platform.store.object_store import IncomingFile
from trapline.server.review.actions.identifications import list_effective_on_image
from trapline.wire.annotations import ThumbnailBox
from trapline.wire.images import (
    CaptureTimeSource,
    ClassCount,
    Image,
    ImageDeletionInfo,
    ImageDetail,
    UploadedFile,
    UploadResult,
)
from trapline.wire.values import Page

Note = Callable[[Transaction, UploadedFile], Awaitable[None]]
DEPLOYMENT_GONE = (
    "This deployment was deleted meanwhile, and what was to go into it was not stored."
)
DELETED = "it was deleted before, and is kept for a while: restore it among the deleted images"
SHOWN_LONGER = 3
"""How many of an image's analyses, the newest, bring a long page of annotations along; the others a short one."""


class UploadPart(Protocol):
    """One file of an upload, as it comes in."""

    path: str
    """Its cleaned name, with the folders that the client sent."""
    modified_at: datetime | None

    def chunks(self) -> AsyncIterator[bytes]:
        """Read the bytes, once."""


@dataclass(frozen=True)
class UploadTarget:
    """Where an upload goes: a deployment, or a project and there its default deployment."""

    project_id: int | None = None
    deployment_id: UUID | None = None


async def resolve_upload_target(
    system: AppContext, scope: Scope, target: UploadTarget
) -> ImportTarget:
    """Find where an upload goes. Raises Invalid where nothing is named, NotFound, Forbidden."""
    async with system.database.transaction(scope) as tx:
        if target.deployment_id is not None:
            deployment = await get_deployment_row(scope, tx, target.deployment_id)
            if target.project_id not in (None, deployment.project_id):
                raise NotFound
        elif target.project_id is not None:
            deployment = await get_default_deployment_row(scope, tx, target.project_id)
        else:
            raise InvalidRequest(
                "Name a `project` or a `deployment`, before the first file. Nothing was stored."
            )
    return build_import_target(deployment)


async def upload_image(
    system: AppContext, scope: Scope, place: ImportTarget, file: UploadPart
) -> UploadedFile:
    """Take one file of an upload; whatever is wrong with the file is an answer."""
    await require_disk_space(system)
    async with system.store.receive() as incoming:
        async for chunk in file.chunks():
            if incoming.size + len(chunk) > system.limits.image_bytes:
                detail = f"it is larger than the {system.limits.image_bytes // 2**20} MiB that are allowed"
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
    """Take a received file as an image; whatever is wrong with it is an answer.

    `path` is its cleaned name, with the folders that the client sent. `note` is called with what
    became of it in the transaction in which it does. Raises Unavailable, and NotFound where the
    deployment was deleted meanwhile.
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
            elif checked.was is not FileState.INTACT:
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
    """Sum up an upload."""
    count = {
        outcome: sum(file.outcome == outcome for file in files)
        for outcome in ("imported", "duplicate", "refused")
    }
    without = sum(
        file.outcome == "imported" and file.captured_at_source in OF_FILE for file in files
    )
    return UploadResult(**count, files=files, without_camera_time=without)


async def list_images(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: ImageFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
    skip: int = 0,
) -> Page[Image]:
    """List images by the time they were taken, but for the first `skip`."""
    async with system.database.transaction(scope) as tx:
        statement = filter_images(select_images(scope, project_id, deleted=wanted.deleted), wanted)
        rows, following = await fetch_page(
            tx,
            statement.offset(skip) if skip else statement,
            [(get_capture_time_column(wanted), datetime), (ImageRow.id, UUID)],
            descending=descending,
            limit=limit,
            cursor=cursor,
        )
        count, estimated = await count_rows(
            tx, select_counted(scope, project_id, wanted, statement)
        )
        if estimated and project_id is not None:
            count = max(count, await estimate_image_count(scope, tx, project_id, wanted))
        images = await build_images(system, scope, tx, rows)
    return Page(results=images, next=following, count=count, count_is_estimate=estimated)


async def get_image(
    system: AppContext, scope: Scope, image_id: UUID, wanted: ImageFilter, *, descending: bool
) -> ImageDetail:
    """Show one image with its analyses, a deleted one to those who may delete. Raises NotFound.

    Its neighbours are those of the list with this filter and order, whether or not the filter has
    the image itself.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_image_row(scope, tx, image_id, deleted=True)
        [image] = await build_images(system, scope, tx, [row])
        listed = filter_images(select_images(scope, row.project_id, deleted=wanted.deleted), wanted)
        before, after = await list_adjacent_images(tx, row, listed, get_capture_time_column(wanted))
        if descending:
            before, after = after, before
        found = await list_analysis_annotations(
            scope, tx, await list_analyses(scope, tx, row), longer=SHOWN_LONGER
        )
        annotations = [annotation for one in found for annotation, _ in one.annotations]
        identification, held = await list_effective_on_image(scope, tx, image_id, annotations)
    is_deleted = row.deleted_at is not None
    analyses = [build_analysis(system, one, held, is_deleted=is_deleted) for one in found]
    return ImageDetail(
        **dict(image),
        exif=row.exif,
        captured_at_raw=row.captured_at_raw,
        clock_offset_s=row.clock_offset_s,
        source_id=row.source_id,
        identification=identification,
        analyses=analyses,
        previous_id=before,
        next_id=after,
    )


async def list_classes(system: AppContext, scope: Scope, project_id: int) -> list[ClassCount]:
    """List the classes found in a project, the most frequent first."""
    async with system.database.transaction(scope) as tx:
        counted = await count_classes(scope, tx, project_id)
    return [ClassCount(class_name=name, images=images) for name, images in counted]


async def build_images(
    system: AppContext, scope: Scope, tx: Transaction, rows: list[ImageRow]
) -> list[Image]:
    """Tell of images with what was found on them, in a few statements however many they are."""
    names = await list_deployment_names(scope, tx, [row.deployment_id for row in rows])
    findings = await list_image_findings(scope, tx, [row.id for row in rows])
    tags = await list_tags(scope, tx, [row.id for row in rows])
    people = await list_actor_names(scope, tx, [row.deleted_by for row in rows if row.deleted_at])
    return [
        _image(system, scope, row, names[row.deployment_id], findings[row.id]).model_copy(
            update={"tags": tags.get(row.id, []), "deleted": _deleted(system, row, people)}
        )
        for row in rows
    ]


def _deleted(
    system: AppContext, row: ImageRow, people: Mapping[str | None, str]
) -> ImageDeletionInfo | None:
    if row.deleted_at is None:
        return None
    return ImageDeletionInfo(
        at=row.deleted_at,
        by=people.get(row.deleted_by),
        reason=row.deletion_reason,
        purge_at=row.deleted_at + timedelta(seconds=system.limits.deleted_kept_s),
    )


def _image(
    system: AppContext, scope: Scope, row: ImageRow, deployment_name: str, found: ImageFindings
) -> Image:
    is_deleted = row.deleted_at is not None
    small, large = (
        (sign_thumbnail(system, row.id, size, is_deleted=is_deleted) if row.thumbnails_at else None)
        for size in (320, 1280)
    )
    return Image(
        id=row.id,
        project_id=row.project_id,
        deployment_id=row.deployment_id,
        deployment_name=deployment_name,
        filename=row.filename,
        source_path=row.source_path,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        sha256=row.sha256.hex(),
        width=row.width,
        height=row.height,
        captured_at=row.captured_at,
        captured_at_source=CaptureTimeSource(row.captured_at_source),
        read_at=row.read_at,
        time_zone=row.time_zone,
        flags=list_time_flags(row.flags, row.captured_at_source, row.read_at),
        starred=row.starred,
        reviewed=row.reviewed,
        sequence_id=row.sequence_id,
        thumbnail_url=small,
        preview_url=large,
        file_url=sign_original_url(
            system, scope, row.upright_key or row.storage_key, row.id, is_deleted=is_deleted
        ),
        analysis_state=found.state,
        classes=found.classes,
        boxes=[_box(box) for box in found.boxes],
        created_at=row.created_at,
    )


def _box(box: BoxSummary) -> ThumbnailBox:
    return ThumbnailBox(
        id=box.id,
        x_min=box.data["x_min"],
        y_min=box.data["y_min"],
        x_max=box.data["x_max"],
        y_max=box.data["y_max"],
        class_name=box.class_name,
        confidence=box.confidence,
    )
