"""Routes of the settings of observations."""

from fastapi import APIRouter, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import ProjectPath, set_etag
from trapline.server.review.actions import observation_settings
from trapline.wire.observation_settings import (
    ObservationPreview,
    ObservationSettings,
    ObservationSettingsChange,
)

router = APIRouter(prefix="/projects/{project_id}/observation-settings", tags=["observations"])


@router.get("")
async def get_observation_settings(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, response: Response
) -> ObservationSettings:
    """Show how observations are derived: thresholds, pipelines, labels, and who decides."""
    settings = await observation_settings.get_observation_settings(system, scope, project_id)
    set_etag(response, settings.updated_at)
    return settings


@router.patch("")
async def change_observation_settings(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    change: ObservationSettingsChange,
    response: Response,
) -> ObservationSettings:
    """Change settings; observations are derived again in the background.

    Until that is complete, lists show the observations of the earlier settings.
    """
    settings = await observation_settings.change_observation_settings(
        system, scope, project_id, change
    )
    set_etag(response, settings.updated_at)
    return settings


@router.post("/preview")
async def preview_observation_settings(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, change: ObservationSettingsChange
) -> ObservationPreview:
    """Show what a change would do to the newest 1,000 images, without changing anything."""
    return await observation_settings.preview_observation_settings(
        system, scope, project_id, change
    )
