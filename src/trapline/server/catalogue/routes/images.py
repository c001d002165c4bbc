"""Upload, list and update images."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.catalogue.actions import day_counts, images
from trapline.server.catalogue.routes.image_parameters import Seed, Wanted
from trapline.server.catalogue.rules.filters import ListOrder
from trapline.server.images.actions import image_marks, uploads
from trapline.server.images.actions.uploads import UploadTarget
from trapline.server.platform.db.pagination import EXACT_UP_TO
from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.http.multipart import MultipartForm
from trapline.server.platform.http.parameters import (
    LARGEST,
    Cursor,
    Limit,
    ProjectFilter,
)
from trapline.wire.day_counts import DayCounts
from trapline.wire.images import (
    ClassCounts,
    Image,
    ImageDetail,
    ImageOrder,
    ImagesUpdate,
    ImagesUpdateResult,
    TagCounts,
    UploadedFile,
    UploadResult,
)
from trapline.wire.values import Page

router = APIRouter(prefix="/images", tags=["images"])
MOST_SKIPPED = 1_000_000


FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "project": {
                            "type": "integer",
                            "description": "The images are added to its default deployment.",
                        },
                        "deployment": {"type": "string", "format": "uuid"},
                        "modified_at": {
                            "type": "string",
                            "format": "date-time",
                            "description": "Time of the last change of the next file.",
                        },
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    },
                    "required": ["files"],
                }
            }
        },
    }
}


@router.get("")
async def list_images(
    system: SystemOf,
    scope: ScopeOf,
    wanted: Wanted,
    project: ProjectFilter = None,
    order: ImageOrder = ImageOrder.NEWEST_FIRST,
    seed: Seed = 0,
    limit: Limit = 50,
    cursor: Cursor = None,
    skip: Annotated[int, Query(ge=0, le=MOST_SKIPPED, description="Number of images to skip.")] = 0,
    count_up_to: Annotated[
        int,
        Query(
            ge=1,
            le=EXACT_UP_TO,
            description="`count` is exact up to this number and an estimate beyond that, or this "
            "number where there is no estimate. With 1, nothing more is read to count.",
        ),
    ] = EXACT_UP_TO,
) -> Page[Image]:
    """List images of one project or of all your projects, by capture time or in another order.

    To start at a time, use `captured_before` or `captured_after`; `skip` is for jumps within a day.
    With several filters, counting often takes longer than finding a page: a caller that does not
    show `count` sends `count_up_to=1`.
    """
    return await images.list_images(
        system,
        scope,
        project,
        wanted,
        ListOrder(order, seed),
        limit=limit,
        cursor=cursor,
        skip=skip,
        count_up_to=count_up_to,
    )


@router.get("/days")
async def list_days(
    system: SystemOf,
    scope: ScopeOf,
    wanted: Wanted,
    project: Annotated[int, Query(ge=1, le=LARGEST)],
) -> DayCounts:
    """List the local days with images and their counts, for the layout of a grid."""
    return await day_counts.list_days(system, scope, project, wanted)


@router.post("", openapi_extra=FORM)
async def upload_images(
    system: SystemOf,
    scope: ScopeOf,
    request: Request,
    project: ProjectFilter = None,
    deployment: UUID | None = None,
) -> UploadResult:
    """Upload images in a form: first `project` or `deployment`, then any number of `files`.

    Each file has its own outcome. The same bytes are one image of a deployment.
    """
    form = MultipartForm(request)
    place = None
    taken: list[UploadedFile] = []
    async for file in form.files():
        if place is None:
            place = await uploads.resolve_upload_target(
                system, scope, _target(form.fields, project, deployment)
            )
        taken.append(await uploads.upload_image(system, scope, place, file))
    if place is None:
        await uploads.resolve_upload_target(
            system, scope, _target(form.fields, project, deployment)
        )
        raise InvalidRequest(
            "The form has no file. Nothing was stored. Send each file in a part named `files` "
            "with a file name."
        )
    return uploads.build_upload_result(taken)


def _target(fields: dict[str, str], project: int | None, deployment: UUID | None) -> UploadTarget:
    try:
        if fields.get("project"):
            project = int(fields["project"])
        if fields.get("deployment"):
            deployment = UUID(fields["deployment"])
    except ValueError as error:
        raise InvalidRequest(
            "`project` must be a number and `deployment` a UUID. Nothing was stored."
        ) from error
    if project is not None and not 1 <= project <= LARGEST:
        raise InvalidRequest("`project` is not a valid project number. Nothing was stored.")
    return UploadTarget(project, deployment)


@router.get("/classes")
async def list_classes(
    system: SystemOf, scope: ScopeOf, project: Annotated[int, Query(ge=1, le=LARGEST)]
) -> ClassCounts:
    """List the classes found in a project, the most frequent first."""
    return ClassCounts(results=await images.list_classes(system, scope, project))


@router.get("/tags")
async def list_tags(
    system: SystemOf, scope: ScopeOf, project: Annotated[int, Query(ge=1, le=LARGEST)]
) -> TagCounts:
    """List the tags of a project, the most frequent first."""
    return TagCounts(results=await image_marks.list_tags(system, scope, project))


@router.patch("")
async def update_images(
    system: SystemOf, scope: ScopeOf, wanted: ImagesUpdate
) -> ImagesUpdateResult:
    """Update the star, the tags or the capture times of images, all of them or none."""
    return await image_marks.update_images(system, scope, wanted)


@router.get("/{image_id}")
async def get_image(
    system: SystemOf,
    scope: ScopeOf,
    image_id: UUID,
    wanted: Wanted,
    order: ImageOrder = ImageOrder.OLDEST_FIRST,
    seed: Seed = 0,
) -> ImageDetail:
    """Get an image with its EXIF data, its source and all its analyses.

    `previous_id` and `next_id` are its neighbours in the list of its project with this filter and
    order.
    """
    return await images.get_image(system, scope, image_id, wanted, ListOrder(order, seed))
