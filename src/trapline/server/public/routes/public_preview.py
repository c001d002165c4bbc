"""The preview of a public project, for its members."""

from fastapi import APIRouter

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import ProjectPath
from trapline.server.public.actions import public_projects
from trapline.wire.public_projects import PublicPreview

router = APIRouter(prefix="/projects", tags=["projects"])


@router.get("/{project_id}/public_preview")
async def show_public_preview(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath
) -> PublicPreview:
    """Count the images that visitors see, or would see of a public project, and hidden ones."""
    return await public_projects.show_public_preview(system, scope, project_id)
