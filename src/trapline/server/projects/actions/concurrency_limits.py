"""How many exports and imports a project may have on their way."""

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Conflict
from trapline.server.projects.queries.concurrency_limits import LimitedWork, count_active

MOST_LIVE = 20
"""So many of a kind are waiting or under way in a project."""
_DOING = {
    LimitedWork.EXPORTS: "exports of this project are being made",
    LimitedWork.IMPORTS: "imports of this project are being taken in",
}


async def require_capacity(
    scope: Scope, tx: Transaction, kind: LimitedWork, project_id: int
) -> None:
    """Make sure that there is room for one more. Raises Conflict."""
    if await count_active(scope, tx, kind, project_id) >= MOST_LIVE:
        raise Conflict(
            f"{MOST_LIVE} {_DOING[kind]}. Nothing was stored; wait for one of them, or cancel one that nobody needs."
        )
