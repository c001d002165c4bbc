"""The background process: every loop and chore, until it is told to stop."""

import asyncio
import signal

from trapline.server.actions.artifacts import clean_orphans
from trapline.server.actions.deliveries import forget_old_deliveries, watch_workers
from trapline.server.actions.line import return_expired
from trapline.server.actions.notice_mails import forget_old_mails, send_mails, watch_silences
from trapline.server.actions.pulls import follow_dead_runs, start_due_runs
from trapline.server.actions.pushed import follow_pushed_files
from trapline.server.actions.subjects import follow_subjects
from trapline.server.actions.thumbnails import BATCH, make_thumbnails
from trapline.server.actions.upkeep import forget_old_addresses, forget_old_answers, forget_old_signatures
from trapline.server.background.chores import run_chores
from trapline.server.background.deliveries import LOOK_EVERY_S, Deliveries
from trapline.server.background.feeds import Feeds
from trapline.server.background.loops import Loop, run_loop
from trapline.server.db.source_connections import BEAT_S
from trapline.server.rules.access import Scope
from trapline.server.system import System

SCOPE = Scope.system()


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
        Loop("old addresses of pictures", 3600.0, lambda: forget_old_addresses(system, SCOPE)),
        Loop("used signatures", 300.0, lambda: forget_old_signatures(system, SCOPE)),
        Loop("orphaned artifacts", 3600.0, lambda: clean_orphans(system, SCOPE)),
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
    feeds, deliveries = Feeds(system), Deliveries(system)
    held = [Loop("feeds", BEAT_S, feeds.step), Loop("deliveries", LOOK_EVERY_S, deliveries.step)]
    loops = [*list_loops(system), *held]
    try:
        await asyncio.gather(run_chores(system, stop), *[run_loop(found, stop) for found in loops])
    finally:
        await asyncio.gather(feeds.close(), deliveries.close())
