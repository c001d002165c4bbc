"""The background process: every loop and chore, until it is told to stop."""

import asyncio
import signal
from dataclasses import replace
from typing import Any

import structlog

from trapline.server.app.background.background_tasks import run_chores
from trapline.server.app.background.loops import Loop, run_loop
from trapline.server.app.background.work_watch import LOOK_EVERY_S as WATCH_EVERY_S
from trapline.server.app.background.work_watch import WorkWatch
from trapline.server.catalogue.actions.day_counts import count_days
from trapline.server.catalogue.actions.sequences import group_images
from trapline.server.exports.actions.exports import forget_old_exports
from trapline.server.external.actions.artifacts import clean_orphans
from trapline.server.images.actions.clock_offsets import date_all
from trapline.server.images.actions.image_deletion import delete_discarded, drop_late_tasks, forget_deleted
from trapline.server.images.actions.staged_files import forget_old_files
from trapline.server.images.actions.thumbnails import BATCH, make_thumbnails
from trapline.server.notifications.actions.deliveries import forget_old_deliveries, watch_workers
from trapline.server.notifications.actions.nats_subjects import follow_subjects
from trapline.server.notifications.actions.notice_emails import forget_old_mails, send_mails, watch_silences
from trapline.server.notifications.background.deliveries import LOOK_EVERY_S, Deliveries
from trapline.server.operations.actions.file_checks import check_next_files
from trapline.server.operations.actions.retention import (
    forget_old_addresses,
    forget_old_answers,
    forget_old_failures,
    forget_old_signatures,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import System
from trapline.server.projects.actions.project_deletion import forget_deleted_projects
from trapline.server.queue.actions.queue_maintenance import return_expired
from trapline.server.sources.actions.pull_runs import follow_dead_runs, start_due_runs
from trapline.server.sources.actions.pushed_events import follow_pushed_files
from trapline.server.sources.background.feeds import Feeds
from trapline.server.sources.queries.source_connections import BEAT_S

log = structlog.get_logger(__name__)

SCOPE = Scope.system()
NATS_EVERY_S = 10.0
STOP_WITHIN_S = 6.0
"""How long what is under way goes on behind the signal; all that is done here can be cut off and done again."""


def list_loops(system: System) -> list[Loop]:
    """Every loop of this process."""

    async def thumbnails() -> bool:
        return await make_thumbnails(system, SCOPE) == BATCH

    async def reaper() -> bool:
        await return_expired(system, SCOPE)
        return False

    async def due_runs() -> bool:
        # In every process: whoever comes first takes a source, and no one has to lead.
        await start_due_runs(system, SCOPE)
        return False

    async def dead_runs() -> bool:
        await follow_dead_runs(system, SCOPE)
        await follow_pushed_files(system, SCOPE)
        return False

    async def silent_workers() -> bool:
        await watch_workers(system, SCOPE)
        return False

    async def subjects() -> bool:
        await follow_subjects(system, SCOPE)
        return False

    async def silences() -> bool:
        await watch_silences(system, SCOPE)
        return False

    return [
        Loop("thumbnails", 1.0, thumbnails),
        Loop("due pull runs", 1.0, due_runs),
        Loop("dead pull runs", 3.0, dead_runs),
        Loop("reaper", system.leases.reaper_s, reaper),
        Loop("old answers", 3600.0, lambda: forget_old_answers(system, SCOPE)),
        Loop("failures to sign in", 3600.0, lambda: forget_old_failures(system, SCOPE)),
        Loop("old addresses of pictures", 3600.0, lambda: forget_old_addresses(system, SCOPE)),
        Loop("files that were announced", 3600.0, lambda: forget_old_files(system, SCOPE)),
        Loop("used signatures", 300.0, lambda: forget_old_signatures(system, SCOPE)),
        Loop("orphaned artifacts", 3600.0, lambda: clean_orphans(system, SCOPE)),
        Loop("clocks", 3.0, lambda: date_all(system, SCOPE)),
        Loop("day counts", 2.0, lambda: count_days(system, SCOPE)),
        Loop("sequences", 2.0, lambda: group_images(system, SCOPE)),
        Loop("late tasks of deleted images", 10.0, lambda: drop_late_tasks(system, SCOPE)),
        Loop("deleted images", 600.0, lambda: forget_deleted(system, SCOPE)),
        Loop("deleted projects", 600.0, lambda: forget_deleted_projects(system, SCOPE)),
        Loop("old exports", 3600.0, lambda: forget_old_exports(system, SCOPE)),
        Loop("discarded files", 600.0, lambda: delete_discarded(system, SCOPE)),
        Loop("stored files", 30.0, lambda: check_next_files(system, SCOPE)),
        Loop("silent workers", 5.0, silent_workers),
        Loop("subjects", 30.0, subjects),
        Loop("silences", 60.0, silences),
        Loop("e-mails", 5.0, lambda: send_mails(system, SCOPE)),
        Loop("old e-mails", 300.0, lambda: forget_old_mails(system, SCOPE)),
        Loop("old deliveries", 300.0, lambda: forget_old_deliveries(system, SCOPE)),
    ]


async def run_background(system: System) -> None:
    """Do the background work until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    feeds, deliveries, watch = Feeds(system), Deliveries(system), WorkWatch(system)

    async def beat_feeds() -> bool:
        await feeds.step()
        if feeds.is_holding:
            # Also where the database has no connection any more: what is held is to be ended.
            watch.wakes["feeds"].set()
        return False

    held = [
        Loop("feeds", BEAT_S, beat_feeds),
        Loop("deliveries", LOOK_EVERY_S, deliveries.step),
        Loop("NATS server", NATS_EVERY_S, deliveries.check_subjects),
    ]
    woken = [replace(loop, wake=watch.wakes.get(loop.name)) for loop in (*list_loops(system), *held)]
    loops = [*woken, Loop("waiting work", WATCH_EVERY_S, watch.step)]
    working = asyncio.gather(run_chores(system, stop), *[run_loop(found, stop) for found in loops])
    told: set[asyncio.Future[Any]] = {working, asyncio.create_task(stop.wait())}
    try:
        await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
        async with asyncio.timeout(STOP_WITHIN_S):
            await working
    except TimeoutError:
        log.warning("what was under way is left where it is, and taken up anew")
    finally:
        await asyncio.gather(feeds.close(), deliveries.close())
