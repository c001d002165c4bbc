"""Start pull runs: on request, on the schedule of the source, or after a process died."""

import random
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from trapline.server.images.queries.deployments import get_deployment_row
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.background_tasks import PULLS, enqueue_background_task
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.errors import (
    Conflict,
    TraplineError,
)
from trapline.server.sources.actions.next_run import postpone_source
from trapline.server.sources.actions.pull_run import format_internal_error
from trapline.server.sources.queries.pull_runs import (
    count_interrupted_runs,
    create_run,
    find_active_run,
    has_no_run,
    interrupt_dead_run,
    list_sources_with_dead_runs,
)
from trapline.server.sources.queries.sources import (
    SourceRow,
    claim_due_sources,
    get_source_row,
)
from trapline.server.sources.rules.next_run import get_next_run
from trapline.server.sources.rules.pushed_events import SCHEDULE
from trapline.wire.sources import PullRunAccepted

log = structlog.get_logger(__name__)

PULL = "pull_source"
"""The name of the background task that executes a run."""

DUE_AT_ONCE = 50

# A run may die for reasons that have nothing to do with it. After this many such runs in a row
# without progress, the source is treated as failing.
MAX_FRUITLESS_RUNS = 3

_chance = random.Random()  # noqa: S311 - jitter needs no secure randomness


async def start_run(
    system: AppContext, scope: Scope, source_id: UUID, max_files: int | None
) -> PullRunAccepted:
    """Start a run on request.

    Raises:
        NotFound: the source does not exist.
        Forbidden: the caller may not start runs.
        Conflict: a run of this source is in progress.
    """
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, PullRunAccepted)
        source = await get_source_row(scope, tx, source_id, lock=True)
        if done:
            return done
        is_first = await has_no_run(scope, tx, source_id)
        run_id = await begin_run(scope, tx, source, "manual", max_files)
        if is_first:
            # This run replaces the first scheduled run after the creation of the source.
            deployment = await get_deployment_row(scope, tx, source.deployment_id)
            source.next_run_at = get_next_run(
                source.schedule, ZoneInfo(deployment.time_zone), datetime.now(UTC), _chance
            )
        while run_id is None:
            running = await find_active_run(scope, tx, source_id)
            if running is None:
                # The run ended between the two queries.
                run_id = await begin_run(scope, tx, source, "manual", max_files)
                continue
            raise Conflict(
                f"Run {running.id} of this source is already in progress. Nothing was started. "
                f"See /api/v2/image-pull-sources/{source_id}/runs/{running.id}."
            )
        tx.audit("run", "source", source.id, source.project_id)
        url = f"/api/v2/image-pull-sources/{source_id}/runs/{run_id}"
        return save_response(scope, tx, PullRunAccepted(run_id=run_id, check_status_at=url))


async def begin_run(
    scope: Scope, tx: Transaction, source: SourceRow, trigger: str, max_files: int | None = None
) -> UUID | None:
    """Create a run of a locked source and queue its background task; None if one is in progress."""
    await interrupt_dead_run(scope, tx, source.id)
    if await find_active_run(scope, tx, source.id) is not None:
        return None
    run = await create_run(scope, tx, source, trigger, max_files)
    await enqueue_background_task(scope, tx, PULL, queue=PULLS, run_id=run.id)
    return run.id


async def start_due_runs(system: AppContext, scope: Scope) -> int:
    """Start the runs that are due; returns the number of runs.

    Any number of missed runs of a source is made up by one run.
    """
    started = 0
    for _ in range(DUE_AT_ONCE):
        source_id: UUID | None = None
        try:
            async with system.database.transaction(scope) as tx:
                for source in await claim_due_sources(scope, tx, 1):
                    source_id = source.id
                    deployment = await get_deployment_row(scope, tx, source.deployment_id)
                    now = datetime.now(UTC)
                    source.next_run_at = get_next_run(
                        source.schedule, ZoneInfo(deployment.time_zone), now, _chance
                    )
                    started += await begin_run(scope, tx, source, SCHEDULE) is not None
        except TraplineError:
            raise
        except Exception as error:
            if source_id is None:
                raise
            # An unexpected error of one source must not block all others.
            log.exception("a due run could not be started", source=str(source_id))
            async with system.database.transaction(scope) as tx:
                postpone_source(
                    await get_source_row(scope, tx, source_id, lock=True),
                    format_internal_error(error),
                )
        if source_id is None:
            break
    return started


async def restart_dead_runs(system: AppContext, scope: Scope) -> int:
    """Start a run for each source whose run has lost its process; returns the number of runs.

    A paused source is not changed. A source whose runs die repeatedly without progress is treated
    as failing.
    """
    async with system.database.transaction(scope) as tx:
        started = 0
        for source_id in await list_sources_with_dead_runs(scope, tx):
            source = await get_source_row(scope, tx, source_id, lock=True)
            await interrupt_dead_run(scope, tx, source_id)
            if not source.is_active:
                continue
            if await count_interrupted_runs(scope, tx, source_id) > MAX_FRUITLESS_RUNS:
                log.error("the runs of a source die repeatedly", source=str(source_id))
                postpone_source(
                    source,
                    "its runs were interrupted repeatedly: the process of each run died",
                )
                continue
            started += await begin_run(scope, tx, source, "resumed") is not None
    return started
