"""List and get images with their findings, and count them by class."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.catalogue.actions.analysis_responses import build_analysis
from trapline.server.catalogue.actions.day_counts import estimate_image_count
from trapline.server.catalogue.queries.image_filters import (
    filter_images,
    get_capture_time_column,
    resolve_filter,
    select_counted,
)
from trapline.server.catalogue.queries.image_findings import (
    BoxSummary,
    ImageFindings,
    list_analyses,
    list_deployment_names,
    list_image_findings,
    list_sequence_sizes,
)
from trapline.server.catalogue.queries.image_orders import (
    fetch_ordered_page,
    list_ordered_neighbours,
    list_parts,
)
from trapline.server.catalogue.rules.filters import ImageFilter, ListOrder
from trapline.server.findings.queries.annotation_pages import list_analysis_annotations
from trapline.server.images.actions.signed_urls import sign_original_url, sign_thumbnail, sign_tiles
from trapline.server.images.queries.images import (
    ImageRow,
    get_image_row,
    list_adjacent_images,
    list_tags,
    select_images,
)
from trapline.server.images.queries.locations import list_precisions
from trapline.server.images.rules.capture_time import list_time_flags
from trapline.server.images.rules.locations import (
    NAMES,
    Precision,
    filter_exif,
    get_shown_filename,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import EXACT_UP_TO, count_rows, fetch_page
from trapline.server.platform.errors import Unprocessable
from trapline.server.review.actions.human_boxes import build_human_boxes
from trapline.server.review.actions.identifications import list_effective_on_image
from trapline.server.review.queries.human_boxes import list_boxes_of_images
from trapline.server.review.queries.observations import count_observed_names
from trapline.server.review.rules.identifications import can_see_people
from trapline.wire.annotations import ThumbnailBox
from trapline.wire.images import (
    CaptureTimeSource,
    ClassCount,
    Image,
    ImageDeletionInfo,
    ImageDetail,
    ObservedName,
)
from trapline.wire.values import Page

SHOWN_LONGER = 3
"""Number of newest analyses with a long page of annotations; the others have a short one."""


async def list_images(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: ImageFilter,
    order: ListOrder,
    *,
    limit: int,
    cursor: str | None,
    skip: int = 0,
    count_up_to: int = EXACT_UP_TO,
) -> Page[Image]:
    """List images in an order, without the first `skip`; count them up to `count_up_to`.

    Raises Unprocessable: images are skipped in an order that is not that of capture times.
    """
    if skip and not order.is_by_time:
        raise Unprocessable("`skip` is only for the orders by capture time: use `cursor`.")
    async with system.database.transaction(scope) as tx:
        wanted = await resolve_filter(scope, tx, project_id, wanted)
        statement = filter_images(select_images(scope, project_id, deleted=wanted.deleted), wanted)
        if order.is_by_time:
            rows, following = await fetch_page(
                tx,
                statement.offset(skip) if skip else statement,
                [(get_capture_time_column(wanted), datetime), (ImageRow.id, UUID)],
                descending=order.is_newest_first,
                limit=limit,
                cursor=cursor,
            )
        else:
            ordered = list_parts(scope, project_id, wanted, order)
            rows, following = await fetch_ordered_page(tx, ordered, limit, cursor)
        # A search for the second image of a list can take as long as the page.
        is_whole = cursor is None and not skip and following is None
        count, estimated = await count_rows(
            tx,
            select_counted(scope, project_id, wanted, statement),
            count_up_to,
            known=(len(rows) + (following is not None), is_whole),
        )
        if estimated and project_id is not None:
            count = max(count, await estimate_image_count(scope, tx, project_id, wanted))
        images = await build_images(system, scope, tx, rows)
    return Page(results=images, next=following, count=count, count_is_estimate=estimated)


async def get_image(
    system: AppContext, scope: Scope, image_id: UUID, wanted: ImageFilter, order: ListOrder
) -> ImageDetail:
    """Get an image with its analyses. Raises NotFound.

    Deleted images require the role to delete. The neighbours are those of the list with this
    filter and order, even if the image itself does not match the filter.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_image_row(scope, tx, image_id, deleted=True)
        [image] = await build_images(system, scope, tx, [row])
        wanted = await resolve_filter(scope, tx, row.project_id, wanted)
        before, after = await _list_adjacent(scope, tx, row, wanted, order)
        found = await list_analysis_annotations(
            scope, tx, await list_analyses(scope, tx, row), longer=SHOWN_LONGER
        )
        annotations = [annotation for one in found for annotation, _ in one.annotations]
        identification, effective = await list_effective_on_image(scope, tx, image_id, annotations)
        drawn = await list_boxes_of_images(scope, tx, [image_id])
        boxes = await build_human_boxes(scope, tx, drawn)
        withheld = await list_precisions(scope, tx, [row.project_id], [row.deployment_id])
    is_deleted = row.deleted_at is not None
    analyses = [build_analysis(system, one, effective, is_deleted=is_deleted) for one in found]
    return ImageDetail(
        **dict(image),
        exif=filter_exif(row.exif) if withheld else row.exif,
        captured_at_raw=None if withheld else row.captured_at_raw,
        clock_offset_s=row.clock_offset_s,
        source_id=None if withheld else row.source_id,
        identification=identification,
        analyses=analyses,
        boxes_by_people=boxes,
        previous_id=before,
        next_id=after,
    )


async def _list_adjacent(
    scope: Scope, tx: Transaction, image: ImageRow, wanted: ImageFilter, order: ListOrder
) -> tuple[UUID | None, UUID | None]:
    """Find the images just before and just after an image in a list."""
    if not order.is_by_time:
        parts = list_parts(scope, image.project_id, wanted, order)
        return await list_ordered_neighbours(tx, parts, image)
    listed = filter_images(select_images(scope, image.project_id, deleted=wanted.deleted), wanted)
    column = get_capture_time_column(wanted)
    before, after = await list_adjacent_images(tx, image, listed, column)
    return (after, before) if order.is_newest_first else (before, after)


async def list_classes(system: AppContext, scope: Scope, project_id: int) -> list[ClassCount]:
    """List the classes found in a project, the most frequent first."""
    async with system.database.transaction(scope) as tx:
        counted = await count_observed_names(scope, tx, project_id)
    return [ClassCount(class_name=name, images=images) for name, images in counted]


async def build_images(
    system: AppContext, scope: Scope, tx: Transaction, rows: list[ImageRow]
) -> list[Image]:
    """Build images with their findings, with a constant number of statements."""
    deployments = {row.deployment_id for row in rows}
    precisions = await list_precisions(scope, tx, {row.project_id for row in rows}, deployments)
    names = await list_deployment_names(scope, tx, list(deployments), precisions)
    findings = await list_image_findings(scope, tx, [row.id for row in rows])
    tags = await list_tags(scope, tx, [row.id for row in rows])
    deleters = [row.deleted_by for row in rows if row.deleted_at]
    shows_people = can_see_people(scope)
    reviewers = [person for one in findings.values() for person in one.people if shows_people]
    people = await list_actor_names(scope, tx, [*deleters, *reviewers])
    sizes = await list_sequence_sizes(tx, [row.sequence_id for row in rows])
    return [
        _build_image(system, scope, row, names[row.deployment_id], findings[row.id]).model_copy(
            update={
                "tags": tags.get(row.id, []),
                "deleted": _build_deletion(system, row, people),
                "reviewers": [people[one] for one in findings[row.id].people if shows_people],
                "sequence_images": sizes.get(row.sequence_id),
                **_get_replacements(row, precisions.get(row.deployment_id)),
            }
        )
        for row in rows
    ]


def _get_replacements(row: ImageRow, precision: Precision | None) -> dict[str, str | None]:
    """Return the replacements of the names of a file, which often contain that of the place."""
    if not precision:
        return {}
    return {
        "filename": get_shown_filename(row.id, row.filename),
        "source_path": None,
        "location_precision": NAMES[precision],
    }


def _build_deletion(
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


def _build_image(
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
        tiles=sign_tiles(system, scope, row),
        analysis_state=found.state,
        classes=found.classes,
        blank=found.is_blank,
        needs_review=found.needs_review,
        boxes=[build_box(box) for box in found.boxes],
        observed=[ObservedName(name=one.name, count=one.individuals) for one in found.observed],
        created_at=row.created_at,
    )


def build_box(box: BoxSummary) -> ThumbnailBox:
    return ThumbnailBox(
        id=box.id,
        x_min=box.data["x_min"],
        y_min=box.data["y_min"],
        x_max=box.data["x_max"],
        y_max=box.data["y_max"],
        class_name=box.class_name,
        confidence=box.confidence,
    )
