"""Enqueue background tasks within a transaction; they are not enqueued if it rolls back."""

import json
from typing import Any

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

QUEUE = "chores"
PULLS = "pulls"
"""The queue of tasks that pull from sources, which mostly wait for external servers."""
FETCHES = "fetches"
"""The queue of tasks that download images of runs, so that slow URLs do not delay pull sources."""

EXPORTS = "exports"
"""The queue of tasks that build exports and import files: long tasks, which delay no others."""


async def enqueue_background_task(
    scope: Scope, tx: Transaction, task: str, *, queue: str = QUEUE, **arguments: Any
) -> None:
    """Enqueue a background task by name; a background process runs it after the commit.

    A task runs at least once, so it must be safe to run again.
    """
    await tx.execute(
        "select procrastinate.procrastinate_defer_jobs_v1("
        "array[row(%s, %s, 0, null, null, %s::jsonb, null)"
        "::procrastinate.procrastinate_job_to_defer_v1])",
        (queue, task, json.dumps(arguments, default=str)),
    )
