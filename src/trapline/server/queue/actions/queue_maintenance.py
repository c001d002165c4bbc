"""Maintain the queue: expire leases, recount jobs, and resume interrupted expansions."""

import structlog

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.background_tasks import enqueue_background_task
from trapline.server.platform.metrics import LEASES_EXPIRED
from trapline.server.queue.actions.jobs import SWEEP, enqueue_expansion
from trapline.server.queue.actions.leases import revoke_leases
from trapline.server.queue.queries.cancel import list_unswept
from trapline.server.queue.queries.expansion import list_unexpanded
from trapline.server.queue.queries.job_counters import JobClosed
from trapline.server.queue.queries.lease_expiry import (
    PAGE,
    LeasePolicy,
    expire_leases,
    list_jobs_with_expired,
    list_miscounted_jobs,
    recount_job,
)
from trapline.server.queue.queries.lease_revocation import (
    LeaseSelector,
    RevocationReason,
    list_jobs_with_leases,
)
from trapline.server.queue.queries.workers import list_ended_with_leases

log = structlog.get_logger(__name__)

STILL_FOR_S = 20.0


async def requeue_expired_leases(system: AppContext, scope: Scope) -> int:
    """Return expired leases to the queue, or fail their tasks; return the number of leases."""
    leases = system.leases
    await _finish_ended(system, scope)
    terms = LeasePolicy(leases.lease_s, leases.lease_max_s, leases.losses)
    async with system.database.sql_transaction(scope, each_alone=True) as tx:
        jobs = await list_jobs_with_expired(scope, tx, terms)
    total = 0
    for job_id in jobs:
        expired = await _return_expired_of(system, scope, job_id, terms)
        LEASES_EXPIRED.inc(expired)
        total += expired
        if expired:
            log.info("leases expired", job=job_id, tasks=expired)
    return total


async def _finish_ended(system: AppContext, scope: Scope) -> None:
    """Revoke the remaining leases of evicted and replaced workers after an interruption."""
    async with system.database.sql_transaction(scope, each_alone=True) as tx:
        ended = await list_ended_with_leases(scope, tx, system.leases.lease_s)
    for worker in ended:
        whose = LeaseSelector((), but_not=worker.keeps)
        async with system.database.transaction(scope) as tx:
            holdings = await list_jobs_with_leases(scope, tx, worker.id, whose)
        how = RevocationReason.EVICTED if worker.why == "evicted" else RevocationReason.REPLACED
        taken = await revoke_leases(system, scope, holdings, how, whose)
        log.info(
            "leases of an ended worker revoked",
            worker=str(worker.id),
            why=worker.why,
            tasks=taken,
        )


async def _return_expired_of(
    system: AppContext, scope: Scope, job_id: int, terms: LeasePolicy
) -> int:
    total, taken = 0, PAGE
    while taken == PAGE:
        try:
            async with system.database.transaction(scope) as tx:
                taken = await expire_leases(scope, tx, job_id, terms)
        except JobClosed:
            return total
        total += taken
    return total


async def recount_jobs(system: AppContext, scope: Scope) -> int:
    """Compare the counters of each live job with its rows; correct and log differences."""
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
            log.error(
                "wrong counters of a job corrected",
                job=job_id,
                differences=differences,
            )
    return wrong


async def resume_expansions(
    system: AppContext, scope: Scope, still_for_s: float = STILL_FOR_S
) -> None:
    """Enqueue interrupted expansions, and sweeps of canceled jobs with open tasks, again.

    Both tasks skip completed work, so an extra task does no harm.
    """
    async with system.database.transaction(scope) as tx:
        for job_id, fetching in await list_unexpanded(scope, tx, still_for_s):
            await enqueue_expansion(scope, tx, job_id, fetching=fetching)
        for job_id in await list_unswept(scope, tx):
            await enqueue_background_task(scope, tx, SWEEP, job_id=job_id)
