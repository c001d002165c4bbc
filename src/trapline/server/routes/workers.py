"""Processing services and the workers behind them: list."""

from fastapi import APIRouter

from trapline.server.actions import workers
from trapline.server.routes.access import ScopeOf, SystemOf
from trapline.server.routes.parameters import Cursor, Limit, ProjectFilter
from trapline.wire.values import Page
from trapline.wire.workers import ProcessingService

router = APIRouter(tags=["workers"])


@router.get("/processing_services")
async def list_services(
    system: SystemOf, scope: ScopeOf, project: ProjectFilter = None, limit: Limit = 50, cursor: Cursor = None
) -> Page[ProcessingService]:
    """List processing services and their workers, of one project or of all of yours."""
    return await workers.list_services(system, scope, project, limit, cursor)
