"""What failed in a job: by reason, one by one with each attempt's story, and doing it again."""

from uuid import UUID

from fastapi import APIRouter

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import Cursor, Limit, QueryText
from trapline.server.queue.actions import failures
from trapline.server.queue.routes.jobs import JobPath
from trapline.wire.failures import DeadLetter, Failures, LogEntry, TaskHistory
from trapline.wire.jobs import Job, RetryRequest
from trapline.wire.values import Page

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get("/{job_id}/failures")
async def list_failures(system: SystemOf, scope: ScopeOf, job_id: JobPath) -> Failures:
    """List why images of a job failed, the most frequent reason first.

    Errors that differ only in numbers, paths or addresses have one reason; at most 100 reasons are
    listed.
    """
    return await failures.list_failures(system, scope, job_id)


@router.get("/{job_id}/dead_letters")
async def list_dead_letters(
    system: SystemOf,
    scope: ScopeOf,
    job_id: JobPath,
    reason: QueryText | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[DeadLetter]:
    """List the tasks that a job gave up, of one reason (or of the reason of such an error), or all of them."""
    return await failures.list_dead_letters(system, scope, job_id, reason, limit, cursor)


@router.get("/{job_id}/log")
async def list_job_log(
    system: SystemOf, scope: ScopeOf, job_id: JobPath, limit: Limit = 50, cursor: Cursor = None
) -> Page[LogEntry]:
    """List what happened to a job, the newest first: its moves, and the attempts at its tasks that ended badly."""
    return await failures.list_job_log(system, scope, job_id, limit, cursor)


@router.get("/{job_id}/tasks/{analysis_id}")
async def get_task(
    system: SystemOf, scope: ScopeOf, job_id: JobPath, analysis_id: UUID
) -> TaskHistory:
    """Show one task of a job with the story of each attempt: who had it, when, and how that ended."""
    return await failures.get_task(system, scope, job_id, analysis_id)


@router.post("/{job_id}/retry", status_code=202)
async def retry_job(
    system: SystemOf, scope: ScopeOf, job_id: JobPath, wanted: RetryRequest | None = None
) -> Job:
    """Do again what failed or was canceled: all of it without a body, else of one reason, or some;
    the rest stays.

    Nothing to retry is 409.
    """
    return await failures.retry_job(system, scope, job_id, wanted or RetryRequest())
