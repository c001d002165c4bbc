"""Failures of a job: reasons, failed tasks, attempts of a task, and retries."""

from collections.abc import Mapping
from uuid import UUID

import structlog

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.images.queries.locations import list_precisions, list_withheld_images
from trapline.server.images.rules.locations import get_shown_filename
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Conflict, NotFound
from trapline.server.queue.actions.job_responses import WITHHELD_REASON, get_job_in_transaction
from trapline.server.queue.actions.jobs import RUN_AGAIN, enqueue_expansion
from trapline.server.queue.queries import retry
from trapline.server.queue.queries.dead_letters import (
    AttemptDetail,
    count_dead_letters,
    find_task,
    list_attempts,
    list_dead_letter_rows,
    list_reasons,
)
from trapline.server.queue.queries.job_downloads import reset_attempts
from trapline.server.queue.queries.job_log import (
    HolderTotals,
    JobKey,
    JobLogRecord,
    count_log,
    list_holder_totals,
    list_log,
)
from trapline.server.queue.queries.jobs import get_job_row
from trapline.server.queue.rules.failure_reasons import normalise_error
from trapline.server.queue.rules.worker_names import build_holder_name
from trapline.wire.analyses import AnalysisState
from trapline.wire.failures import (
    DeadLetter,
    FailureGroup,
    Failures,
    LogEntry,
    TaskAttempt,
    TaskHistory,
)
from trapline.wire.jobs import Job, JobState, RetryRequest
from trapline.wire.values import Page

log = structlog.get_logger(__name__)


async def list_failures(system: AppContext, scope: Scope, job_id: int) -> Failures:
    """List the reasons why images of a job failed, the most frequent first.

    Raises:
        NotFound: the caller does not see such a job.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_job_row(scope, tx, job_id)
        reasons = await list_reasons(scope, tx, job_id)
    return Failures(
        results=[
            FailureGroup(
                reason=found.reason,
                images=found.images,
                example=found.example,
                sample_image_ids=found.sample_image_ids,
            )
            for found in reasons
        ],
        failed=row.failed,
    )


async def list_dead_letters(
    system: AppContext,
    scope: Scope,
    job_id: int,
    reason: str | None,
    limit: int,
    cursor: str | None,
) -> Page[DeadLetter]:
    """List the failed tasks of a job; optionally only those with one reason or error.

    Raises:
        NotFound: the caller does not see such a job.
    """
    reasons = None if reason is None else _same(reason)
    async with system.database.transaction(scope) as tx:
        row = await get_job_row(scope, tx, job_id)
        letters, following = await list_dead_letter_rows(scope, tx, job_id, reasons, limit, cursor)
        count, estimated = await count_dead_letters(scope, tx, job_id, reasons)
        images = [letter.image_id for letter in letters]
        withheld = await list_withheld_images(scope, tx, row.project_id, images)
    shown = [
        letter._replace(filename=get_shown_filename(letter.image_id, letter.filename))
        if letter.image_id in withheld
        else letter
        for letter in letters
    ]
    return Page(
        results=[DeadLetter(**letter._asdict()) for letter in shown],
        next=following,
        count=count,
        count_is_estimate=estimated,
    )


async def list_job_log(
    system: AppContext, scope: Scope, job_id: int, limit: int, cursor: str | None
) -> Page[LogEntry]:
    """List the state transitions of a job, its failed attempts and its workers, newest first.

    Raises:
        NotFound: the caller does not see such a job.
    """
    async with system.database.transaction(scope) as tx:
        job = await get_job_row(scope, tx, job_id)
        key = JobKey(job.project_id, job_id)
        rows, following = await list_log(scope, tx, key, limit, cursor)
        count, estimated = await count_log(scope, tx, key)
        holders = [row.holder_id for row in rows if row.holder_id is not None]
        totals = await list_holder_totals(scope, tx, key, holders)
        names = await list_actor_names(scope, tx, [row.actor for row in rows])
        hides = bool(await list_precisions(scope, tx, [job.project_id]))
    results = [
        LogEntry(
            at=row.at,
            what=_describe_entry(row, totals),
            by=names.get(row.actor) if row.to_state is not None else _name_worker(row),
            error=WITHHELD_REASON
            if hides and row.words is not None and row.to_state == JobState.FAILED
            else row.words,
            analysis_id=row.analysis_id,
            image_id=row.image_id,
        )
        for row in rows
    ]
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


def _describe_entry(row: JobLogRecord, totals: Mapping[int, HolderTotals]) -> str:
    if row.holder_id is not None:
        worker = totals.get(row.holder_id, HolderTotals(0, 0, 0))
        return (
            f"fetched {worker.fetched:,} tasks; returned {worker.completed:,} results and "
            f"{worker.errors:,} errors"
        )
    if row.outcome is None:
        return f"{row.from_state} to {row.to_state}"
    return f"attempt {row.attempt}: {row.outcome}"


def _name_worker(row: JobLogRecord) -> str | None:
    return build_holder_name(row.worker_name, row.worker_host, row.user_agent, row.address)


async def get_task(system: AppContext, scope: Scope, job_id: int, analysis_id: UUID) -> TaskHistory:
    """Get one task of a job with each of its attempts.

    Raises:
        NotFound: the caller does not see such a task.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_job_row(scope, tx, job_id)
        task = await find_task(scope, tx, job_id, analysis_id)
        if task is None:
            raise NotFound
        attempts = await list_attempts(scope, tx, analysis_id)
        withheld = await list_withheld_images(scope, tx, row.project_id, [task.image_id])
    return TaskHistory(
        analysis_id=task.analysis_id,
        job_id=task.job_id,
        image_id=task.image_id,
        filename=get_shown_filename(task.image_id, task.filename)
        if task.image_id in withheld
        else task.filename,
        status=AnalysisState(task.state),
        reason=task.reason if task.error is not None else None,
        error=task.error,
        next_attempt_at=task.not_before,
        attempts=[_attempt(seen) for seen in attempts],
    )


async def retry_job(system: AppContext, scope: Scope, job_id: int, wanted: RetryRequest) -> Job:
    """Retry failed or canceled tasks: all of them, those of a reason, or some.

    Raises:
        NotFound: the caller does not see such a job.
        Conflict: there is nothing to retry.
    """
    which = retry.RetrySelector(
        reasons=None if wanted.reason is None else _same(wanted.reason),
        analyses=wanted.analyses,
        images=wanted.images,
    )
    async with system.database.transaction(scope) as tx:
        row = await get_job_row(scope, tx, job_id)
        retried = await retry.retry_job(scope, tx, job_id, which)
        if retried is None:
            raise Conflict(
                f"Nothing of this job failed, so there is nothing to retry. {RUN_AGAIN}"
                if which.is_all
                else "None of these is a failure of this job. Nothing was changed; "
                "its failures are listed by reason."
            )
        if row.fetching:
            await reset_attempts(scope, tx, job_id)
        await enqueue_expansion(scope, tx, job_id, fetching=row.fetching)
        tx.audit("retry", "job", job_id, row.project_id, images=retried, reason=wanted.reason)
        log.info("failed tasks are retried", job=job_id, tasks=retried)
        return await get_job_in_transaction(scope, tx, job_id)


def _same(reason: str) -> list[str]:
    return sorted({reason, normalise_error(reason)})


def _attempt(seen: AttemptDetail) -> TaskAttempt:
    return TaskAttempt(
        number=seen.number,
        worker=build_holder_name(seen.name, seen.host, seen.user_agent, seen.address),
        worker_id=seen.worker_id,
        leased_at=seen.leased_at,
        ended_at=seen.ended_at,
        outcome=seen.outcome,
        error=seen.error,
    )
