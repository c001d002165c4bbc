"""Routes of saved views: named filters of the images of a project."""

from uuid import UUID

from fastapi import APIRouter, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.catalogue.actions import saved_views
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectFilter, set_etag
from trapline.wire.saved_views import NewSavedView, SavedView, SavedViewUpdate
from trapline.wire.values import Page

router = APIRouter(prefix="/saved-views", tags=["saved views"])


@router.get("")
async def list_saved_views(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SavedView]:
    """List saved views by name."""
    return await saved_views.list_saved_views(system, scope, project, limit=limit, cursor=cursor)


@router.post("", status_code=201)
async def create_saved_view(
    system: SystemOf, scope: ScopeOf, new: NewSavedView, response: Response
) -> SavedView:
    """Save a filter of images with its order under a name, for all members of the project."""
    view = await saved_views.create_saved_view(system, scope, new)
    response.headers["Location"] = f"/api/v2/saved-views/{view.id}"
    return view


@router.get("/{view_id}")
async def get_saved_view(
    system: SystemOf, scope: ScopeOf, view_id: UUID, response: Response
) -> SavedView:
    """Get one saved view."""
    view = await saved_views.get_saved_view(system, scope, view_id)
    set_etag(response, view.updated_at)
    return view


@router.patch("/{view_id}")
async def update_saved_view(
    system: SystemOf, scope: ScopeOf, view_id: UUID, change: SavedViewUpdate, response: Response
) -> SavedView:
    """Change a saved view of your own, or as a manager any; omitted fields are kept."""
    view = await saved_views.update_saved_view(system, scope, view_id, change)
    set_etag(response, view.updated_at)
    return view


@router.delete("/{view_id}", status_code=204)
async def delete_saved_view(system: SystemOf, scope: ScopeOf, view_id: UUID) -> None:
    """Delete a saved view of your own, or as a manager any; images are kept."""
    await saved_views.delete_saved_view(system, scope, view_id)
