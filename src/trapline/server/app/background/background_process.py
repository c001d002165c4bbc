"""The background process: all loops and background tasks, until a signal stops it."""

import asyncio
import signal
from dataclasses import replace
from typing import Any

import structlog

from trapline.server.app.background.background_tasks import run_background_tasks
from trapline.server.app.background.loops import Loop, run_loop
from trapline.server.app.background.work_watch import LOOK_EVERY_S as WATCH_EVERY_S
from trapline.server.app.background.work_watch import WorkWatch
from trapline.server.catalogue.actions.day_counts import update_day_counts
from trapline.server.catalogue.actions.sequences import group_images
from trapline.server.exports.actions.exports import purge_exports
from trapline.server.external.actions.artifacts import purge_orphans
from trapline.server.images.actions.clock_offsets import update_capture_times
from trapline.server.images.actions.staged_files import purge_staged_files
from trapline.server.images.actions.thumbnails import BATCH, generate_thumbnails
from trapline.server.notifications.actions.deliveries import purge_deliveries, record_silent_workers
from trapline.server.notifications.actions.nats_subjects import sync_subjects
from trapline.server.notifications.actions.notice_emails import (
    purge_emails,
    record_silences,
    send_emails,
)
from trapline.server.notifications.background.deliveries import LOOK_EVERY_S, DeliverySender
from trapline.server.operations.actions.file_checks import check_next_files
from trapline.server.operations.actions.image_deletion import (
    delete_late_tasks,
    purge_discarded_files,
    purge_images,
)
from trapline.server.operations.actions.project_purge import purge_projects
from trapline.server.operations.actions.retention import (
    purge_download_urls,
    purge_saved_responses,
    purge_sign_in_failures,
    purge_used_signatures,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.queue.actions.queue_maintenance import requeue_expired_leases
from trapline.server.queue.hint_exchange import HintExchange
from trapline.server.review.actions.bulk_identifications import (
    purge_prepared_bulks,
    run_bulk_identifications,
)
from trapline.server.review.actions.observation_builds import build_observations
from trapline.server.review.actions.sensitive_sightings import record_sightings
from trapline.server.sources.actions.pull_run_starts import restart_dead_runs, start_due_runs
from trapline.server.sources.actions.pushed_events import start_runs_for_pushed_files
from trapline.server.sources.background.feeds import FeedManager
from trapline.server.sources.queries.source_connections import BEAT_S

log = structlog.get_logger(__name__)

SCOPE = Scope.system()
NATS_EVERY_S = 10.0
STOP_WITHIN_S = 6.0
"""Time for current work to finish after the signal.

All work can be interrupted and repeated.
"""


def build_loops(system: AppContext) -> list[Loop]:
    """Build all loops of this process."""

    async def thumbnails() -> bool:
        return await generate_thumbnails(system, SCOPE) == BATCH

    async def reaper() -> bool:
        await requeue_expired_leases(system, SCOPE)
        return False

    async def due_runs() -> bool:
        # In every process, without a leader: the first one claims a source.
        await start_due_runs(system, SCOPE)
        return False

    async def dead_runs() -> bool:
        await restart_dead_runs(system, SCOPE)
        await start_runs_for_pushed_files(system, SCOPE)
        return False

    async def silent_workers() -> bool:
        await record_silent_workers(system, SCOPE)
        return False

    async def subjects() -> bool:
        await sync_subjects(system, SCOPE)
        return False

    async def silences() -> bool:
        await record_silences(system, SCOPE)
        return False

    return [
        Loop("thumbnails", 1.0, thumbnails),
        Loop("due pull runs", 1.0, due_runs),
        Loop("dead pull runs", 3.0, dead_runs),
        Loop("reaper", system.leases.reaper_s, reaper),
        Loop("old answers", 3600.0, lambda: purge_saved_responses(system, SCOPE)),
        Loop("sign-in failures", 3600.0, lambda: purge_sign_in_failures(system, SCOPE)),
        Loop("old URLs of images", 3600.0, lambda: purge_download_urls(system, SCOPE)),
        Loop("staged files", 3600.0, lambda: purge_staged_files(system, SCOPE)),
        Loop("used signatures", 300.0, lambda: purge_used_signatures(system, SCOPE)),
        Loop("orphaned artifacts", 3600.0, lambda: purge_orphans(system, SCOPE)),
        Loop("clocks", 3.0, lambda: update_capture_times(system, SCOPE)),
        Loop("observations", 2.0, lambda: build_observations(system, SCOPE)),
        Loop("sightings of sensitive taxa", 2.0, lambda: record_sightings(system, SCOPE)),
        Loop("bulk identifications", 2.0, lambda: run_bulk_identifications(system, SCOPE)),
        Loop("prepared bulk identifications", 600.0, lambda: purge_prepared_bulks(system, SCOPE)),
        Loop("day counts", 2.0, lambda: update_day_counts(system, SCOPE)),
        Loop("sequences", 2.0, lambda: group_images(system, SCOPE)),
        Loop("late tasks of deleted images", 10.0, lambda: delete_late_tasks(system, SCOPE)),
        Loop("deleted images", 600.0, lambda: purge_images(system, SCOPE)),
        Loop("deleted projects", 600.0, lambda: purge_projects(system, SCOPE)),
        Loop("old exports", 3600.0, lambda: purge_exports(system, SCOPE)),
        Loop("discarded files", 600.0, lambda: purge_discarded_files(system, SCOPE)),
        Loop("stored files", 30.0, lambda: check_next_files(system, SCOPE)),
        Loop("silent workers", 5.0, silent_workers),
        Loop("subjects", 30.0, subjects),
        Loop("silences", 60.0, silences),
        Loop("e-mails", 5.0, lambda: send_emails(system, SCOPE)),
        Loop("old e-mails", 300.0, lambda: purge_emails(system, SCOPE)),
        Loop("old deliveries", 300.0, lambda: purge_deliveries(system, SCOPE)),
    ]


async def run_background(system: AppContext) -> None:
    """Run all loops and background tasks until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    exchange = HintExchange(system)
    exchange.start()
    feeds, deliveries, watch = FeedManager(system), DeliverySender(system), WorkWatch(system)

    async def beat_feeds() -> bool:
        await feeds.step()
        if feeds.is_holding:
            # Connections that the database no longer lists must also be closed, so wake the loop.
            watch.wakes["feeds"].set()
        return False

    held = [
        Loop("feeds", BEAT_S, beat_feeds),
        Loop("deliveries", LOOK_EVERY_S, deliveries.step),
        Loop("NATS server", NATS_EVERY_S, deliveries.check_subjects),
    ]
    woken = [
        replace(loop, wake=watch.wakes.get(loop.name)) for loop in (*build_loops(system), *held)
    ]
    loops = [*woken, Loop("waiting work", WATCH_EVERY_S, watch.step)]
    working = asyncio.gather(
        run_background_tasks(system, stop), *[run_loop(found, stop) for found in loops]
    )
    waited: set[asyncio.Future[Any]] = {working, asyncio.create_task(stop.wait())}
    try:
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        async with asyncio.timeout(STOP_WITHIN_S):
            await working
    except TimeoutError:
        log.warning("current work was interrupted; it resumes in another process")
    finally:
        await asyncio.gather(feeds.close(), deliveries.close(), exchange.close())
