"""The line looks after itself: leases that are over return, counters are compared with the rows."""

import structlog

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import System
from trapline.server.platform.db.background_tasks import defer_chore
from trapline.server.platform.metrics import LEASES_EXPIRED
from trapline.server.queue.actions.jobs import SWEEP, defer_expansion
from trapline.server.queue.actions.leases import take_back_all
from trapline.server.queue.queries.cancel import list_unswept
from trapline.server.queue.queries.expansion import list_unexpanded
from trapline.server.queue.queries.job_counters import JobClosed
from trapline.server.queue.queries.lease_expiry import (
    PAGE,
    Terms,
    expire_leases,
    list_jobs_with_expired,
    list_miscounted_jobs,
    recount_job,
)
from trapline.server.queue.queries.lease_revocation import Taken, Whose, list_holdings
from trapline.server.queue.queries.workers import list_ended_holding

log = structlog.get_logger(__name__)

STILL_FOR_S = 20.0


async def return_expired(system: System, scope: Scope) -> int:
    """Return every lease that is over to the line, or give its task up; answers how many."""
    leases = system.leases
    await _finish_ended(system, scope)
    terms = Terms(leases.lease_s, leases.lease_max_s, leases.losses)
    async with system.database.line(scope, each_alone=True) as tx:
        jobs = await list_jobs_with_expired(scope, tx, terms)
    total = 0
    for job_id in jobs:
        expired = await _return_expired_of(system, scope, job_id, terms)
        LEASES_EXPIRED.inc(expired)
        total += expired
        if expired:
            log.info("leases are over", job=job_id, tasks=expired)
    return total


async def _finish_ended(system: System, scope: Scope) -> None:
    """Take back what evicted and replaced workers hold still, because whoever did so was cut off."""
    async with system.database.line(scope, each_alone=True) as tx:
        ended = await list_ended_holding(scope, tx, system.leases.lease_s)
    for worker in ended:
        whose = Whose((), but_not=worker.keeps)
        async with system.database.transaction(scope) as tx:
            holdings = await list_holdings(scope, tx, worker.id, whose)
        how = Taken.EVICTED if worker.why == "evicted" else Taken.REPLACED
        taken = await take_back_all(system, scope, holdings, how, whose)
        log.info("leases of a worker that ended are taken back", worker=str(worker.id), why=worker.why, tasks=taken)


async def _return_expired_of(system: System, scope: Scope, job_id: int, terms: Terms) -> int:
    total, taken = 0, PAGE
    while taken == PAGE:
        try:
            async with system.database.transaction(scope) as tx:
                taken = await expire_leases(scope, tx, job_id, terms)
        except JobClosed:
            return total
        total += taken
    return total


async def recount_jobs(system: System, scope: Scope) -> int:
    """Compare the counters of every live job with its rows; what differs is put right and told in the log."""
    async with system.database.transaction(scope) as tx:
        jobs = await list_miscounted_jobs(scope, tx)
    wrong = 0
    for job_id in jobs:
        try:
            async with system.database.transaction(scope) as tx:
                differences = await recount_job(scope, tx, job_id)
        except JobClosed:
            continue  # it became final meanwhile
        if differences:
            wrong += 1
            log.error("counters of a job were wrong and are put right", job=job_id, differences=differences)
    return wrong


async def take_up_unfinished(system: System, scope: Scope, still_for_s: float = STILL_FOR_S) -> None:
    """Ask again for expansions that stand still, and for sweeps of canceled jobs that have open tasks.

    Whatever is done already is not done again, so asking too often costs nothing but time.
    """
    async with system.database.transaction(scope) as tx:
        for job_id, fetching in await list_unexpanded(scope, tx, still_for_s):
            await defer_expansion(scope, tx, job_id, fetching=fetching)
        for job_id in await list_unswept(scope, tx):
            await defer_chore(scope, tx, SWEEP, job_id=job_id)
