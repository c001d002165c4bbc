"""Changes: what the page is told as it happens."""

from trapline.server.catalogue.events import Stamps
from trapline.server.catalogue.queries.changes import list_lately_changed
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import System
from trapline.wire.events import Change


async def sample_changes(system: System, projects: list[int]) -> Stamps:
    """Ask what changed lately in these projects, for all who listen to them in this process."""
    scope = Scope.system()
    async with system.database.transaction(scope) as tx:
        found = await list_lately_changed(scope, tx, projects)
    return {Change(project_id=project, kind=kind, id=key): stamp for kind, project, key, stamp in found}
