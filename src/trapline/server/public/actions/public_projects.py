"""Public projects: the data that their owners publish to visitors without an account."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from trapline.server.catalogue.queries.image_filters import (
    get_capture_time_column,
    resolve_filter,
)
from trapline.server.catalogue.queries.image_findings import list_image_findings
from trapline.server.catalogue.rules.filters import ImageFilter
from trapline.server.images.queries.deployments import DeploymentRow, select_deployments
from trapline.server.images.queries.images import ImageRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import EXACT_UP_TO, fetch_page
from trapline.server.platform.errors import NotFound, ServiceUnavailable
from trapline.server.platform.imaging.metadata_removal import strip_jpeg_metadata
from trapline.server.platform.store.storage_keys import THUMBNAIL_SIZES, build_thumbnail_key
from trapline.server.projects.queries.projects import ProjectRow, get_project_row
from trapline.server.public.queries.public_caches import PublicCaches
from trapline.server.public.queries.public_projects import (
    PublicProjectCounts,
    find_preview,
    get_public_counts,
    get_public_image_row,
    get_public_project_row,
    list_adjacent_public_images,
    number_deployments,
    select_public_images,
)
from trapline.wire.annotations import ThumbnailBox
from trapline.wire.public_projects import (
    PublicClass,
    PublicDeployment,
    PublicImage,
    PublicImageDetail,
    PublicPreview,
    PublicProject,
)
from trapline.wire.values import Page

SMALL, LARGE = THUMBNAIL_SIZES
WAIT_S = 10
"""Maximum time that a visitor waits for a free slot."""
UNCOUNTED = "The images of this project could not be counted in time. Try again in a minute."


@asynccontextmanager
async def _visit(
    system: AppContext, visitor: Scope, project_id: int
) -> AsyncIterator[tuple[Scope, Transaction, ProjectRow]]:
    """Open a transaction for a visitor when a slot is free.

    Raises:
        NotFound: the project is not public.
        ServiceUnavailable: too many visitors wait.
    """
    try:
        async with asyncio.timeout(WAIT_S):
            await system.visits.acquire()
    except TimeoutError:
        raise ServiceUnavailable(
            "Too many visitors use public projects now. Try again in a minute."
        ) from None
    try:
        async with system.database.transaction(visitor) as tx:
            scope, row = await get_public_project_row(visitor, tx, project_id)
            yield scope, tx, row
    finally:
        system.visits.release()


async def _figures(
    system: AppContext, scope: Scope, tx: Transaction, project_id: int
) -> PublicProjectCounts:
    """Return the counts of a project, cached for seconds because visitors are anonymous.

    Raises:
        ServiceUnavailable: the count took too long, or did so seconds ago.
    """
    caches = system.part(PublicCaches)
    async with caches.counting[project_id]:
        known = caches.figures.get(project_id)
        if known is None:
            if caches.failures.get(project_id):
                raise ServiceUnavailable(UNCOUNTED)
            try:
                known = await get_public_counts(scope, tx, project_id)
            except Exception:
                caches.failures.keep(project_id, True)
                raise
            caches.figures.keep(project_id, known)
    return known


async def _count(
    system: AppContext,
    scope: Scope,
    tx: Transaction,
    project_id: int,
    wanted: ImageFilter,
    on_page: int,
) -> tuple[int, bool]:
    """Return the number of images of a filter, and whether it is an estimate.

    It is known for the whole project, one class or one deployment. For other filters the number of
    images on the page is returned: visitors cannot cause expensive counts.
    """
    figures = await _figures(system, scope, tx, project_id)
    known = None
    if wanted == ImageFilter(sets=wanted.sets):
        known = figures.images
    elif wanted.names and wanted == ImageFilter(
        class_name=wanted.class_name, sets=wanted.sets, names=wanted.names
    ):
        known = sum(dict(figures.classes).get(name, 0) for name in wanted.names)
    elif (
        wanted == ImageFilter(deployment_ids=wanted.deployment_ids, sets=wanted.sets)
        and wanted.deployment_ids[0] in figures.deployments
    ):
        known = figures.deployments[wanted.deployment_ids[0]][0]
    return (on_page, True) if known is None else (known, figures.is_estimate)


async def get_public_project(system: AppContext, visitor: Scope, project_id: int) -> PublicProject:
    """Return a public project.

    Raises:
        NotFound: the project is not public.
    """
    async with _visit(system, visitor, project_id) as (scope, tx, row):
        figures = await _figures(system, scope, tx, project_id)
        return PublicProject(
            id=row.id,
            name=row.name,
            description=row.description,
            images=figures.images,
            images_is_estimate=figures.is_estimate,
            deployments=len(figures.deployments),
            first_image_at=figures.first_at,
            last_image_at=figures.last_at,
            classes=[
                PublicClass(class_name=name, images=images) for name, images in figures.classes
            ],
        )


async def list_public_deployments(
    system: AppContext, visitor: Scope, project_id: int, limit: int, cursor: str | None
) -> Page[PublicDeployment]:
    """List the deployments of a public project that have visible images, by number.

    Raises:
        NotFound: the project is not public.
    """
    async with _visit(system, visitor, project_id) as (scope, tx, _):
        figures = await _figures(system, scope, tx, project_id)
        numbers = await number_deployments(scope, tx, project_id)
        statement = select_deployments(scope, project_id).where(
            DeploymentRow.id.in_(list(figures.deployments))
        )
        rows, following = await fetch_page(
            tx, statement, [(DeploymentRow.id, UUID)], descending=False, limit=limit, cursor=cursor
        )
        shown = [
            PublicDeployment(
                id=row.id,
                number=numbers[row.id],
                time_zone=row.time_zone,
                images=images,
                last_image_at=last,
            )
            for row in rows
            for images, last in [figures.deployments[row.id]]
        ]
        return Page(results=shown, next=following, count=len(figures.deployments))


async def list_public_images(
    system: AppContext,
    visitor: Scope,
    project_id: int,
    wanted: ImageFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> Page[PublicImage]:
    """List the visible images of a public project in the order of their capture.

    Raises:
        NotFound: the project is not public.
    """
    async with _visit(system, visitor, project_id) as (scope, tx, _):
        wanted = await resolve_filter(scope, tx, project_id, wanted)
        statement = select_public_images(scope, project_id, wanted)
        captured = get_capture_time_column(wanted)
        rows, following = await fetch_page(
            tx,
            statement,
            [(captured, datetime), (ImageRow.id, UUID)],
            descending=descending,
            limit=limit,
            cursor=cursor,
        )
        count, estimated = len(rows), False
        if cursor is not None or following is not None:
            count, estimated = await _count(system, scope, tx, project_id, wanted, len(rows))
        images = await _describe(scope, tx, project_id, rows)
    return Page(results=images, next=following, count=count, count_is_estimate=estimated)


async def get_public_image(
    system: AppContext, visitor: Scope, project_id: int, image_id: UUID
) -> PublicImageDetail:
    """Return one image.

    Raises:
        NotFound: the image is not visible.
    """
    async with _visit(system, visitor, project_id) as (scope, tx, _):
        row = await get_public_image_row(scope, tx, project_id, image_id)
        [image] = await _describe(scope, tx, project_id, [row])
        before, after = await list_adjacent_public_images(scope, tx, row)
    return PublicImageDetail(**dict(image), previous_id=before, next_id=after)


async def get_public_image_file(
    system: AppContext,
    visitor: Scope,
    project_id: int,
    image_id: UUID,
    size: int,
    *,
    is_known: bool,
) -> bytes | None:
    """Return a thumbnail of a visible image, without metadata; None if the visitor has it.

    Thumbnails have no signed URL: each request checks whether the image is still visible.

    Raises:
        NotFound: the image is not visible, or the size does not exist.
    """
    if size not in THUMBNAIL_SIZES:
        raise NotFound
    async with _visit(system, visitor, project_id) as (scope, tx, _):
        await get_public_image_row(scope, tx, project_id, image_id)
    if is_known:
        return None
    return strip_jpeg_metadata(
        b"".join([chunk async for chunk in system.store.open(build_thumbnail_key(image_id, size))])
    )


async def _describe(
    scope: Scope, tx: Transaction, project_id: int, rows: list[ImageRow]
) -> list[PublicImage]:
    numbers = await number_deployments(scope, tx, project_id)
    findings = await list_image_findings(scope, tx, [row.id for row in rows])
    return [
        PublicImage(
            id=row.id,
            deployment_id=row.deployment_id,
            deployment_number=numbers[row.deployment_id],
            width=row.width,
            height=row.height,
            captured_at=row.captured_at,
            time_zone=row.time_zone,
            thumbnail_url=_build_file_url(row, SMALL),
            preview_url=_build_file_url(row, LARGE),
            classes=findings[row.id].classes,
            boxes=[
                ThumbnailBox(
                    id=box.id,
                    class_name=box.class_name,
                    confidence=box.confidence,
                    **_corners(box.data),
                )
                for box in findings[row.id].boxes
            ],
        )
        for row in rows
    ]


async def show_public_preview(system: AppContext, scope: Scope, project_id: int) -> PublicPreview:
    """Count the images that visitors see of a project, or would see if it were public.

    Raises:
        NotFound, Forbidden: the caller has no access to the project.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_project_row(scope, tx, project_id)
        images, shown, unknown = await find_preview(scope, tx, row.id)
    return PublicPreview(
        project_id=row.id,
        public=row.public,
        images=min(images, EXACT_UP_TO),
        images_is_estimate=images > EXACT_UP_TO,
        shown=min(shown, EXACT_UP_TO),
        hidden=max(min(images, EXACT_UP_TO) - shown, 0),
        unknown_classes=[PublicClass(class_name=name, images=number) for name, number in unknown],
    )


def _build_file_url(row: ImageRow, size: int) -> str:
    return f"/api/v2/public/projects/{row.project_id}/images/{row.id}/file?size={size}"


def _corners(data: dict[str, float]) -> dict[str, float]:
    return {side: data[side] for side in ("x_min", "y_min", "x_max", "y_max")}
