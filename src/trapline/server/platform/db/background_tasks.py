"""Asking for background work within a transaction: if it rolls back, the chore was never asked for."""

import json
from typing import Any

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

QUEUE = "chores"
PULLS = "pulls"
"""The queue of the chores that wait for pull sources nearly all the time."""
FETCHES = "fetches"
"""The queue of the chores that fetch pictures of runs: whoever names slow addresses keeps no pull source waiting."""

EXPORTS = "exports"
"""The queue of the chores that make exports and take files in: they take long, and all else goes on beside them."""


async def enqueue_background_task(
    scope: Scope, tx: Transaction, task: str, *, queue: str = QUEUE, **arguments: Any
) -> None:
    """Ask for a chore by the name of its task; some background process does it after the commit, at least once."""
    await tx.execute(
        "select procrastinate.procrastinate_defer_jobs_v1(array[row(%s, %s, 0, null, null, %s::jsonb, null)"
        "::procrastinate.procrastinate_job_to_defer_v1])",
        (queue, task, json.dumps(arguments, default=str)),
    )
