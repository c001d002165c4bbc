"""Deployments: make, list, show, change, delete."""

from uuid import UUID

from fastapi import APIRouter, Response

from trapline.server.actions import deployments
from trapline.server.routes.access import ScopeOf, SystemOf
from trapline.server.routes.parameters import Cursor, Limit, ProjectFilter, set_etag
from trapline.wire.deployments import Deployment, DeploymentChange, NewDeployment
from trapline.wire.values import Page

router = APIRouter(prefix="/deployments", tags=["deployments"])


@router.get("")
async def list_deployments(
    system: SystemOf, scope: ScopeOf, project: ProjectFilter = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[Deployment]:
    """List deployments by name, of one project or of all of yours."""
    return await deployments.list_deployments(system, scope, project, limit, cursor)


@router.post("", status_code=201)
async def create_deployment(system: SystemOf, scope: ScopeOf, new: NewDeployment, response: Response) -> Deployment:
    """Make a deployment."""
    deployment = await deployments.create_deployment(system, scope, new)
    response.headers["Location"] = f"/api/v2/deployments/{deployment.id}"
    return deployment


@router.get("/{deployment_id}")
async def show_deployment(system: SystemOf, scope: ScopeOf, deployment_id: UUID, response: Response) -> Deployment:
    """Show a deployment."""
    deployment = await deployments.show_deployment(system, scope, deployment_id)
    set_etag(response, deployment.updated_at)
    return deployment


@router.patch("/{deployment_id}")
async def change_deployment(
    system: SystemOf, scope: ScopeOf, deployment_id: UUID, change: DeploymentChange, response: Response
) -> Deployment:
    """Change a deployment; what is left out stays as it is."""
    deployment = await deployments.change_deployment(system, scope, deployment_id, change)
    set_etag(response, deployment.updated_at)
    return deployment


@router.delete("/{deployment_id}", status_code=204)
async def delete_deployment(system: SystemOf, scope: ScopeOf, deployment_id: UUID) -> None:
    """Delete a deployment that has neither images nor pull sources."""
    await deployments.delete_deployment(system, scope, deployment_id)
