"""Routes of tasks: workers lease them and post their results."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.request_bodies import build_body_schema, receive_body
from trapline.server.queue.actions import results, tasks
from trapline.server.queue.routes.jobs import JobPath
from trapline.wire.results import Results, ResultsAccepted
from trapline.wire.tasks import TaskRequest, Tasks

router = APIRouter(prefix="/jobs/{job_id}", tags=["tasks"])


@router.post("/tasks")
async def lease_tasks(
    system: SystemOf, scope: ScopeOf, job_id: JobPath, wanted: TaskRequest
) -> Tasks:
    """Lease about `batch_size` tasks of a job; none if it has ended or has no available task."""
    return await tasks.lease_job_tasks(system, scope, job_id, wanted.batch_size)


@router.get("/tasks")
async def lease_tasks_by_get(
    system: SystemOf,
    scope: ScopeOf,
    job_id: JobPath,
    batch: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> Tasks:
    """Lease tasks with GET, as older workers do."""
    return await tasks.lease_job_tasks(system, scope, job_id, batch)


@router.post("/result", openapi_extra=build_body_schema(Results), response_model=ResultsAccepted)
async def post_results(
    system: SystemOf, scope: ScopeOf, job_id: JobPath, request: Request
) -> Response:
    """Post results, as `{results: [...]}` or as a list.

    The response has a status for each result; an invalid result does not affect the others.
    """
    job = await results.get_result_job(system, scope, job_id)
    async with receive_body(request, system.limits.result_bytes) as body:
        accepted = await results.store_results(system, scope, job, body)
    return Response(accepted.model_dump_json(), media_type="application/json")
