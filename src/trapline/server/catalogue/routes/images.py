"""Upload, list and update images."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.catalogue.actions import day_counts, images
from trapline.server.catalogue.rules.filters import ImageFilter
from trapline.server.images.actions import image_marks, uploads
from trapline.server.images.actions.uploads import UploadTarget
from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.http.multipart import MultipartForm
from trapline.server.platform.http.parameters import (
    LARGEST,
    Cursor,
    Limit,
    ProjectFilter,
    QueryText,
)
from trapline.wire.day_counts import DayCounts, GivenDay
from trapline.wire.images import (
    AnalysisStateFilter,
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
from trapline.wire.values import GivenTime, Page

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
                            "description": "The images go to its default deployment.",
                        },
                        "deployment": {"type": "string", "format": "uuid"},
                        "modified_at": {
                            "type": "string",
                            "format": "date-time",
                            "description": "When the file that follows was last changed.",
                        },
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    },
                    "required": ["files"],
                }
            }
        },
    }
}


def parse_filter(
    deployment: UUID | None = None,
    class_name: Annotated[QueryText | None, Query(alias="class")] = None,
    taxon: Annotated[
        UUID | None, Query(description="Only what shows a label that means this taxon.")
    ] = None,
    analysis_state: AnalysisStateFilter | None = None,
    captured_after: GivenTime | None = None,
    captured_before: GivenTime | None = None,
    day_after: Annotated[
        GivenDay | None, Query(description="From this day on, where it was taken.")
    ] = None,
    day_before: Annotated[
        GivenDay | None, Query(description="Before this day, where it was taken.")
    ] = None,
    confidence_min: Annotated[float | None, Query(ge=0, le=1, allow_inf_nan=False)] = None,
    blank: Annotated[
        bool | None, Query(description="Only where nothing was found, or where something was.")
    ] = None,
    reviewed: Annotated[
        bool | None, Query(description="Only what a person has reviewed, or has not.")
    ] = None,
    job: Annotated[
        int | None, Query(ge=1, le=LARGEST, description="Only what this job is over.")
    ] = None,
    tag: Annotated[QueryText | None, Query(description="Only what has this tag.")] = None,
    starred: Annotated[bool | None, Query(description="Only what has a star, or has none.")] = None,
    sequence: Annotated[UUID | None, Query(description="Only what is in this sequence.")] = None,
    camera_time: Annotated[
        bool | None,
        Query(
            description="Only what a camera or a person dated, or what has the time of its file."
        ),
    ] = None,
    truncated: Annotated[
        bool | None,
        Query(description="Only JPEGs whose file ends before the image does, or only others."),
    ] = None,
    deleted: Annotated[
        bool, Query(description="The deleted images instead; managers see them.")
    ] = False,
) -> ImageFilter:
    """Read which images are wanted."""
    return ImageFilter(
        deployment_id=deployment,
        class_name=class_name,
        taxon_id=taxon,
        analysis_state=analysis_state.value if analysis_state else None,
        captured_after=captured_after,
        captured_before=captured_before,
        day_after=day_after,
        day_before=day_before,
        confidence_min=confidence_min,
        blank=blank,
        reviewed=reviewed,
        job_id=job,
        tag=tag,
        starred=starred,
        sequence_id=sequence,
        camera_time=camera_time,
        truncated=truncated,
        deleted=deleted,
    )


Wanted = Annotated[ImageFilter, Depends(parse_filter)]


@router.get("")
async def list_images(
    system: SystemOf,
    scope: ScopeOf,
    wanted: Wanted,
    project: ProjectFilter = None,
    order: ImageOrder = ImageOrder.NEWEST_FIRST,
    limit: Limit = 50,
    cursor: Cursor = None,
    skip: Annotated[int, Query(ge=0, le=MOST_SKIPPED, description="Not the first so many.")] = 0,
) -> Page[Image]:
    """List images by the time they were taken, of one project or of all of yours.

    To jump to a moment, ask for what was taken before or after it; `skip` is for jumps within a
    day.
    """
    return await images.list_images(
        system,
        scope,
        project,
        wanted,
        descending=order == ImageOrder.NEWEST_FIRST,
        limit=limit,
        cursor=cursor,
        skip=skip,
    )


@router.get("/days")
async def list_days(
    system: SystemOf,
    scope: ScopeOf,
    wanted: Wanted,
    project: Annotated[int, Query(ge=1, le=LARGEST)],
) -> DayCounts:
    """List the days on which images were taken, where they were taken, with how many: what to lay a grid out by."""
    return await day_counts.list_days(system, scope, project, wanted)


@router.post("", openapi_extra=FORM)
async def upload_images(
    system: SystemOf,
    scope: ScopeOf,
    request: Request,
    project: ProjectFilter = None,
    deployment: UUID | None = None,
) -> UploadResult:
    """Upload pictures: a form with `project` or `deployment` first, then any number of `files`.

    Every file gets its own outcome; the same bytes twice in a deployment are one image.
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
            "The form has no file. Send each in a part named `files` with a file name."
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
            "`project` is a number and `deployment` a UUID. Nothing was stored."
        ) from error
    if project is not None and not 1 <= project <= LARGEST:
        raise InvalidRequest("`project` is not the number of a project. Nothing was stored.")
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
    """Change the star, the tags or the capture times of images, all of them or none."""
    return await image_marks.update_images(system, scope, wanted)


@router.get("/{image_id}")
async def get_image(
    system: SystemOf,
    scope: ScopeOf,
    image_id: UUID,
    wanted: Wanted,
    order: ImageOrder = ImageOrder.OLDEST_FIRST,
) -> ImageDetail:
    """Show an image with its EXIF, where it came from, and every analysis of it.

    `previous_id` and `next_id` are its neighbours in the list of its project with this filter and
    order.
    """
    return await images.get_image(
        system, scope, image_id, wanted, descending=order == ImageOrder.NEWEST_FIRST
    )
