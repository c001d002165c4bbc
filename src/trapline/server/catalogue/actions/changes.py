"""Changes of which the page is notified."""

from trapline.server.catalogue.events import Stamps
from trapline.server.catalogue.queries.changes import list_recent_changes
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.events import ChangeEvent


async def sample_changes(system: AppContext, projects: list[int]) -> Stamps:
    """Return the recent changes of projects, for all listeners of this process."""
    scope = Scope.system()
    async with system.database.transaction(scope) as tx:
        found = await list_recent_changes(scope, tx, projects)
    return {
        ChangeEvent(project_id=project, kind=kind, id=key): stamp
        for kind, project, key, stamp in found
    }
