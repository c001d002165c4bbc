"""Register, list and evict workers, and list processing services."""

from datetime import UTC, datetime
from uuid import UUID

import structlog

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.platform.access import Scope, list_token_projects
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Forbidden, NotFound
from trapline.server.queue.actions.leases import revoke_leases
from trapline.server.queue.actions.pipelines import is_online
from trapline.server.queue.actions.tasks import get_renew_interval_s
from trapline.server.queue.queries.lease_cache import LeaseCache
from trapline.server.queue.queries.lease_revocation import (
    LeaseSelector,
    RevocationReason,
    list_jobs_with_anonymous_leases,
    list_jobs_with_leases,
)
from trapline.server.queue.queries.pipelines import ServiceRow
from trapline.server.queue.queries.processing_services import (
    list_service_pipelines,
    list_service_projects,
    select_services,
)
from trapline.server.queue.queries.worker_activity import WorkerActivity, list_workers
from trapline.server.queue.queries.workers import (
    create_worker,
    end_worker,
    get_registrant,
    list_projects_of_worker,
)
from trapline.server.queue.rules.worker_names import build_worker_name
from trapline.wire.auth import TokenKind
from trapline.wire.values import Page
from trapline.wire.workers import (
    EvictResult,
    HelloRequest,
    HelloResponse,
    ProcessingService,
    Worker,
    WorkerJob,
    WorkerReport,
)

log = structlog.get_logger(__name__)


async def register_worker(system: AppContext, scope: Scope, hello: HelloRequest) -> HelloResponse:
    """Register a process; an earlier one of the same service, host and name ends."""
    if scope.token_id is None:
        raise Forbidden("Only workers can register: send an API token.")
    async with system.database.transaction(scope) as tx:
        worker_id, replaced = await create_worker(scope, tx, hello)
        # A known worker receives the projects of its service; a new one all projects of its token.
        projects = await list_projects_of_worker(scope, tx, worker_id) or list_token_projects(
            TokenKind.WORKER, scope.roles
        )
        tx.audit_each(projects, "hello", "worker", worker_id, name=hello.name, host=hello.host)
    freed = 0
    for earlier in replaced:
        async with system.database.transaction(scope) as tx:
            holdings = await list_jobs_with_leases(scope, tx, earlier)
        freed += await revoke_leases(system, scope, holdings, RevocationReason.REPLACED)
    if replaced:
        system.part(LeaseCache).clear_callers()
    log.info(
        "worker registered", worker=str(worker_id), name=hello.name, host=hello.host, freed=freed
    )
    return HelloResponse(
        worker_id=worker_id,
        lease_s=system.leases.lease_s,
        renew_s=get_renew_interval_s(system.leases),
        max_batch=system.leases.held_at_most,
    )


async def list_all_workers(
    system: AppContext, scope: Scope, project_id: int | None, *, ended: bool
) -> Page[Worker]:
    """List the workers of a project, or of all of the caller's projects."""
    async with system.database.transaction(scope) as tx:
        workers = await list_workers(scope, tx, project_id, ended=ended)
    now = datetime.now(UTC)
    return Page(results=[_describe(worker, now) for worker in workers], count=len(workers))


async def get_worker(system: AppContext, scope: Scope, worker_id: UUID) -> Worker:
    """Get one worker, also one whose ID has ended.

    Raises:
        NotFound: the caller does not see such a worker.
    """
    return _describe(await _get_worker(system, scope, worker_id), datetime.now(UTC))


async def evict_worker(system: AppContext, scope: Scope, worker_id: UUID) -> EvictResult:
    """End a worker's ID and return its tasks to the queue; its API token stays valid.

    A worker with contact in the last 60 s keeps the tasks that it has begun. Results of its tasks
    are accepted until another result is stored. The eviction applies to all projects of the worker,
    so the caller must manage all of them, or have registered the worker. A worker that never
    registered has no ID; it loses its leases in the projects that the caller manages.

    Raises:
        NotFound: the caller does not see such a worker.
        Forbidden: the caller may not evict it.
    """
    seen = await _get_worker(system, scope, worker_id)
    whose = LeaseSelector(())
    if seen.greeting is None:
        projects = _managed_projects(scope, seen)
        async with system.database.transaction(scope) as tx:
            who = seen.caller
            holdings = await list_jobs_with_anonymous_leases(
                scope, tx, who.token_id, who.address, who.user_agent, projects
            )
            for project_id in projects:
                tx.audit(
                    "evict",
                    "worker",
                    worker_id,
                    project_id,
                    name=build_worker_name(who.user_agent, who.address),
                )
    else:
        _check_evictor(scope, seen)
        async with system.database.transaction(scope) as tx:
            by = (await list_actor_names(scope, tx, [scope.actor], with_emails=False))[scope.actor]
            await end_worker(scope, tx, worker_id, "evicted", by)
            if is_online(seen.heard_at, datetime.now(UTC)):
                whose = LeaseSelector((), but_not=seen.greeting.begun)
            holdings = await list_jobs_with_leases(scope, tx, worker_id, whose)
            tx.audit_each(seen.project_ids, "evict", "worker", worker_id, name=seen.greeting.name)
    # First the ID, then the leases: the worker cannot lease again in between.
    taken = await revoke_leases(system, scope, holdings, RevocationReason.EVICTED, whose)
    system.part(LeaseCache).clear_callers()
    log.info("worker evicted", evicted=str(worker_id), revoked=taken)
    return EvictResult(worker=await get_worker(system, scope, worker_id), revoked=taken)


async def list_services(
    system: AppContext, scope: Scope, project_id: int | None, limit: int, cursor: str | None
) -> Page[ProcessingService]:
    """List processing services, each with its workers of the last day."""
    async with system.database.transaction(scope) as tx:
        statement = select_services(scope, project_id)
        rows, following = await fetch_page(
            tx, statement, [(ServiceRow.id, int)], descending=False, limit=limit, cursor=cursor
        )
        ids = [row.id for row in rows]
        projects = await list_service_projects(scope, tx, ids)
        pipelines = await list_service_pipelines(scope, tx, ids, project_id)
        workers = await list_workers(scope, tx, project_id)
        count, estimated = await count_rows(tx, statement)
    now = datetime.now(UTC)
    results = [
        ProcessingService(
            id=row.id,
            name=row.name,
            projects=projects.get(row.id, []),
            pipelines=pipelines.get(row.id, []),
            online=is_online(row.last_seen_at, now),
            last_seen_at=row.last_seen_at,
            workers=[_describe(worker, now) for worker in workers if worker.service_id == row.id],
        )
        for row in rows
    ]
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


async def _get_worker(system: AppContext, scope: Scope, worker_id: UUID) -> WorkerActivity:
    async with system.database.transaction(scope) as tx:
        found = await list_workers(scope, tx, None, only=worker_id)
    if not found:
        raise NotFound
    return found[0]


def _managed_projects(scope: Scope, seen: WorkerActivity) -> list[int]:
    """Return the projects of an unregistered worker that the evicting caller manages.

    Raises:
        Forbidden: the caller manages none of them.
    """
    managed, refusal = [], None
    for project_id in seen.project_ids:
        try:
            scope.check(project_id)
            managed.append(project_id)
        except Forbidden as error:
            refusal = error
    if refusal is not None and not managed:
        raise refusal
    return managed


def _check_evictor(scope: Scope, seen: WorkerActivity) -> None:
    """Require that the caller registered the worker or manages all its projects.

    Raises:
        Forbidden: neither is the case.
    """
    if scope.is_operator or (
        seen.greeting is not None and seen.greeting.registrant == get_registrant(scope)
    ):
        return
    for project_id in seen.project_ids:
        if not scope.sees(project_id):
            raise Forbidden(
                "This worker also works for projects that are not yours. Nothing was changed. "
                "Its owner can evict it. "
                "To stop it from working on your job, pause or cancel the job."
            )
        scope.check(project_id)


def _describe(seen: WorkerActivity, now: datetime) -> Worker:
    greeting, caller = seen.greeting, seen.caller
    holds = sum(held for _, _, held in seen.held)
    worker = Worker(
        id=seen.id,
        name=build_worker_name(caller.user_agent, caller.address),
        address=caller.address,
        job_id=seen.job_id if holds else None,
        leases=holds,
        completed=seen.completed,
        images_per_s=seen.completed / seen.busy_s if seen.busy_s >= 1 else None,
        last_contact_at=seen.heard_at,
        online=is_online(seen.heard_at, now),
        jobs=[
            WorkerJob(job_id=job, project_id=project, leases=held)
            for job, project, held in seen.held
        ],
        service_id=seen.service_id,
    )
    if greeting is None:
        return worker
    return worker.model_copy(
        update={
            "name": f"{greeting.name} on {greeting.host}",
            "online": worker.online and greeting.ended_at is None,
            "service": greeting.service,
            "host": greeting.host,
            "pid": greeting.pid,
            "version": greeting.version,
            "devices": greeting.devices,
            "pipelines": greeting.pipelines,
            "report": WorkerReport.model_validate(greeting.report) if greeting.report else None,
            "hello_at": greeting.hello_at,
            "ended_at": greeting.ended_at,
            "ended_why": greeting.ended_why,
            "ended_by": greeting.ended_by,
        }
    )
