"""Routes of presets: named pipelines with parameters."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import (
    LARGEST,
    Cursor,
    Limit,
    ProjectFilter,
    QueryText,
    set_etag,
)
from trapline.server.queue.actions import presets
from trapline.server.queue.rules.list_filters import PresetFilter
from trapline.wire.presets import NewPreset, Preset, PresetOrder, PresetUpdate
from trapline.wire.values import Page

router = APIRouter(prefix="/presets", tags=["presets"])

PresetPath = Annotated[int, Path(ge=1, le=LARGEST)]


@router.get("")
async def list_presets(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    name: QueryText | None = None,
    pipeline: Annotated[QueryText | None, Query(description="The slug of their pipeline.")] = None,
    order: PresetOrder = PresetOrder.BY_NAME,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Preset]:
    """List presets by name."""
    wanted = PresetFilter(name, pipeline)
    descending = order == PresetOrder.BY_NAME_BACKWARDS
    return await presets.list_presets(
        system, scope, project, wanted, descending=descending, limit=limit, cursor=cursor
    )


@router.post("", status_code=201)
async def create_preset(
    system: SystemOf, scope: ScopeOf, new: NewPreset, response: Response
) -> Preset:
    """Create a preset: a name for a pipeline with its parameters."""
    preset = await presets.create_preset(system, scope, new)
    response.headers["Location"] = f"/api/v2/presets/{preset.id}"
    return preset


@router.get("/{preset_id}")
async def get_preset(
    system: SystemOf, scope: ScopeOf, preset_id: PresetPath, response: Response
) -> Preset:
    """Get one preset."""
    preset = await presets.get_preset(system, scope, preset_id)
    set_etag(response, preset.updated_at)
    return preset


@router.patch("/{preset_id}")
async def update_preset(
    system: SystemOf,
    scope: ScopeOf,
    preset_id: PresetPath,
    change: PresetUpdate,
    response: Response,
) -> Preset:
    """Change a preset; omitted fields are kept. Existing runs are not changed."""
    preset = await presets.update_preset(system, scope, preset_id, change)
    set_etag(response, preset.updated_at)
    return preset


@router.delete("/{preset_id}", status_code=204)
async def delete_preset(system: SystemOf, scope: ScopeOf, preset_id: PresetPath) -> None:
    """Delete a preset; its runs are kept."""
    await presets.delete_preset(system, scope, preset_id)
