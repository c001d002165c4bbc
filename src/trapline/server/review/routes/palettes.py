"""Routes of the species palette of a project."""

from fastapi import APIRouter, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import ProjectPath, set_etag
from trapline.server.review.actions import palettes
from trapline.wire.palettes import Palette, PaletteUpdate

router = APIRouter(prefix="/projects/{project_id}/palette", tags=["observations"])


@router.get("")
async def get_palette(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, response: Response
) -> Palette:
    """Show which species the keys 1 to 9 of the review assign."""
    palette = await palettes.get_palette(system, scope, project_id)
    if palette.updated_at is not None:
        set_etag(response, palette.updated_at)
    return palette


@router.put("")
async def update_palette(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    wanted: PaletteUpdate,
    response: Response,
) -> Palette:
    """Pin species to keys, in place of all earlier pins.

    Keys that are not given have the most frequent species of the project.
    """
    palette = await palettes.update_palette(system, scope, project_id, wanted)
    if palette.updated_at is not None:
        set_etag(response, palette.updated_at)
    return palette
