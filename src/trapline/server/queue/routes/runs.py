"""Routes of pipeline runs: submit, list, get, cancel and retry."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf, authorise_uncached
from trapline.server.platform.errors import Forbidden, NotFound, ProjectArchived, Unprocessable
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectFilter, QueryText
from trapline.server.platform.http.request_context import OriginOf
from trapline.server.queue.actions import presets, runs
from trapline.server.queue.routes.expected_tasks import expect_tasks
from trapline.server.queue.rules.list_filters import PresetFilter
from trapline.server.queue.rules.run_names import parse_job_id
from trapline.wire.jobs import JobState, RetryRequest
from trapline.wire.presets import Preset
from trapline.wire.runs import NewRun, Run, RunAccepted, RunPage, RunStateResult
from trapline.wire.values import Page

router = APIRouter(prefix="/pipeline", tags=["pipeline runs"], dependencies=[Depends(expect_tasks)])

MOST_PASSED = 10_000


def parse_run_id(text: str) -> int:
    """Parse the ID of a run, as `123` or `job-123`.

    Raises:
        NotFound: the text is not an ID of a run.
    """
    number = parse_job_id(text)
    if number is None:
        raise NotFound
    return number


def _read_state(text: str) -> JobState:
    try:
        return JobState(text.lower())
    except ValueError:
        known = ", ".join(state.upper() for state in JobState)
        raise Unprocessable(
            f"There is no such status. It is one of {known}.", [("status", "is not known")]
        ) from None


RunPath = Annotated[str, Path(description="`123` or `job-123`.")]


@router.post("/run", status_code=202)
async def submit_run(
    request: Request,
    system: SystemOf,
    scope: ScopeOf,
    origin: OriginOf,
    new: NewRun,
    response: Response,
) -> RunAccepted:
    """Run a preset or a pipeline over images. The response has the URL of the run, which is queued.

    With an `Idempotency-Key`, the same request again returns the same job.
    """
    try:
        accepted = await runs.submit_run(system, scope, new)
    except (ProjectArchived, NotFound, Forbidden, Unprocessable):
        if not scope.is_cached:
            raise
        accepted = await runs.submit_run(
            system, await authorise_uncached(request, system, origin), new
        )
    response.headers["Location"] = accepted.check_status_at
    return accepted


@router.get("/presets")
async def list_presets(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Preset]:
    """List the presets that a run may name. Manage presets under /api/v2/presets."""
    return await presets.list_presets(
        system, scope, project, PresetFilter(), limit=limit, cursor=cursor
    )


@router.get("/jobs")
async def list_runs(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    status: Annotated[
        QueryText | None, Query(description="Case-insensitive, such as QUEUED.")
    ] = None,
    limit: Limit = 20,
    offset: Annotated[
        int, Query(ge=0, le=MOST_PASSED, description="The number of entries to skip.")
    ] = 0,
    cursor: Cursor = None,
) -> RunPage:
    """List jobs, newest first. Page with `cursor`, which never skips or repeats, or `offset`."""
    state = None if status is None else _read_state(status)
    if cursor is not None and offset:
        raise Unprocessable(
            "Give either a cursor or an offset, not both.",
            [("offset", "cannot be combined with a cursor")],
        )
    return await runs.list_runs(system, scope, project, state, limit, offset, cursor)


@router.get("/job/{job_id}")
async def get_run(system: SystemOf, scope: ScopeOf, job_id: RunPath) -> Run:
    """Get a run with its state transitions, and with its result when it has ended."""
    return await runs.get_run(system, scope, parse_run_id(job_id))


@router.post("/job/{job_id}/cancel", status_code=202)
async def cancel_run(system: SystemOf, scope: ScopeOf, job_id: RunPath) -> RunStateResult:
    """Cancel a run; stored results are kept. Returns 409 if the run has ended."""
    return await runs.cancel_run(system, scope, parse_run_id(job_id))


@router.post("/job/{job_id}/retry", status_code=202)
async def retry_run(
    system: SystemOf, scope: ScopeOf, job_id: RunPath, wanted: RetryRequest | None = None
) -> RunStateResult:
    """Retry failed or canceled tasks, and downloads that failed.

    Returns 409 if there is nothing to retry.
    """
    return await runs.retry_run(system, scope, parse_run_id(job_id), wanted or RetryRequest())
