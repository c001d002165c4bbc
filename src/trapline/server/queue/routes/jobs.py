"""Routes of jobs: create, list, get, update, start, pause, resume and cancel."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.http.parameters import (
    LARGEST,
    Cursor,
    Limit,
    ProjectFilter,
    QueryText,
    set_etag,
)
from trapline.server.queue.actions import job_analyses, jobs, tasks
from trapline.server.queue.routes.expected_tasks import expect_tasks
from trapline.server.queue.rules.list_filters import JobFilter
from trapline.wire.analyses import Analysis
from trapline.wire.jobs import Job, JobDetail, JobOrder, JobState, JobUpdate, NewJob
from trapline.wire.tasks import ClaimableJobs
from trapline.wire.values import GivenTime, Page

router = APIRouter(prefix="/jobs", tags=["jobs"], dependencies=[Depends(expect_tasks)])

JobPath = Annotated[int, Path(ge=1, le=LARGEST)]
MODE = "async_api"


@router.get(
    "",
    responses={
        200: {"description": "Jobs, by default newest first; in the workers' form: ids and slugs."}
    },
)
async def list_jobs(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    status: JobState | None = None,
    name: QueryText | None = None,
    preset: QueryText | None = None,
    created_after: GivenTime | None = None,
    created_before: GivenTime | None = None,
    order: JobOrder = JobOrder.NEWEST_FIRST,
    limit: Annotated[int | None, Query(ge=1, le=1000)] = None,
    cursor: Cursor = None,
    pipeline__slug__in: Annotated[
        QueryText | None, Query(description="Slugs of pipelines, comma-joined.")
    ] = None,
    pipeline__slug: QueryText | None = None,
    ids_only: QueryText | None = None,
    incomplete_only: QueryText | None = None,
    dispatch_mode: QueryText | None = None,
    project_id: Annotated[ProjectFilter, Query(description="The same as `project`.")] = None,
) -> Page[Job]:
    """List jobs by creation time.

    With `ids_only`, `incomplete_only` or `dispatch_mode` the response has the form for workers:
    `{results: [{id, pipeline_slug}]}`. It lists jobs with tasks that can be leased now, the best
    first, and one job unless `limit` is given. Only `limit` and the parameters that name pipelines
    and projects apply in this form. `ids_only=0` and `incomplete_only=0` count as not given.
    """
    if project is not None and project_id is not None and project != project_id:
        raise InvalidRequest(
            "`project` and `project_id` are two names of one filter. Give one of them."
        )
    project = project_id if project is None else project
    given = [text for text in (pipeline__slug__in, pipeline__slug) if text is not None]
    slugs = (
        [slug.strip() for text in given for slug in text.split(",") if slug.strip()]
        if given
        else None
    )
    if not _is_on(ids_only) and not _is_on(incomplete_only) and dispatch_mode is None:
        wanted = JobFilter(status, name, slugs, preset, created_after, created_before)
        descending = order == JobOrder.NEWEST_FIRST
        return await jobs.list_jobs(
            system, scope, project, wanted, descending=descending, limit=limit or 50, cursor=cursor
        )
    if dispatch_mode not in (None, MODE):
        raise InvalidRequest(f"Unknown dispatch_mode {dispatch_mode}; workers ask for {MODE}.")
    claimable: ClaimableJobs = await tasks.list_jobs_with_tasks(
        system, scope, slugs, limit or 1, project
    )
    body = claimable.model_dump_json()
    return Response(body, media_type="application/json")  # type: ignore[return-value]


def _is_on(flag: str | None) -> bool:
    return flag is not None and flag.strip().lower() not in ("", "0", "false", "no", "off")


@router.post("", status_code=201)
async def create_job(system: SystemOf, scope: ScopeOf, new: NewJob, response: Response) -> Job:
    """Run a pipeline over a selection of a project's images."""
    job = await jobs.create_job(system, scope, new)
    response.headers["Location"] = f"/api/v2/jobs/{job.id}"
    return job


@router.get("/{job_id}")
async def get_job(
    system: SystemOf, scope: ScopeOf, job_id: JobPath, response: Response
) -> JobDetail:
    """Get a job with its transitions, the reasons of its failures, and its findings."""
    job, edited_at = await jobs.get_job(system, scope, job_id)
    set_etag(response, edited_at)
    return job


@router.get("/{job_id}/analyses")
async def list_analyses(
    system: SystemOf, scope: ScopeOf, job_id: JobPath, limit: Limit = 50, cursor: Cursor = None
) -> Page[Analysis]:
    """List the analyses of a job, one for each of its images, with their first annotations."""
    return await job_analyses.list_job_analyses(system, scope, job_id, limit, cursor)


@router.patch("/{job_id}")
async def update_job(
    system: SystemOf, scope: ScopeOf, job_id: JobPath, change: JobUpdate, response: Response
) -> Job:
    """Change the name or priority of a job, in any state; omitted fields are kept."""
    job, edited_at = await jobs.update_job(system, scope, job_id, change)
    set_etag(response, edited_at)
    return job


@router.post("/{job_id}/run", status_code=202)
async def run_job(system: SystemOf, scope: ScopeOf, job_id: JobPath) -> Job:
    """Start a job that was created to be started later; a job that has started is not changed."""
    return await jobs.run_job(system, scope, job_id)


@router.post("/{job_id}/cancel", status_code=202)
async def cancel_job(system: SystemOf, scope: ScopeOf, job_id: JobPath) -> Job:
    """Cancel a job; stored results are kept. Returns 409 if the job has ended."""
    return await jobs.cancel_job(system, scope, job_id)


@router.post("/{job_id}/pause", status_code=202)
async def pause_job(system: SystemOf, scope: ScopeOf, job_id: JobPath) -> Job:
    """Pause a job: its tasks are not leased until it is resumed. Current leases continue."""
    return await jobs.pause_job(system, scope, job_id, paused=True)


@router.post("/{job_id}/resume", status_code=202)
async def resume_job(system: SystemOf, scope: ScopeOf, job_id: JobPath) -> Job:
    """Resume a paused job: its tasks can be leased again."""
    return await jobs.pause_job(system, scope, job_id, paused=False)
