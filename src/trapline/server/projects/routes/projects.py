"""Projects: create, list, get, update, delete, restore."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import Cursor, ProjectPath, set_etag
from trapline.server.projects.actions import project_deletion, projects
from trapline.wire.auth import TokenKind
from trapline.wire.projects import NewProject, Project, ProjectUpdate
from trapline.wire.values import Page

router = APIRouter(prefix="/projects", tags=["projects"])


@router.get("")
async def list_projects(
    system: SystemOf,
    scope: ScopeOf,
    limit: int = Query(50, ge=1, le=1000),
    cursor: Cursor = None,
    deleted: Annotated[
        bool, Query(description="List the deleted projects that you own and can restore.")
    ] = False,
) -> Page[Project]:
    """List your projects; a worker token gets all of its projects on one page."""
    if deleted:
        return await project_deletion.list_deleted_projects(system, scope, limit, cursor)
    return await projects.list_projects(
        system, scope, 1000 if scope.kind == TokenKind.WORKER else limit, cursor
    )


@router.post("", status_code=201)
async def create_project(
    system: SystemOf, scope: ScopeOf, new: NewProject, response: Response
) -> Project:
    """Create a project; you become its owner."""
    project = await projects.create_project(system, scope, new)
    response.headers["Location"] = f"/api/v2/projects/{project.id}"
    return project


@router.get("/{project_id}")
async def get_project(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, response: Response
) -> Project:
    """Get a project."""
    project = await projects.get_project(system, scope, project_id)
    set_etag(response, project.updated_at)
    return project


@router.patch("/{project_id}")
async def update_project(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    change: ProjectUpdate,
    response: Response,
) -> Project:
    """Update a project; omitted fields keep their values."""
    project = await projects.update_project(system, scope, project_id, change)
    set_etag(response, project.updated_at)
    return project


@router.delete("/{project_id}")
async def delete_project(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    name: Annotated[
        str, Query(max_length=255, description="The name of the project, as a confirmation.")
    ],
) -> Project:
    """Delete a project: it is hidden now, and purged with all its data after `purge_after`."""
    return await project_deletion.delete_project(system, scope, project_id, name)


@router.post("/{project_id}/restore")
async def restore_project(system: SystemOf, scope: ScopeOf, project_id: ProjectPath) -> Project:
    """Restore a deleted project and resume the sources and webhooks that the deletion paused."""
    return await project_deletion.restore_project(system, scope, project_id)
