"""Background tasks: queued within a transaction, or by a schedule.

A background task runs at least once, in any process, so each can be repeated safely.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from procrastinate import App, PsycopgConnector, RetryStrategy
from procrastinate.exceptions import ConnectorException, ProcrastinateException
from structlog.contextvars import bound_contextvars

from trapline.server.accounts.actions.password_resets import SEND_RESET, send_password_reset
from trapline.server.exports.actions.export_build import build_export
from trapline.server.exports.actions.exports import BUILD, resume_exports
from trapline.server.imports.actions.imports import IMPORT
from trapline.server.imports.actions.result_import import resume_imports, run_import
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.background_tasks import EXPORTS, FETCHES, PULLS, QUEUE
from trapline.server.platform.failpoints import operation
from trapline.server.platform.metrics import count_outcome
from trapline.server.platform.telemetry import build_log_context
from trapline.server.queue.actions.content_download import download_content
from trapline.server.queue.actions.jobs import EXPAND, FETCH, SWEEP, expand_job, sweep_job
from trapline.server.queue.actions.queue_maintenance import recount_jobs, resume_expansions
from trapline.server.sources.actions.pull_run_starts import PULL
from trapline.server.sources.actions.pull_runs import run_pull

log = structlog.get_logger(__name__)

# The number of concurrent tasks of a queue in one process. A pull run mostly waits for its source,
# so there are many: slow sources must not delay the others. Its decoders and database connections
# are limited elsewhere.
AT_ONCE = {QUEUE: 8, PULLS: 100, FETCHES: 16, EXPORTS: 3}
STOP_WITHIN_S = 3.5
LOOK_EVERY_S = 5.0
DEAD_AFTER_S = 20.0
HEARTBEAT_S = 9.0
SCOPE = Scope.system()
EVERY_MINUTE = "* * * * *"
AGAIN = RetryStrategy(max_attempts=20, exponential_wait=2)
LONGEST_PAUSE_S = 2.0
POOL_PATIENCE_S = 3.0

BackgroundTask = Callable[..., Awaitable[None]]


async def _pull(system: AppContext, run_id: str) -> None:
    await run_pull(system, SCOPE, UUID(run_id))


async def _expand(system: AppContext, job_id: int) -> None:
    await expand_job(system, SCOPE, job_id)


async def _sweep(system: AppContext, job_id: int) -> None:
    await sweep_job(system, SCOPE, job_id)


async def _fetch(system: AppContext, job_id: int) -> None:
    await download_content(system, SCOPE, job_id)


async def _build(system: AppContext, export_id: str) -> None:
    await build_export(system, SCOPE, UUID(export_id))


async def _import(system: AppContext, import_id: str) -> None:
    await run_import(system, SCOPE, UUID(import_id))


async def _send_reset(system: AppContext, email: str, give_up_at: str) -> None:
    await send_password_reset(system, SCOPE, email, datetime.fromisoformat(give_up_at))


QUEUED: dict[str, BackgroundTask] = {
    SEND_RESET: _send_reset,
    PULL: _pull,
    EXPAND: _expand,
    SWEEP: _sweep,
    FETCH: _fetch,
    BUILD: _build,
    IMPORT: _import,
}
"""Every task that an action may queue, by name; it gets the arguments it was queued with."""
QUEUES = {PULL: PULLS, FETCH: FETCHES, BUILD: EXPORTS, IMPORT: EXPORTS}


async def _resume_expansions(system: AppContext) -> None:
    await resume_expansions(system, SCOPE)


async def _resume_exports(system: AppContext) -> None:
    await resume_exports(system, SCOPE)


async def _resume_imports(system: AppContext) -> None:
    await resume_imports(system, SCOPE)


async def _recount_jobs(system: AppContext) -> None:
    await recount_jobs(system, SCOPE)


SCHEDULED: dict[str, tuple[str, BackgroundTask]] = {
    "take_up_unfinished": (EVERY_MINUTE, _resume_expansions),
    "take_up_exports": (EVERY_MINUTE, _resume_exports),
    "take_up_imports": (EVERY_MINUTE, _resume_imports),
    "recount_jobs": ("*/5 * * * *", _recount_jobs),
}
"""Scheduled tasks: the cron expression in UTC, across all processes."""


def build_task_app(system: AppContext) -> App:
    """Build the procrastinate application with all background tasks, in its own schema."""
    app = App(
        connector=PsycopgConnector(
            conninfo=system.database.url,
            kwargs={"options": "-c search_path=procrastinate"},
            connection_class=system.database.watchdog.connection_class,
            min_size=0,
            max_size=6,
            # While the database is unavailable, the tasks are restarted repeatedly, so a short
            # timeout is enough.
            timeout=POOL_PATIENCE_S,
            reconnect_timeout=POOL_PATIENCE_S,
        )
    )
    for name, function in QUEUED.items():
        app.task(name=name, queue=QUEUES.get(name, QUEUE), retry=AGAIN)(
            _wrap_queued(system, name, function)
        )
    for name, (cron, function) in SCHEDULED.items():
        task = app.task(name=name, queue=QUEUE, queueing_lock=name)(
            _wrap_scheduled(system, name, function)
        )
        app.periodic(cron=cron)(task)
    return app


def _wrap_queued(system: AppContext, name: str, function: BackgroundTask) -> BackgroundTask:
    async def run(**arguments: Any) -> None:
        with (
            operation(f"chore {name}"),
            count_outcome(name),
            bound_contextvars(chore=name, **build_log_context(arguments)),
        ):
            await function(system, **arguments)

    return run


def _wrap_scheduled(
    system: AppContext, name: str, function: BackgroundTask
) -> Callable[[int], Awaitable[None]]:
    async def run(timestamp: int) -> None:  # noqa: ARG001 - signature of procrastinate
        with operation(f"chore {name}"), count_outcome(name):
            await function(system)

    return run


async def _retry_stalled(app: App) -> None:
    """Retry tasks whose process was killed.

    They remain marked as running, and other tasks wait for them.
    """
    while True:
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER_S):
            with suppress(ConnectorException):  # another process was faster
                await app.job_manager.retry_job(job)
                log.warning(
                    "a background task was interrupted and is retried",
                    chore=job.task_name,
                    chore_id=job.id,
                )
        await asyncio.sleep(LOOK_EVERY_S)


async def run_background_tasks(system: AppContext, stop: asyncio.Event) -> None:
    """Run background tasks until `stop` is set.

    The worker of procrastinate ends if the database is unavailable; it is restarted then.
    """
    # Its log repeats every task; the actions log the relevant events.
    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    pause = 0.5
    while not stop.is_set():
        try:
            app = build_task_app(system)
            async with app.open_async():
                # Expansions of a killed process resume now, not when its task has stalled.
                await resume_expansions(system, SCOPE, still_for_s=0)
                working = [
                    asyncio.create_task(
                        app.run_worker_async(
                            queues=[queue],
                            concurrency=at_once,
                            delete_jobs="successful",
                            install_signal_handlers=False,
                            shutdown_graceful_timeout=STOP_WITHIN_S,
                            fetch_job_polling_interval=LOOK_EVERY_S,
                            stalled_worker_timeout=DEAD_AFTER_S,
                            update_heartbeat_interval=HEARTBEAT_S,
                        )
                    )
                    for queue, at_once in AT_ONCE.items()
                ]
                working.append(asyncio.create_task(_retry_stalled(app)))
                stopping = asyncio.create_task(stop.wait())
                await asyncio.wait({*working, stopping}, return_when=asyncio.FIRST_COMPLETED)
                for task in (stopping, *working):
                    task.cancel()
                ended = await asyncio.gather(*working, return_exceptions=True)
                for reason in ended:
                    if isinstance(reason, Exception):
                        raise reason
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
        except (ProcrastinateException, OSError) as error:
            log.warning("background tasks wait for the database", reason=str(error).splitlines()[0])
        except Exception:
            log.exception("background tasks failed and are restarted")
        if not stop.is_set():
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
