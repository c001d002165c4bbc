"""Routes of workers: register, lease, renew, release; list and evict."""

from collections.abc import Awaitable, Callable
from functools import partial
from operator import attrgetter
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from trapline.server.accounts.routes.access import ScopeOf, SystemOf, authorise
from trapline.server.platform.db.cursors import slice_page
from trapline.server.platform.errors import NotFound
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectFilter
from trapline.server.platform.http.request_context import OriginOf
from trapline.server.queue.actions import leases, tasks, workers
from trapline.server.queue.task_notifier import TaskNotifier
from trapline.wire.tasks import (
    LeasedTasks,
    LeaseRequest,
    ReleaseRequest,
    ReleaseResult,
    Renewal,
    RenewResult,
)
from trapline.wire.values import Page
from trapline.wire.workers import (
    EvictResult,
    HelloRequest,
    HelloResponse,
    ProcessingService,
    Worker,
)

router = APIRouter(tags=["workers"])


async def _switched_on(request: Request) -> None:
    """Return 404 if the worker extensions are disabled; workers then use the base protocol."""
    if not request.app.state.worker_additions:
        raise NotFound(
            "This server does not support this request; use the requests for a single job.",
        )


additions = APIRouter(tags=["workers"], dependencies=[Depends(_switched_on)])


@additions.post("/workers/hello", status_code=201)
async def register_worker(system: SystemOf, scope: ScopeOf, hello: HelloRequest) -> HelloResponse:
    """Register a worker process. Later requests have `X-Trapline-Worker: <worker_id>`.

    An earlier process of the same service, host and name ends, and its leases return to the queue.
    """
    return await workers.register_worker(system, scope, hello)


@additions.post("/tasks/lease")
async def lease_any_tasks(
    system: SystemOf, scope: ScopeOf, origin: OriginOf, request: Request, wanted: LeaseRequest
) -> LeasedTasks:
    """Lease tasks of any job of some pipelines, best jobs first; wait up to `wait_s` for one."""
    arrivals: TaskNotifier = request.app.state.arrivals
    again = partial(authorise, request, system, origin)
    return await tasks.lease_tasks_of_any_job(
        system, scope, wanted, arrivals, _hang_up_of(request), again
    )


@additions.post("/tasks/renew")
async def renew_leases(system: SystemOf, scope: ScopeOf, given: Renewal) -> RenewResult:
    """Renew the leases of a worker; the response lists those that are lost or canceled."""
    return await leases.renew_leases(system, scope, given)


@additions.post("/tasks/release")
async def release_leases(system: SystemOf, scope: ScopeOf, given: ReleaseRequest) -> ReleaseResult:
    """Release leases: other workers can lease the tasks immediately, and no retry is charged."""
    return await leases.release_leases(system, scope, given)


@router.get("/workers")
async def list_workers(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    ended: Annotated[bool, Query(description="Include workers whose ID has ended.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Worker]:
    """List the workers of the last day, of one project or of all of yours, by last contact.

    If there are more than `limit`, pages are ordered by ID, newest first.
    """
    whole = await workers.list_all_workers(system, scope, project, ended=ended)
    return slice_page(whole, attrgetter("id"), limit, cursor)


@router.get("/workers/{worker_id}")
async def get_worker(system: SystemOf, scope: ScopeOf, worker_id: UUID) -> Worker:
    """Get one worker and its leases."""
    return await workers.get_worker(system, scope, worker_id)


@router.post("/workers/{worker_id}/evict")
async def evict_worker(system: SystemOf, scope: ScopeOf, worker_id: UUID) -> EvictResult:
    """End a worker and return its tasks that have not started to the queue.

    Requires the manager role in all its projects. A worker with contact in the last 60 s keeps the
    tasks that it has started, and its results of these are accepted.
    """
    return await workers.evict_worker(system, scope, worker_id)


@router.get("/processing_services")
async def list_services(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ProcessingService]:
    """List processing services and their workers, of one project or of all of yours."""
    return await workers.list_services(system, scope, project, limit, cursor)


def _hang_up_of(request: Request) -> Callable[[], Awaitable[None]]:
    async def gone() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    return gone
