"""End pull runs: record the outcome and schedule the next run of the source."""

from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import NotFound
from trapline.server.platform.metrics import PULL_RUNS
from trapline.server.sources.actions.next_run import postpone_source, schedule_file_retry
from trapline.server.sources.actions.pull_run import ActivePullRun
from trapline.server.sources.actions.pull_run_starts import begin_run
from trapline.server.sources.queries.pull_runs import (
    PullRunOwnershipLost,
    finish_run,
    has_listed_since,
)
from trapline.server.sources.queries.pulled_files import count_due_files
from trapline.server.sources.queries.pushed_files import has_pushed_files
from trapline.server.sources.queries.sources import (
    RunRow,
    get_source_row,
)
from trapline.server.sources.rules.pull_policy import LISTED_AGAIN_AFTER
from trapline.server.sources.rules.pushed_events import BACKLOG, EVENT, SCHEDULE


async def complete_run(pull: ActivePullRun) -> None:
    """End a run as completed, and start the next run if files wait for it."""
    async with pull.system.database.transaction(pull.scope) as tx:
        source = await get_source_row(pull.scope, tx, pull.source.id, lock=True)
        remaining = await count_due_files(pull.scope, tx, source)
        await finish_run(pull.scope, tx, pull.run_id, "completed", remaining=remaining)
        source.consecutive_failures = 0
        source.not_before = None
        source.last_error = None
        source.last_pull_timestamp = datetime.now(UTC)
        if pull.last_taken is not None:
            source.last_pulled_filename = pull.last_taken[1]
        if source.is_active and await has_pushed_files(pull.scope, tx, source):
            # These files were announced while this run was in progress.
            await begin_run(pull.scope, tx, source, EVENT)
        elif source.is_active and pull.is_scheduled and remaining and pull.given:
            # The file limit applies to each run. A large source is not listed again for each part
            # of its files.
            is_listed = await has_listed_since(pull.scope, tx, source.id, LISTED_AGAIN_AFTER)
            await begin_run(pull.scope, tx, source, BACKLOG if is_listed else SCHEDULE)
        await schedule_file_retry(pull.scope, tx, source)
    PULL_RUNS.labels(str(pull.source.id), "completed").inc()


async def fail_run(
    system: AppContext, scope: Scope, run: RunRow, error: str, retry_after_s: int | None = None
) -> None:
    """End a run as failed; each consecutive failure makes the backoff of the source longer."""
    error = error.replace("\x00", "").encode("utf-8", "replace").decode()
    with suppress(PullRunOwnershipLost, NotFound):
        async with system.database.transaction(scope) as tx:
            # The source is locked before its run, as in all other transactions, to avoid deadlocks.
            source = await get_source_row(scope, tx, run.source_id, lock=True)
            await finish_run(scope, tx, run.id, "failed", error=error)
            not_before = postpone_source(source, error, retry_after_s or 0)
            await schedule_file_retry(scope, tx, source)
            if await has_pushed_files(scope, tx, source, due=False):
                # Pushed files do not wait for the schedule.
                source.next_run_at = not_before
        PULL_RUNS.labels(str(run.source_id), "failed").inc()


async def stop_run(system: AppContext, scope: Scope, run_id: UUID, error: str) -> None:
    """End a run as interrupted, for a reason that does not count as a failure."""
    with suppress(PullRunOwnershipLost):
        async with system.database.transaction(scope) as tx:
            source_id = await finish_run(scope, tx, run_id, "interrupted", error=error)
        PULL_RUNS.labels(str(source_id), "interrupted").inc()


async def interrupt_and_resume(system: AppContext, scope: Scope, run: RunRow) -> None:
    """End a run as interrupted when its process stops, and make its source due immediately."""
    async with system.database.transaction(scope) as tx:
        source = await get_source_row(scope, tx, run.source_id, lock=True)
        error = "interrupted by a stop of the server; the next run continues"
        await finish_run(scope, tx, run.id, "interrupted", error=error)
        # Any process can then start the next run immediately.
        source.next_run_at = datetime.now(UTC)
    PULL_RUNS.labels(str(run.source_id), "interrupted").inc()
