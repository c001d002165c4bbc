"""Record the images that showed a sensitive taxon before it was listed, in the background."""

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.deadlock_retry import retry_on_deadlock
from trapline.server.review.queries.sensitive_sightings import (
    find_unrecorded_project,
    record_next_chunk,
)


async def record_sightings(system: AppContext, scope: Scope) -> bool:
    """Search one chunk of images for sensitive taxa; return whether there may be more."""
    return await retry_on_deadlock(lambda: _record_once(system, scope))


async def _record_once(system: AppContext, scope: Scope) -> bool:
    async with system.database.transaction(scope) as tx:
        project_id = await find_unrecorded_project(scope, tx)
        if project_id is None:
            return False
        await record_next_chunk(scope, tx, project_id)
        return True
