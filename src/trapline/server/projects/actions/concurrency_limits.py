"""How many exports and imports a project may have on their way."""

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Conflict
from trapline.server.projects.queries.concurrency_limits import LiveWork, count_live

MOST_LIVE = 20
"""So many of a kind are waiting or under way in a project."""
_DOING = {
    LiveWork.EXPORTS: "exports of this project are being made",
    LiveWork.IMPORTS: "imports of this project are being taken in",
}


async def check_live(scope: Scope, tx: Transaction, kind: LiveWork, project_id: int) -> None:
    """Make sure that there is room for one more. Raises Conflict."""
    if await count_live(scope, tx, kind, project_id) >= MOST_LIVE:
        raise Conflict(
            f"{MOST_LIVE} {_DOING[kind]}. Nothing was stored; wait for one of them, or cancel one that nobody needs."
        )
