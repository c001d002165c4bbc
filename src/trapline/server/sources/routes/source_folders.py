"""Routes for folders on the server that operators grant to projects for their sources."""

from uuid import UUID

from fastapi import APIRouter

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectFilter
from trapline.server.sources.actions import source_folders
from trapline.wire.source_folders import NewSourceFolder, SourceFolder, UngrantedSource
from trapline.wire.values import Page

router = APIRouter(prefix="/source-folders", tags=["pull sources"])


@router.get("")
async def list_source_folders(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SourceFolder]:
    """List granted folders; an operator sees those of all projects."""
    return await source_folders.list_folders(system, scope, project, limit, cursor)


@router.post("", status_code=201)
async def grant_source_folder(
    system: SystemOf, scope: ScopeOf, new: NewSourceFolder
) -> SourceFolder:
    """Grant a folder to a project."""
    return await source_folders.grant_folder(system, scope, new)


@router.get("/missing")
async def list_ungranted_sources(system: SystemOf, scope: ScopeOf) -> list[UngrantedSource]:
    """List the sources that do not run because their folder is not granted to their project."""
    return await source_folders.list_ungranted_sources(system, scope)


@router.delete("/{folder_id}", status_code=204)
async def revoke_source_folder(system: SystemOf, scope: ScopeOf, folder_id: UUID) -> None:
    """Revoke a folder; the sources that read it pause, and their images are kept."""
    await source_folders.revoke_folder(system, scope, folder_id)
