"""Renew, release and revoke the leases of registered workers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.queue.actions.tasks import LEASE_TOKENS, get_contact_interval_s, require_hello
from trapline.server.queue.queries.holders import record_worker_heartbeat
from trapline.server.queue.queries.job_counters import JobClosed
from trapline.server.queue.queries.lease_cache import LeaseCache
from trapline.server.queue.queries.lease_expiry import LeasePolicy, extend_leases
from trapline.server.queue.queries.lease_revocation import (
    PAGE,
    LeaseSelector,
    LeaseStatus,
    RevocationReason,
    list_jobs_with_leases,
    list_lease_statuses,
    revoke_lease_page,
)
from trapline.server.queue.queries.workers import (
    end_worker,
    record_begun,
    record_report,
    require_worker,
)
from trapline.server.queue.rules.lease_tokens import find_lease_claims
from trapline.wire.tasks import (
    LeaseState,
    ReleaseRequest,
    ReleaseResult,
    Renewal,
    RenewedLease,
    RenewResult,
)

log = structlog.get_logger(__name__)


async def renew_leases(system: AppContext, scope: Scope, given: Renewal) -> RenewResult:
    """Record the contact of a worker and return the state of its leases.

    Raises:
        UnknownWorker: the worker ID is not registered.
        WorkerEnded: the worker ID has ended.
    """
    require_hello(scope)
    worker_id = scope.origin.worker_id
    assert worker_id is not None
    keys = system.secrets.derive_all(LEASE_TOKENS)
    named = [(subject, find_lease_claims(keys, subject)) for subject in given.leases]
    ids = [leased.analysis_id for _, leased in named if leased]
    terms = LeasePolicy(system.leases.lease_s, system.leases.lease_max_s, system.leases.losses)
    async with system.database.sql_transaction(scope) as tx:
        await require_worker(scope, tx)
        await record_worker_heartbeat(
            scope, tx, system.part(LeaseCache), get_contact_interval_s(system.leases)
        )
        standing = await list_lease_statuses(scope, tx, worker_id, ids)
        await extend_leases(scope, tx, worker_id, ids, terms)
        named_begun = {
            leased.analysis_id
            for subject in given.begun or ()
            if (leased := find_lease_claims(keys, subject))
        }
        begun = [
            analysis_id
            for analysis_id in ids
            if analysis_id in named_begun and _is_held(standing, analysis_id)
        ]
        if given.begun is not None and ids:
            await record_begun(scope, tx, worker_id, begun)
        if given.report is not None:
            await record_report(scope, tx, worker_id, given.report)
        stray = LeaseSelector((), but_not=ids, older_than_s=system.leases.lease_s)
        strays = await list_jobs_with_leases(scope, tx, worker_id, stray)
    answer = []
    for subject, leased in named:
        found = standing.get(leased.analysis_id) if leased else None
        status = LeaseState.LOST
        if leased and found is not None:
            if found.is_canceled:
                status = LeaseState.CANCELED
            elif found.is_held and found.attempt == leased.attempt:
                status = LeaseState.HELD
        answer.append(RenewedLease(reply_subject=subject, status=status))
    taken = await revoke_leases(system, scope, strays, RevocationReason.UNHEARD, stray)
    return RenewResult(leases=answer, revoked=taken)


def _is_held(standing: Mapping[UUID, LeaseStatus], analysis_id: UUID) -> bool:
    found = standing.get(analysis_id)
    return found is not None and found.is_held


async def release_leases(system: AppContext, scope: Scope, given: ReleaseRequest) -> ReleaseResult:
    """Release leases without charging a retry; with `final` the worker ID ends.

    Raises:
        UnknownWorker: the worker ID is not registered.
        WorkerEnded: the worker ID has ended.
    """
    require_hello(scope)
    worker_id = scope.origin.worker_id
    assert worker_id is not None
    keys = system.secrets.derive_all(LEASE_TOKENS)
    named = [leased for subject in given.leases if (leased := find_lease_claims(keys, subject))]
    async with system.database.sql_transaction(scope) as tx:
        await require_worker(scope, tx)
        standing = await list_lease_statuses(
            scope, tx, worker_id, [leased.analysis_id for leased in named]
        )
        holdings = await list_jobs_with_leases(scope, tx, worker_id)
    leases: dict[int, list[tuple[UUID, int]]] = {}
    for leased in named:
        found = standing.get(leased.analysis_id)
        if found is not None and found.is_held and found.job_id in holdings:
            leases.setdefault(found.job_id, []).append((leased.analysis_id, leased.attempt))
    released = 0
    for job_id, of_job in sorted(leases.items()):
        whose = LeaseSelector(holdings[job_id], leases=of_job)
        released += await revoke_leases(
            system, scope, {job_id: holdings[job_id]}, RevocationReason.RELEASED, whose
        )
    if given.final:
        unsent = [
            leased.analysis_id
            for subject in given.unsent
            if (leased := find_lease_claims(keys, subject))
        ]
        async with system.database.sql_transaction(scope) as tx:
            await end_worker(scope, tx, worker_id, "said goodbye", scope.actor)
            holdings = await list_jobs_with_leases(
                scope, tx, worker_id, LeaseSelector((), but_not=unsent)
            )
        released += await revoke_leases(
            system, scope, holdings, RevocationReason.RELEASED, LeaseSelector((), but_not=unsent)
        )
        log.info("worker signed off", released=released)
    return ReleaseResult(released=released)


async def revoke_leases(
    system: AppContext,
    scope: Scope,
    holdings: Mapping[int, Sequence[int]],
    how: RevocationReason,
    whose: LeaseSelector | None = None,
) -> int:
    """Revoke leases, job by job and in pages; return their number.

    Leases of a dead process are charged as lost.
    """
    losses = system.leases.losses if how == RevocationReason.REPLACED else None
    total = 0
    for job_id, holder_ids in sorted(holdings.items()):
        meant, taken = replace(whose or LeaseSelector(()), holder_ids=holder_ids), PAGE
        try:
            while taken == PAGE:
                async with system.database.sql_transaction(scope) as tx:
                    taken = await revoke_lease_page(scope, tx, job_id, meant, how, losses)
                total += taken
        except JobClosed:
            pass  # a final job has no queue
        # The released tasks are before the mark.
        system.part(LeaseCache).set_low_water_mark(job_id, None)
    return total
