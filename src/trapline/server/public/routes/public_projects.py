"""Public projects for visitors without an account."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from trapline.server.accounts.routes.access import SystemOf
from trapline.server.catalogue.rules.filters import ImageFilter
from trapline.server.platform.access import Scope
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectPath, QueryText
from trapline.server.platform.http.rate_limits import limit_visitor
from trapline.server.platform.http.request_context import get_minimal_origin
from trapline.server.platform.http.route_access import get_route_access
from trapline.server.platform.store.storage_keys import THUMBNAIL_SIZES
from trapline.server.public.actions import public_projects
from trapline.wire.images import PublicImageOrder
from trapline.wire.public_projects import (
    PublicDeployment,
    PublicImage,
    PublicImageDetail,
    PublicProject,
)
from trapline.wire.values import GivenTime, Page

router = APIRouter(prefix="/public/projects/{project_id}", tags=["public projects"])


async def get_visitor(request: Request, system: SystemOf) -> Scope:
    """Return the scope of a visitor; credentials are ignored, the address is rate-limited.

    Raises:
        TooManyRequests: too many requests came from this address.
    """
    assert get_route_access(request).public_project, "only for public routes"
    limit_visitor(request, system)
    return Scope(actor="visitor", origin=get_minimal_origin(request))


Visitor = Annotated[Scope, Depends(get_visitor)]


@router.get("")
async def get_public_project(
    system: SystemOf, visitor: Visitor, project_id: ProjectPath
) -> PublicProject:
    """Get a public project; no account is required for these routes."""
    return await public_projects.get_public_project(system, visitor, project_id)


@router.get("/deployments")
async def list_public_deployments(
    system: SystemOf,
    visitor: Visitor,
    project_id: ProjectPath,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PublicDeployment]:
    """List the cameras of a public project by number; names and locations are not published."""
    return await public_projects.list_public_deployments(system, visitor, project_id, limit, cursor)


@router.get("/images")
async def list_public_images(
    system: SystemOf,
    visitor: Visitor,
    project_id: ProjectPath,
    deployment: UUID | None = None,
    class_name: Annotated[QueryText | None, Query(alias="class")] = None,
    captured_after: GivenTime | None = None,
    captured_before: GivenTime | None = None,
    order: PublicImageOrder = PublicImageOrder.NEWEST_FIRST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PublicImage]:
    """List the analysed images of a public project that show no people, by capture time."""
    return await public_projects.list_public_images(
        system,
        visitor,
        project_id,
        ImageFilter(
            deployment_ids=() if deployment is None else (deployment,),
            class_name=class_name,
            captured_after=captured_after,
            captured_before=captured_before,
        ),
        descending=order == PublicImageOrder.NEWEST_FIRST,
        limit=limit,
        cursor=cursor,
    )


@router.get("/images/{image_id}")
async def get_public_image(
    system: SystemOf, visitor: Visitor, project_id: ProjectPath, image_id: UUID
) -> PublicImageDetail:
    """Get one image of a public project with its detections."""
    return await public_projects.get_public_image(system, visitor, project_id, image_id)


@router.get(
    "/images/{image_id}/file",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
    },
)
async def get_public_image_file(
    system: SystemOf,
    visitor: Visitor,
    project_id: ProjectPath,
    image_id: UUID,
    size: Annotated[
        int, Query(ge=1, le=10_000, description="Maximum side in pixels: 320 or 1280.")
    ] = THUMBNAIL_SIZES[0],
    if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Download a thumbnail of an image; originals are only for members."""
    etag = f'"{image_id}-{size}"'
    content = await public_projects.get_public_image_file(
        system, visitor, project_id, image_id, size, is_known=if_none_match == etag
    )
    # Browsers revalidate each time, so that they do not show hidden images from their cache.
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if content is None:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="image/jpeg", headers=headers)
