"""The limit of exports and imports that a project has at the same time."""

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Conflict
from trapline.server.projects.queries.concurrency_limits import LimitedWork, count_active

MOST_LIVE = 20
"""The number of queued and running rows of one kind that a project may have."""


async def require_capacity(
    scope: Scope, tx: Transaction, kind: LimitedWork, project_id: int
) -> None:
    """Require that a project may start one more.

    Raises:
        Conflict: the project has as many as allowed.
    """
    if await count_active(scope, tx, kind, project_id) >= MOST_LIVE:
        raise Conflict(
            f"{MOST_LIVE} {kind.description}. Nothing was stored. Wait until one of them has "
            "ended, or cancel one."
        )
