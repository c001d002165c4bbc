"""Execute a pull run: list the source, import each new file once, record the outcomes.

A run can be killed at any point without losing or duplicating a file. The image of a file, its
record and the counts of the run are written in one transaction. That transaction fails as a whole
when this process has lost the run.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import structlog

from trapline.server.images.actions.image_import import build_import_target
from trapline.server.images.queries.deployments import get_deployment_row
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import (
    DatabaseUnavailable,
    OutboundFailed,
    TraplineError,
)
from trapline.server.platform.vault import DecryptionError
from trapline.server.projects.queries.projects import is_archived
from trapline.server.sources.actions.gateways import open_gateway
from trapline.server.sources.actions.listed_starts import mark_non_images
from trapline.server.sources.actions.pull_files import import_files
from trapline.server.sources.actions.pull_run import (
    ActivePullRun,
    SourceFailing,
    SourcePaused,
    format_internal_error,
)
from trapline.server.sources.actions.pull_run_endings import (
    complete_run,
    fail_run,
    interrupt_and_resume,
    stop_run,
)
from trapline.server.sources.actions.source_folders import require_granted_for_run
from trapline.server.sources.queries.pull_runs import (
    HEARTBEAT_S,
    PullRunOwnershipLost,
    claim_run,
    finish_run,
    record_left_out,
    update_run_counts,
)
from trapline.server.sources.queries.pulled_files import (
    ListedFile,
    list_unknown_files,
    record_unlisted,
    upsert_listed_files,
)
from trapline.server.sources.queries.sources import (
    RunRow,
    get_source_row,
)
from trapline.server.sources.rules.pull_policy import (
    LEFT_FOR,
    LIST_WITHIN,
    MINUTE,
    find_exclusion,
)
from trapline.server.sources.rules.pushed_events import BACKLOG, EVENT, SCHEDULE, needs_listing

log = structlog.get_logger(__name__)

PROJECT_ARCHIVED = "the project was archived before this run began; nothing was listed or imported"

LISTED_AT_ONCE = 500


async def run_pull(system: AppContext, scope: Scope, run_id: UUID) -> None:
    """Execute a run, unless another process has claimed it or it has ended."""
    async with system.database.transaction(scope) as tx:
        run = await claim_run(scope, tx, run_id)
        if run is None:
            return
        if await is_archived(scope, tx, run.project_id):
            # This includes runs on request: an archived project is read-only.
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
        log.warning("a run was lost to another process")
    except SourceFailing as failing:
        await fail_run(system, scope, run, str(failing), failing.error.retry_after_s)
    except SourcePaused:
        await stop_run(
            system,
            scope,
            run.id,
            "the source was paused; the remaining files are imported after it is resumed",
        )
    except DatabaseUnavailable:
        # The source is not the cause. The run loses its heartbeat and is restarted.
        log.warning("a run ended because the database is unavailable")
    except (TraplineError, DecryptionError) as error:
        log.warning("a run failed", reason=str(error))
        await fail_run(
            system,
            scope,
            run,
            str(error),
            error.retry_after_s if isinstance(error, OutboundFailed) else 0,
        )
    except Exception as error:
        log.exception("a run broke")
        await fail_run(system, scope, run, format_internal_error(error))
    except BaseException:
        # The process is stopping: mark the run as interrupted, so that it can be resumed.
        with suppress(TraplineError, PullRunOwnershipLost):
            await asyncio.shield(interrupt_and_resume(system, scope, run))
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
            await complete_run(doing)
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
    """List the source and record new and changed files, batch by batch."""
    within = asyncio.timeout(LIST_WITHIN.total_seconds())
    noting: asyncio.Task[None] | None = None
    try:
        async with within:
            # One batch is compared while the next one is downloaded and parsed.
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
            f"the listing took longer than {LIST_WITHIN // MINUTE} minutes"
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
        unknown = await mark_non_images(pull.gateway, unknown)
        async with pull.system.database.sql_transaction(pull.scope) as tx:
            new = await upsert_listed_files(pull.scope, tx, pull.source, unknown, LEFT_FOR)
            skipped = sum(file.skipped is not None for file in unknown)
            listed = pull.count_listed()
            await update_run_counts(
                pull.scope, tx, pull.run_id, listed=listed, new=new, skipped=skipped
            )
