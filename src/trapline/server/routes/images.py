"""Images: upload, list, show, count by class."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from trapline.server.actions import images
from trapline.server.actions.images import Target
from trapline.server.db.findings import ImageFilter
from trapline.server.errors import Invalid
from trapline.server.routes.access import ScopeOf, SystemOf
from trapline.server.routes.multipart import Form
from trapline.server.routes.parameters import LARGEST, Cursor, Limit, ProjectFilter, QueryText
from trapline.wire.images import ClassCounts, Image, ImageDetail, ImageOrder, StateFilter, Upload, UploadedFile
from trapline.wire.values import GivenTime, Page

router = APIRouter(prefix="/images", tags=["images"])

FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "project": {"type": "integer", "description": "The images go to its default deployment."},
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


@router.get("")
async def list_images(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    deployment: UUID | None = None,
    class_name: Annotated[QueryText | None, Query(alias="class")] = None,
    analysis_state: StateFilter | None = None,
    captured_after: GivenTime | None = None,
    captured_before: GivenTime | None = None,
    confidence_min: Annotated[float | None, Query(ge=0, le=1, allow_inf_nan=False)] = None,
    job: Annotated[int | None, Query(ge=1, le=LARGEST, description="Only what this job is over.")] = None,
    order: ImageOrder = ImageOrder.NEWEST_FIRST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Image]:
    """List images by the time they were taken, of one project or of all of yours."""
    wanted = ImageFilter(
        deployment_id=deployment,
        class_name=class_name,
        analysis_state=analysis_state.value if analysis_state else None,
        captured_after=captured_after,
        captured_before=captured_before,
        confidence_min=confidence_min,
        job_id=job,
    )
    return await images.list_images(
        system,
        scope,
        project,
        wanted,
        descending=order == ImageOrder.NEWEST_FIRST,
        limit=limit,
        cursor=cursor,
    )


@router.post("", openapi_extra=FORM)
async def upload_images(
    system: SystemOf, scope: ScopeOf, request: Request, project: ProjectFilter = None, deployment: UUID | None = None
) -> Upload:
    """Upload pictures: a form with `project` or `deployment` first, then any number of `files`.

    Every file gets its own outcome; the same bytes twice in a deployment are one image.
    """
    form = Form(request)
    place = None
    taken: list[UploadedFile] = []
    async for file in form.files():
        if place is None:
            place = await images.find_place(system, scope, _target(form.fields, project, deployment))
        taken.append(await images.upload_image(system, scope, place, file))
    if place is None:
        await images.find_place(system, scope, _target(form.fields, project, deployment))
        raise Invalid("The form has no file. Send each in a part named `files` with a file name.")
    return images.sum_up(taken)


def _target(fields: dict[str, str], project: int | None, deployment: UUID | None) -> Target:
    try:
        if fields.get("project"):
            project = int(fields["project"])
        if fields.get("deployment"):
            deployment = UUID(fields["deployment"])
    except ValueError as error:
        raise Invalid("`project` is a number and `deployment` a UUID. Nothing was stored.") from error
    if project is not None and not 1 <= project <= LARGEST:
        raise Invalid("`project` is not the number of a project. Nothing was stored.")
    return Target(project, deployment)


@router.get("/classes")
async def list_classes(
    system: SystemOf, scope: ScopeOf, project: Annotated[int, Query(ge=1, le=LARGEST)]
) -> ClassCounts:
    """List the classes found in a project, the most frequent first."""
    return ClassCounts(results=await images.list_classes(system, scope, project))


@router.get("/{image_id}")
async def show_image(system: SystemOf, scope: ScopeOf, image_id: UUID) -> ImageDetail:
    """Show an image with its EXIF, where it came from, and every analysis of it."""
    return await images.show_image(system, scope, image_id)
