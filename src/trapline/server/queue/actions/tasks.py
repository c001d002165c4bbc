"""List jobs with available tasks, and lease tasks."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from trapline.server.images.actions.signed_urls import sign_task
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext, LeaseSettings
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import DatabaseUnavailable, Forbidden, InvalidRequest, NotFound
from trapline.server.queue.actions.client_processes import (
    Claimer,
    identify_claimer,
    identify_leaser,
    record_given_job,
    return_leases_of_ended,
)
from trapline.server.queue.queries.claim import (
    LeasableJob,
    count_claimable_tasks,
    get_job_for_lease,
    list_claimable_jobs,
)
from trapline.server.queue.queries.holders import (
    HolderContact,
    get_caller_key,
    record_claim_contact,
    record_holder_contact,
)
from trapline.server.queue.queries.job_counters import mark_job_started
from trapline.server.queue.queries.lease import LeaseParameters, lease_tasks
from trapline.server.queue.queries.lease import QueueLease as Leased
from trapline.server.queue.queries.lease_cache import LeaseCache
from trapline.server.queue.queries.takeover import (
    TakeoverTimer,
    count_takeable_tasks,
    list_takeable_jobs,
    take_over_tasks,
)
from trapline.server.queue.queries.workers import require_worker
from trapline.server.queue.rules.lease_size import get_fair_share, get_lease_size
from trapline.server.queue.rules.lease_tokens import sign_lease_token
from trapline.server.queue.task_notifier import Found, TaskNotifier
from trapline.wire.jobs import JobState
from trapline.wire.tasks import (
    ClaimableJob,
    ClaimableJobs,
    LeasedTask,
    LeasedTasks,
    LeaseRequest,
    Task,
    Tasks,
)

LEASE_TOKENS = "lease tokens"
"""The purpose of the keys that lease tokens are made with."""

LONGEST_RENEWAL_S = 10.0
"""Idle workers take over tasks that are not begun; a renewal reports which are."""
JOBS_AT_ONCE = 10
SYSTEM = Scope.system()


def get_renew_interval_s(leases: LeaseSettings) -> float:
    """Return how often a worker renews, in seconds: in time for its lease and to be online."""
    return min(leases.lease_s / 3, LONGEST_RENEWAL_S)


def get_contact_interval_s(leases: LeaseSettings) -> float:
    """Return how often a contact is stored, in seconds: half the renewal interval."""
    return get_renew_interval_s(leases) / 2


async def list_jobs_with_tasks(
    system: AppContext,
    scope: Scope,
    slugs: Sequence[str] | None,
    limit: int,
    project_id: int | None = None,
) -> ClaimableJobs:
    """List jobs with available tasks, of some pipelines or of one project, the best first."""
    async with system.database.sql_transaction(scope) as tx:
        claimer = Claimer(scope)
        if slugs is not None:
            claimer = await identify_claimer(system, scope, tx)
            await record_claim_contact(
                claimer.scope,
                tx,
                system.part(LeaseCache),
                list(slugs),
                get_contact_interval_s(system.leases),
            )
        wanted = list(slugs) if slugs is not None else None
        found = await list_claimable_jobs(claimer.scope, tx, wanted, limit, project_id)
        if found:
            await record_given_job(system, scope, tx, claimer)
    if claimer.ended and await return_leases_of_ended(system, scope, claimer) and not found:
        async with system.database.sql_transaction(scope) as tx:
            found = await list_claimable_jobs(claimer.scope, tx, wanted, limit, project_id)
            if found:
                await record_given_job(system, scope, tx, claimer)
    results = [ClaimableJob(id=job_id, pipeline_slug=slug) for job_id, slug in found]
    return ClaimableJobs(count=len(results), results=results)


async def lease_job_tasks(system: AppContext, scope: Scope, job_id: int, wanted: int) -> Tasks:
    """Lease about this number of tasks of a job; none if it is final, paused or archived.

    Raises:
        NotFound: the caller does not see such a job.
    """
    if scope.token_id is None:
        raise Forbidden("Tasks are for workers: call with an API token.")
    scope = await identify_leaser(system, scope)
    async with system.database.sql_transaction(scope) as tx:
        _, leased, _ = await _lease(system, scope, tx, job_id, wanted)
    key = system.secrets.derive(LEASE_TOKENS)
    return Tasks(tasks=[_task(system, scope, key, task) for task in leased])


async def lease_tasks_of_any_job(
    system: AppContext,
    scope: Scope,
    wanted: LeaseRequest,
    arrivals: TaskNotifier,
    gone: Callable[[], Awaitable[None]],
    again: Callable[[], Awaitable[Scope]],
) -> LeasedTasks:
    """Lease tasks of any job of some pipelines, best jobs first; wait for tasks if there are none.

    `gone` returns when the caller has disconnected; then nothing is leased. `again` authenticates
    the caller after a wait, because its token may have changed.

    Raises:
        UnknownWorker: the worker ID is not registered.
        WorkerEnded: the worker ID has ended.
        Unauthenticated: the token is no longer valid.
    """
    require_hello(scope)
    ends = asyncio.get_running_loop().time() + wanted.wait_s
    look = partial(_look, system)
    leaving: asyncio.Task[None] | None = None
    try:
        while True:
            tasks = await _lease_any_now(system, scope, wanted)
            left_s = ends - asyncio.get_running_loop().time()
            if tasks or left_s <= 0 or arrivals.closed:
                return LeasedTasks(tasks=tasks)
            leaving = leaving or asyncio.ensure_future(gone())
            waiting = asyncio.ensure_future(
                arrivals.wait(
                    scope.open_project_ids(), wanted.pipelines, wanted.limit, look, left_s
                )
            )
            await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if leaving.done():
                return LeasedTasks(tasks=[])
            scope = await again()
    finally:
        if leaving is not None:
            leaving.cancel()


def require_hello(scope: Scope) -> None:
    """Require a registered worker.

    Raises:
        Forbidden: the caller has no API token.
        InvalidRequest: the request names no worker.
    """
    if scope.token_id is None:
        raise Forbidden("Tasks are for workers: call with an API token.")
    if scope.origin.worker_id is None:
        raise InvalidRequest(
            "Register first (POST /api/v2/workers/hello), and send the worker_id of the response "
            "in the header X-Trapline-Worker. Nothing was changed."
        )


async def _look(system: AppContext, slugs: list[str], limit: int) -> Found:
    async with system.database.sql_transaction(SYSTEM, each_alone=True) as tx:
        found = await count_claimable_tasks(SYSTEM, tx, slugs, limit)
        if system.part(TakeoverTimer).is_due():
            found = await count_takeable_tasks(SYSTEM, tx, slugs) | found
    return found


async def _lease_any_now(
    system: AppContext, scope: Scope, wanted: LeaseRequest
) -> list[LeasedTask]:
    async with system.database.sql_transaction(scope) as tx:
        await record_claim_contact(
            scope,
            tx,
            system.part(LeaseCache),
            wanted.pipelines,
            get_contact_interval_s(system.leases),
        )
        jobs = await list_claimable_jobs(scope, tx, wanted.pipelines, JOBS_AT_ONCE)
        if not jobs:
            await require_worker(scope, tx)
    tasks: list[LeasedTask] = []
    for job_id, _ in jobs:
        # One transaction per job: a transaction that locks the rows of two jobs could deadlock with
        # another.
        try:
            async with system.database.sql_transaction(scope) as tx:
                # A suspect is leased alone: not after the tasks of another job.
                rest, may_be_suspect = wanted.limit - len(tasks), not tasks
                job, leased, is_full = await _lease(
                    system, scope, tx, job_id, rest, spread=True, suspects=may_be_suspect
                )
        except (NotFound, DatabaseUnavailable):
            if tasks:
                break  # leased tasks must reach the worker
            raise
        tasks += _build_leased_tasks(system, scope, job, leased)
        if is_full or len(tasks) >= wanted.limit or any(task.suspect for task in leased):
            break
    return tasks or await _take_over(system, scope, wanted)


async def _take_over(system: AppContext, scope: Scope, wanted: LeaseRequest) -> list[LeasedTask]:
    """Take over tasks that other workers have not begun, if the caller holds no task."""
    async with system.database.sql_transaction(scope, each_alone=True) as tx:
        jobs = await list_takeable_jobs(scope, tx, wanted.pipelines, JOBS_AT_ONCE)
    for job_id in jobs:
        async with system.database.sql_transaction(scope) as tx:
            job, load = await get_job_for_lease(scope, tx, job_id, None, 1)
            if job.is_final or job.paused or load.held:
                continue
            contact = _build_contact(system, job)
            holder_id = await record_holder_contact(scope, tx, contact)
            limit = get_lease_size(
                min(wanted.limit, get_fair_share(load.open, load.callers)),
                job.classes,
                0,
                system.leases.held_at_most,
            )
            taken = await take_over_tasks(
                scope, tx, LeaseParameters(job.id, holder_id, limit, system.leases.lease_s, None)
            )
        if taken:
            return _build_leased_tasks(system, scope, job, taken)
    return []


def _build_leased_tasks(
    system: AppContext, scope: Scope, job: LeasableJob, leased: Sequence[Leased]
) -> list[LeasedTask]:
    key = system.secrets.derive(LEASE_TOKENS)
    return [
        LeasedTask(
            **_task(system, scope, key, task).model_dump(),
            job_id=job.id,
            pipeline=job.pipeline_slug,
            config=job.parameters,
            lease_s=system.leases.lease_s,
            alone=task.suspect,
        )
        for task in leased
    ]


def _build_contact(system: AppContext, job: LeasableJob) -> HolderContact:
    every_s = get_contact_interval_s(system.leases)
    remembered = system.part(LeaseCache)
    return HolderContact(job.id, job.project_id, job.pipeline_id, every_s, remembered)


async def _lease(
    system: AppContext,
    scope: Scope,
    tx: Transaction,
    job_id: int,
    wanted: int,
    *,
    spread: bool = False,
    suspects: bool = True,
) -> tuple[LeasableJob, list[Leased], bool]:
    """Lease tasks of one job; return also whether the caller has reached its limit.

    One lease returns at most the caller's share of the job. With `spread` a caller that holds its
    share receives none.

    This usually takes two statements: one for the job and the caller, and one for the lease.
    """
    leases, remembered = system.leases, system.part(LeaseCache)
    known = remembered.get_holder(get_caller_key(scope), job_id)
    job, load = await get_job_for_lease(scope, tx, job_id, known, leases.held_at_most)
    if job.is_final or job.paused or job.project_id in scope.archived:
        return job, [], False
    if spread:
        wanted = min(wanted, get_fair_share(load.open, load.callers) - load.held_in_job)
        if wanted <= 0:
            return job, [], load.held >= leases.held_at_most
    holder_id = await record_holder_contact(scope, tx, _build_contact(system, job))
    if known is None and scope.origin.worker_id is None:
        _, load = await get_job_for_lease(scope, tx, job_id, holder_id, leases.held_at_most)
    # A caller of the five calls may lease again, because an empty response would end its pass.
    wanted = min(wanted, get_fair_share(load.open, load.callers))
    limit = get_lease_size(wanted, job.classes, load.held, leases.held_at_most)
    mark = remembered.get_low_water_mark(job.id)
    terms = LeaseParameters(job.id, holder_id, limit, leases.lease_s, mark, suspects)
    leased = await lease_tasks(scope, tx, terms)
    if not leased and mark is not None:
        # Tasks that returned to the queue since then are before the mark.
        leased = await lease_tasks(scope, tx, replace(terms, after=None))
    ahead = [task.analysis_id for task in leased if not task.suspect]
    tx.after_commit(lambda: remembered.set_low_water_mark(job.id, ahead[-1] if ahead else None))
    if leased and job.status == JobState.QUEUED:
        await mark_job_started(scope, tx, job.id, scope.actor)
    return job, leased, load.held + len(leased) >= leases.held_at_most


def _task(system: AppContext, scope: Scope, key: bytes, task: Leased) -> Task:
    return Task(
        id=str(task.analysis_id),
        image_id=str(task.image_id),
        image_url=sign_task(system, scope, task.key, task.image_id),
        reply_subject=sign_lease_token(key, task.analysis_id, task.attempt),
    )
