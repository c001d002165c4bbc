"""Create, list, get, update and delete deployments."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.images.actions import clock_offsets, deployment_csv, deployments
from trapline.server.images.formats.deployment_csv import MOST_BYTES
from trapline.server.images.rules.filters import DeploymentFilter
from trapline.server.platform.http.parameters import (
    LARGEST,
    Cursor,
    Limit,
    ProjectFilter,
    QueryText,
    set_etag,
)
from trapline.server.platform.http.request_bodies import read_body
from trapline.wire.deployments import (
    ClockOffsetRequest,
    ClockPreview,
    Deployment,
    DeploymentImportResult,
    DeploymentOrder,
    DeploymentUpdate,
    NewDeployment,
)
from trapline.wire.values import Page

router = APIRouter(prefix="/deployments", tags=["deployments"])
OfProject = Annotated[int, Query(ge=1, le=LARGEST)]
SHEET: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
}


@router.get("")
async def list_deployments(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    name: QueryText | None = None,
    camera: QueryText | None = None,
    habitat: QueryText | None = None,
    order: DeploymentOrder = DeploymentOrder.BY_NAME,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Deployment]:
    """List deployments of one project, or of all your projects, by name or by creation time."""
    wanted = DeploymentFilter(name, camera, habitat)
    return await deployments.list_deployments(
        system, scope, project, wanted, order=order, limit=limit, cursor=cursor
    )


@router.post("", status_code=201)
async def create_deployment(
    system: SystemOf, scope: ScopeOf, new: NewDeployment, response: Response
) -> Deployment:
    """Create a deployment."""
    deployment = await deployments.create_deployment(system, scope, new)
    response.headers["Location"] = f"/api/v2/deployments/{deployment.id}"
    return deployment


@router.get("/csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export_deployments(system: SystemOf, scope: ScopeOf, project: OfProject) -> Response:
    """Export the deployments of a project as CSV."""
    text = await deployment_csv.export_deployments(system, scope, project)
    headers = {"Content-Disposition": f'attachment; filename="deployments-{project}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/csv", openapi_extra=SHEET)
async def import_deployments(
    system: SystemOf, scope: ScopeOf, project: OfProject, request: Request
) -> DeploymentImportResult:
    """Create and update deployments from a CSV file, all or none, identified by their names."""
    return await deployment_csv.import_deployments(
        system, scope, project, await read_body(request, MOST_BYTES)
    )


@router.get("/{deployment_id}")
async def get_deployment(
    system: SystemOf, scope: ScopeOf, deployment_id: UUID, response: Response
) -> Deployment:
    """Get a deployment."""
    deployment = await deployments.get_deployment(system, scope, deployment_id)
    set_etag(response, deployment.updated_at)
    return deployment


@router.patch("/{deployment_id}")
async def update_deployment(
    system: SystemOf,
    scope: ScopeOf,
    deployment_id: UUID,
    change: DeploymentUpdate,
    response: Response,
) -> Deployment:
    """Update a deployment; fields that are left out are kept.

    A new clock offset changes the capture times of its images.
    """
    deployment = await deployments.update_deployment(system, scope, deployment_id, change)
    set_etag(response, deployment.updated_at)
    return deployment


@router.post("/{deployment_id}/clock/preview")
async def preview_clock_offset(
    system: SystemOf, scope: ScopeOf, deployment_id: UUID, wanted: ClockOffsetRequest
) -> ClockPreview:
    """Return what another clock offset or time zone would change; nothing is changed."""
    return await clock_offsets.preview_clock_offset(system, scope, deployment_id, wanted)


@router.post("/{deployment_id}/clock/undo")
async def undo_clock_offset(
    system: SystemOf, scope: ScopeOf, deployment_id: UUID, response: Response
) -> Deployment:
    """Restore the previous clock offset and time zone, and the capture times with them."""
    deployment = await clock_offsets.undo_clock_offset(system, scope, deployment_id)
    set_etag(response, deployment.updated_at)
    return deployment


@router.delete("/{deployment_id}", status_code=204)
async def delete_deployment(system: SystemOf, scope: ScopeOf, deployment_id: UUID) -> None:
    """Delete a deployment that has neither images nor pull sources."""
    await deployments.delete_deployment(system, scope, deployment_id)
