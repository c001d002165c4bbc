"""Pulling: begin a run, list what is there, take each new file once, note what became of it.

Killed anywhere, the next run neither loses nor doubles a file: each file's image, its line in the
ledger and the run's counts are one transaction, which fails as a whole once the run is no longer
ours.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from trapline.server.images.actions.image_import import build_import_target
from trapline.server.images.queries.deployments import get_deployment_row
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.background_tasks import PULLS, enqueue_background_task
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.errors import (
    Conflict,
    DatabaseUnavailable,
    NotFound,
    OutboundFailed,
    TraplineError,
)
from trapline.server.platform.metrics import PULL_RUNS
from trapline.server.platform.vault import DecryptionError
from trapline.server.projects.queries.projects import is_archived
from trapline.server.sources.actions.gateways import open_gateway
from trapline.server.sources.actions.listed_starts import judge_starts
from trapline.server.sources.actions.pull_files import import_files
from trapline.server.sources.actions.pull_run import (
    ActivePullRun,
    SourceFailing,
    SourcePaused,
    format_internal_error,
)
from trapline.server.sources.actions.source_folders import require_granted_for_run
from trapline.server.sources.queries.pull_runs import (
    HEARTBEAT_S,
    PullRunOwnershipLost,
    claim_run,
    count_interrupted_runs,
    create_run,
    find_active_run,
    finish_run,
    has_listed_since,
    has_no_run,
    interrupt_dead_run,
    list_sources_with_dead_runs,
    record_left_out,
    update_run_counts,
)
from trapline.server.sources.queries.pulled_files import (
    ListedFile,
    count_due_files,
    find_next_retry,
    list_unknown_files,
    record_unlisted,
    upsert_listed_files,
)
from trapline.server.sources.queries.pushed_files import has_pushed_files
from trapline.server.sources.queries.sources import (
    RunRow,
    SourceRow,
    claim_due_sources,
    get_source_row,
)
from trapline.server.sources.rules.pull_policy import (
    FIRST_RETRY,
    LEFT_FOR,
    LIST_WITHIN,
    LISTED_AGAIN_AFTER,
    MINUTE,
    RETRIED_TOGETHER,
    find_exclusion,
    get_next_run,
    get_source_delay,
)
from trapline.server.sources.rules.pushed_events import BACKLOG, EVENT, SCHEDULE, needs_listing
from trapline.wire.sources import PullRunAccepted

log = structlog.get_logger(__name__)

PULL = "pull_source"
"""The name of the chore that does a run."""
PROJECT_ARCHIVED = "the project was archived before this run began; nothing was listed or imported"

DUE_AT_ONCE = 50
LISTED_AT_ONCE = 500
# A run that took its process with it may have been the innocent one, but not so many times in a
# row.
FRUITLESS_AT_MOST = 3
_chance = random.Random()  # noqa: S311 - jitter is no secret


async def start_run(
    system: AppContext, scope: Scope, source_id: UUID, max_files: int | None
) -> PullRunAccepted:
    """Begin a run by hand. Raises NotFound, Forbidden, Conflict where one is in progress."""
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, PullRunAccepted)
        source = await get_source_row(scope, tx, source_id, lock=True)
        if done:
            return done
        is_first = await has_no_run(scope, tx, source_id)
        run_id = await begin_run(scope, tx, source, "manual", max_files)
        if is_first:
            # It takes the place of the run that follows the creation of a source.
            deployment = await get_deployment_row(scope, tx, source.deployment_id)
            source.next_run_at = get_next_run(
                source.schedule, ZoneInfo(deployment.time_zone), datetime.now(UTC), _chance
            )
        while run_id is None:
            running = await find_active_run(scope, tx, source_id)
            if running is None:
                # It ended between the two looks.
                run_id = await begin_run(scope, tx, source, "manual", max_files)
                continue
            raise Conflict(
                f"Run {running.id} of this source is in progress already; "
                f"see /api/v2/image-pull-sources/{source_id}/runs/{running.id}. Nothing was started."
            )
        tx.audit("run", "source", source.id, source.project_id)
        address = f"/api/v2/image-pull-sources/{source_id}/runs/{run_id}"
        return save_response(scope, tx, PullRunAccepted(run_id=run_id, check_status_at=address))


async def begin_run(
    scope: Scope, tx: Transaction, source: SourceRow, trigger: str, max_files: int | None = None
) -> UUID | None:
    """Add a run of a locked source and ask for the chore that does it; None if one is in progress."""
    await interrupt_dead_run(scope, tx, source.id)
    if await find_active_run(scope, tx, source.id) is not None:
        return None
    run = await create_run(scope, tx, source, trigger, max_files)
    await enqueue_background_task(scope, tx, PULL, queue=PULLS, run_id=run.id)
    return run.id


async def start_due_runs(system: AppContext, scope: Scope) -> int:
    """Begin the runs whose time has come; answers how many.

    Missed ones are caught up once, running ones left alone.
    """
    begun = 0
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
                    begun += await begin_run(scope, tx, source, SCHEDULE) is not None
        except TraplineError:
            raise
        except Exception as error:
            if source_id is None:
                raise
            # One source that breaks us must not keep all others from their turn.
            log.exception("a due run could not be begun", source=str(source_id))
            async with system.database.transaction(scope) as tx:
                _leave_alone(
                    await get_source_row(scope, tx, source_id, lock=True),
                    format_internal_error(error),
                )
        if source_id is None:
            break
    return begun


async def restart_dead_runs(system: AppContext, scope: Scope) -> int:
    """Begin a run after each whose process gives no sign of life, so that its source goes on;
    answers how many.

    A paused source stays as it is, and one whose runs die again and again without taking anything
    is left alone like any other that fails.
    """
    async with system.database.transaction(scope) as tx:
        begun = 0
        for source_id in await list_sources_with_dead_runs(scope, tx):
            source = await get_source_row(scope, tx, source_id, lock=True)
            await interrupt_dead_run(scope, tx, source_id)
            if not source.is_active:
                continue
            if await count_interrupted_runs(scope, tx, source_id) > FRUITLESS_AT_MOST:
                log.error("a source's runs die again and again", source=str(source_id))
                _leave_alone(
                    source,
                    "its runs end in the middle again and again: each took its process with it",
                )
                continue
            begun += await begin_run(scope, tx, source, "resumed") is not None
    return begun


async def run_pull(system: AppContext, scope: Scope, run_id: UUID) -> None:
    """Do a run, unless another process has taken it or it is over."""
    async with system.database.transaction(scope) as tx:
        run = await claim_run(scope, tx, run_id)
        if run is None:
            return
        if await is_archived(scope, tx, run.project_id):
            # Also one that was started by hand: nothing is changed in an archived project.
            await finish_run(scope, tx, run_id, "interrupted", error=PROJECT_ARCHIVED)
            return
    with structlog.contextvars.bound_contextvars(
        project=run.project_id, source=str(run.source_id), run=str(run_id)
    ):
        await _do_or_fail(system, scope, run)


async def _do_or_fail(system: AppContext, scope: Scope, run: RunRow) -> None:
    try:
        await _do_run(system, scope, run)
    except PullRunOwnershipLost:
        log.warning("a run was taken over")
    except SourceFailing as sick:
        await _fail(system, scope, run, str(sick), sick.error.retry_after_s)
    except SourcePaused:
        await _stop(
            system, scope, run.id, "the source was paused; what is left is taken once it goes on"
        )
    except DatabaseUnavailable:
        # No fault of the source. Whoever sees that this run has fallen silent goes on with it.
        log.warning("a run ended because the database is away")
    except (TraplineError, DecryptionError) as error:
        log.warning("a run failed", reason=str(error))
        await _fail(
            system,
            scope,
            run,
            str(error),
            error.retry_after_s if isinstance(error, OutboundFailed) else 0,
        )
    except Exception as error:
        log.exception("a run broke")
        await _fail(system, scope, run, format_internal_error(error))
    except BaseException:
        # A stop: what was taken is noted; the run must not look as if it went on.
        with suppress(TraplineError, PullRunOwnershipLost):
            await asyncio.shield(_interrupt(system, scope, run))
        raise


async def _do_run(system: AppContext, scope: Scope, run: RunRow) -> None:
    async with system.database.transaction(scope) as tx:
        source = await get_source_row(scope, tx, run.source_id)
        folder = await require_granted_for_run(system, scope, tx, source)
        deployment = await get_deployment_row(scope, tx, source.deployment_id)
    place = build_import_target(deployment, source.id, source.filename_time_pattern)
    is_event = run.trigger == EVENT
    is_scheduled = run.trigger in (SCHEDULE, BACKLOG)
    max_files = source.max_files_per_run if run.max_files is None else run.max_files
    gateway = open_gateway(system, source, folder)
    try:
        doing = ActivePullRun(
            system,
            scope,
            run.id,
            source,
            place,
            gateway,
            max_files,
            run.started_at,
            only_pushed=is_event,
        )
        doing.is_scheduled = is_scheduled
        async with _heartbeat(doing):
            if run.trigger not in (EVENT, BACKLOG) or needs_listing(
                source.gateway, source.base_url
            ):
                await _list(doing)
                doing.may_blame = True
            await import_files(doing)
            await _finish(doing)
    finally:
        await gateway.close()


@asynccontextmanager
async def _heartbeat(pull: ActivePullRun) -> AsyncIterator[None]:
    async def give_signs() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            with suppress(DatabaseUnavailable):
                async with pull.system.database.sql_transaction(pull.scope) as tx:
                    await update_run_counts(pull.scope, tx, pull.run_id, listed=pull.count_listed())

    beating = asyncio.create_task(give_signs())
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError, PullRunOwnershipLost):
            await beating


async def _list(pull: ActivePullRun) -> None:
    """Compare the listing with the ledger, batch by batch; what the ledger knows is not written again."""
    within = asyncio.timeout(LIST_WITHIN.total_seconds())
    noting: asyncio.Task[None] | None = None
    try:
        async with within:
            # One batch is compared while the next one is fetched and read.
            async for batch in _batches(pull):
                if noting is not None:
                    await noting
                noting = asyncio.create_task(_note(pull, batch))
            if noting is not None:
                await noting
            async with pull.system.database.sql_transaction(pull.scope) as tx:
                await record_unlisted(pull.scope, tx, pull.source, pull.walk.folders)
                await record_left_out(
                    pull.scope, tx, pull.run_id, pull.walk.left_out, len(pull.walk.folders)
                )
                await update_run_counts(pull.scope, tx, pull.run_id, listed=pull.count_listed())
    except TimeoutError as error:
        if not within.expired():
            raise
        raise OutboundFailed(
            f"the listing was not over within {LIST_WITHIN // MINUTE} minutes"
        ) from error
    finally:
        if noting is not None:
            noting.cancel()


async def _batches(pull: ActivePullRun) -> AsyncIterator[list[ListedFile]]:
    source = pull.source
    batch: list[ListedFile] = []
    async for entry in pull.gateway.list_files(pull.walk):
        reason = find_exclusion(entry.path, source.include, source.exclude)
        if reason is None:
            batch.append(ListedFile(entry.path, entry.size, entry.modified_at, entry.fingerprint))
        else:
            pull.walk.leave_out(reason)
        if len(batch) >= LISTED_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


async def _note(pull: ActivePullRun, batch: list[ListedFile]) -> None:
    async with pull.system.database.sql_transaction(pull.scope, each_alone=True) as tx:
        unknown = await list_unknown_files(pull.scope, tx, pull.source, batch)
    pull.listed += len(batch)
    if unknown:
        unknown = await judge_starts(pull.gateway, unknown)
        async with pull.system.database.sql_transaction(pull.scope) as tx:
            new = await upsert_listed_files(pull.scope, tx, pull.source, unknown, LEFT_FOR)
            skipped = sum(file.skipped is not None for file in unknown)
            listed = pull.count_listed()
            await update_run_counts(
                pull.scope, tx, pull.run_id, listed=listed, new=new, skipped=skipped
            )


async def _finish(pull: ActivePullRun) -> None:
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
            # They were told of while this run was in progress.
            await begin_run(pull.scope, tx, source, EVENT)
        elif source.is_active and pull.is_scheduled and remaining and pull.given:
            # The limit is that of one run. A large listing is not fetched again for each part of
            # its files.
            is_listed = await has_listed_since(pull.scope, tx, source.id, LISTED_AGAIN_AFTER)
            await begin_run(pull.scope, tx, source, BACKLOG if is_listed else SCHEDULE)
        await _retry_by_clock(pull.scope, tx, source)
    PULL_RUNS.labels(str(pull.source.id), "completed").inc()


async def _fail(
    system: AppContext, scope: Scope, run: RunRow, error: str, retry_after_s: int | None = None
) -> None:
    """End a run that could not go on; its source is left alone for longer each time, and comes back by itself."""
    error = error.replace("\x00", "").encode("utf-8", "replace").decode()
    with suppress(PullRunOwnershipLost, NotFound):
        async with system.database.transaction(scope) as tx:
            # The source before its run, as whoever changes or deletes it does: else the two lock
            # each other out.
            source = await get_source_row(scope, tx, run.source_id, lock=True)
            await finish_run(scope, tx, run.id, "failed", error=error)
            not_before = _leave_alone(source, error, retry_after_s or 0)
            await _retry_by_clock(scope, tx, source)
            if await has_pushed_files(scope, tx, source, due=False):
                # They are not to wait for the schedule.
                source.next_run_at = not_before
        PULL_RUNS.labels(str(run.source_id), "failed").inc()


def _leave_alone(source: SourceRow, error: str, retry_after_s: int = 0) -> datetime:
    source.consecutive_failures += 1
    source.last_error = error
    # A server that says how long it wants to be left alone is believed, but not that it is well in
    # a moment.
    told = timedelta(seconds=retry_after_s)
    wait = told if told >= FIRST_RETRY else get_source_delay(source.consecutive_failures, _chance)
    source.not_before = not_before = datetime.now(UTC) + wait
    if source.next_run_at is None or source.next_run_at < not_before:
        source.next_run_at = not_before
    return not_before


def advance_next_run(source: SourceRow, at: datetime) -> None:
    """Poll a source at this time already, or as soon as it need not be left alone any longer."""
    at = max(at, source.not_before or at)
    if source.next_run_at is None or source.next_run_at > at:
        source.next_run_at = at


async def _retry_by_clock(scope: Scope, tx: Transaction, source: SourceRow) -> None:
    """Poll a source when its failed files are due again, if its schedule is later."""
    due_at = await find_next_retry(scope, tx, source, RETRIED_TOGETHER)
    if due_at is not None:
        advance_next_run(source, due_at)


async def _stop(system: AppContext, scope: Scope, run_id: UUID, error: str) -> None:
    with suppress(PullRunOwnershipLost):
        async with system.database.transaction(scope) as tx:
            source_id = await finish_run(scope, tx, run_id, "interrupted", error=error)
        PULL_RUNS.labels(str(source_id), "interrupted").inc()


async def _interrupt(system: AppContext, scope: Scope, run: RunRow) -> None:
    async with system.database.transaction(scope) as tx:
        source = await get_source_row(scope, tx, run.source_id, lock=True)
        error = "stopped in the middle; the next run goes on"
        await finish_run(scope, tx, run.id, "interrupted", error=error)
        # The tick that follows goes on, whoever does it.
        source.next_run_at = datetime.now(UTC)
    PULL_RUNS.labels(str(run.source_id), "interrupted").inc()
