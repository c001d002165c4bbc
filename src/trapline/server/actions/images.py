"""Images: upload, list, show, count by class."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from trapline.server.actions.addresses import sign_file, sign_original
from trapline.server.actions.describe_analyses import describe_analysis
from trapline.server.actions.import_images import Known, Place, check_image, check_room, keep_image, place_of
from trapline.server.db.annotations import AnnotationRow
from trapline.server.db.base import Transaction
from trapline.server.db.deployments import get_default_deployment, get_deployment
from trapline.server.db.findings import (
    Findings,
    ImageFilter,
    filter_images,
    list_analyses,
    list_deployment_names,
    list_findings,
)
from trapline.server.db.found import find_found
from trapline.server.db.images import ImageClassRow, ImageRow, count_classes, find_neighbours, get_image, select_images
from trapline.server.db.pages import count_rows, fetch_page
from trapline.server.errors import Invalid, NotFound
from trapline.server.imaging.decoders import Broken, Skipped
from trapline.server.rules.access import Scope
from trapline.server.store.keys import thumbnail_key
from trapline.server.store.port import Incoming
from trapline.server.system import System
from trapline.wire.annotations import Box
from trapline.wire.images import ClassCount, Image, ImageDetail, Upload, UploadedFile
from trapline.wire.values import Page

SHOWN_LONGER = 3
"""How many of an image's analyses, the newest, bring a long page of annotations along; the others a short one."""


class SentFile(Protocol):
    """One file of an upload, as it comes in."""

    filename: str
    modified_at: datetime | None

    def chunks(self) -> AsyncIterator[bytes]:
        """Read the bytes, once."""


@dataclass(frozen=True)
class Target:
    """Where an upload goes: a deployment, or a project and there its default deployment."""

    project_id: int | None = None
    deployment_id: UUID | None = None


async def find_place(system: System, scope: Scope, target: Target) -> Place:
    """Find where an upload goes. Raises Invalid where nothing is named, NotFound, Forbidden."""
    async with system.database.transaction(scope) as tx:
        if target.deployment_id is not None:
            deployment = await get_deployment(scope, tx, target.deployment_id)
            if target.project_id not in (None, deployment.project_id):
                raise NotFound
        elif target.project_id is not None:
            deployment = await get_default_deployment(scope, tx, target.project_id)
        else:
            raise Invalid("Name a `project` or a `deployment`, before the first file. Nothing was stored.")
    return place_of(deployment)


async def upload_image(system: System, scope: Scope, place: Place, file: SentFile) -> UploadedFile:
    """Take one file of an upload; whatever is wrong with the file is an answer."""
    await check_room(system)
    async with system.store.receive() as incoming:
        async for chunk in file.chunks():
            if incoming.size + len(chunk) > system.limits.image_bytes:
                detail = f"it is larger than the {system.limits.image_bytes // 2**20} MiB that are allowed"
                return UploadedFile(filename=file.filename, outcome="refused", image_id=None, detail=detail)
            await asyncio.to_thread(incoming.write, chunk)
        return await _import(system, scope, place, incoming, file)


async def _import(system: System, scope: Scope, place: Place, incoming: Incoming, file: SentFile) -> UploadedFile:
    checked = await check_image(system, scope, place, incoming, file.filename, file.modified_at)
    if isinstance(checked, Broken | Skipped):
        return UploadedFile(filename=file.filename, outcome="refused", image_id=None, detail=checked.reason)
    if isinstance(checked, Known):
        image_id, is_new = checked.image_id, False
    else:
        async with system.database.transaction(scope) as tx:
            image_id, is_new = await keep_image(scope, tx, checked)
            if is_new:
                tx.audit("upload", "image", image_id, place.project_id, filename=file.filename)
    outcome = "imported" if is_new else "duplicate"
    return UploadedFile(filename=file.filename, outcome=outcome, image_id=image_id, detail=None)


def sum_up(files: list[UploadedFile]) -> Upload:
    """Sum up an upload."""
    count = {
        outcome: sum(file.outcome == outcome for file in files) for outcome in ("imported", "duplicate", "refused")
    }
    return Upload(**count, files=files)


async def list_images(
    system: System,
    scope: Scope,
    project_id: int | None,
    wanted: ImageFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> Page[Image]:
    """List images by the time they were taken."""
    async with system.database.transaction(scope) as tx:
        statement = filter_images(select_images(scope, project_id), wanted)
        # With a class, its own index has the time too; without that a rare class would be looked for in every image.
        captured = ImageRow.captured_at if wanted.class_name is None else ImageClassRow.captured_at
        rows, following = await fetch_page(
            tx,
            statement,
            [(captured, datetime), (ImageRow.id, UUID)],
            descending=descending,
            limit=limit,
            cursor=cursor,
        )
        count, estimated = await count_rows(tx, statement)
        images = await _describe(system, scope, tx, rows)
    return Page(results=images, next=following, count=count, count_is_estimate=estimated)


async def show_image(system: System, scope: Scope, image_id: UUID) -> ImageDetail:
    """Show one image with its analyses. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_image(scope, tx, image_id)
        [image] = await _describe(system, scope, tx, [row])
        before, after = await find_neighbours(scope, tx, row)
        found = await find_found(scope, tx, await list_analyses(scope, tx, row), longer=SHOWN_LONGER)
    analyses = [describe_analysis(system, one) for one in found]
    return ImageDetail(
        **dict(image),
        exif=row.exif,
        captured_at_raw=row.captured_at_raw,
        clock_offset_s=row.clock_offset_s,
        source_id=row.source_id,
        source_path=row.source_path,
        analyses=analyses,
        previous_id=before,
        next_id=after,
    )


async def list_classes(system: System, scope: Scope, project_id: int) -> list[ClassCount]:
    """List the classes found in a project, the most frequent first."""
    async with system.database.transaction(scope) as tx:
        counted = await count_classes(scope, tx, project_id)
    return [ClassCount(class_name=name, images=images) for name, images in counted]


async def _describe(system: System, scope: Scope, tx: Transaction, rows: list[ImageRow]) -> list[Image]:
    names = await list_deployment_names(scope, tx, [row.deployment_id for row in rows])
    findings = await list_findings(scope, tx, [row.id for row in rows])
    return [_image(system, scope, row, names[row.deployment_id], findings[row.id]) for row in rows]


def _image(system: System, scope: Scope, row: ImageRow, deployment_name: str, found: Findings) -> Image:
    small, large = (
        (sign_file(system, thumbnail_key(row.id, size)) if row.thumbnails_at else None) for size in (320, 1280)
    )
    return Image(
        id=row.id,
        project_id=row.project_id,
        deployment_id=row.deployment_id,
        deployment_name=deployment_name,
        filename=row.filename,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        sha256=row.sha256.hex(),
        width=row.width,
        height=row.height,
        captured_at=row.captured_at,
        captured_at_source=row.captured_at_source,
        time_zone=row.time_zone,
        flags=row.flags,
        thumbnail_url=small,
        preview_url=large,
        file_url=sign_original(system, scope, row.upright_key or row.storage_key, row.id),
        analysis_state=found.state,
        classes=found.classes,
        boxes=[_box(box) for box in found.boxes],
        created_at=row.created_at,
    )


def _box(box: AnnotationRow) -> Box:
    return Box(
        id=box.id,
        x_min=box.data["x_min"],
        y_min=box.data["y_min"],
        x_max=box.data["x_max"],
        y_max=box.data["y_max"],
        class_name=box.class_name,
        confidence=box.confidence,
    )
