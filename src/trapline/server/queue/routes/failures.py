"""Routes of failures: reasons, failed tasks, attempts, and retries."""

from uuid import UUID

from fastapi import APIRouter, Depends

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import Cursor, Limit, QueryText
from trapline.server.queue.actions import failures
from trapline.server.queue.routes.expected_tasks import expect_tasks
from trapline.server.queue.routes.jobs import JobPath
from trapline.wire.failures import DeadLetter, Failures, LogEntry, TaskHistory
from trapline.wire.jobs import Job, RetryRequest
from trapline.wire.values import Page

router = APIRouter(prefix="/jobs", tags=["jobs"], dependencies=[Depends(expect_tasks)])


@router.get("/{job_id}/failures")
async def list_failures(system: SystemOf, scope: ScopeOf, job_id: JobPath) -> Failures:
    """List the reasons why images of a job failed, the most frequent first.

    Errors that differ only in numbers, paths or URLs have the same reason. At most 100 reasons are
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
    """List the failed tasks of a job; optionally only those with one reason or error."""
    return await failures.list_dead_letters(system, scope, job_id, reason, limit, cursor)


@router.get("/{job_id}/log")
async def list_job_log(
    system: SystemOf, scope: ScopeOf, job_id: JobPath, limit: Limit = 50, cursor: Cursor = None
) -> Page[LogEntry]:
    """List the state transitions of a job, its failed attempts and its workers, newest first.

    The entry of a worker has the numbers of tasks that it fetched and returned until now.
    """
    return await failures.list_job_log(system, scope, job_id, limit, cursor)


@router.get("/{job_id}/tasks/{analysis_id}")
async def get_task(
    system: SystemOf, scope: ScopeOf, job_id: JobPath, analysis_id: UUID
) -> TaskHistory:
    """Get one task of a job with each attempt: its worker, its time and its outcome."""
    return await failures.get_task(system, scope, job_id, analysis_id)


@router.post("/{job_id}/retry", status_code=202)
async def retry_job(
    system: SystemOf, scope: ScopeOf, job_id: JobPath, wanted: RetryRequest | None = None
) -> Job:
    """Retry failed or canceled tasks: all of them without a body, else those of a reason or by ID.

    Returns 409 if there is nothing to retry.
    """
    return await failures.retry_job(system, scope, job_id, wanted or RetryRequest())
