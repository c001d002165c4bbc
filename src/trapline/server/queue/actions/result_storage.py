"""Store parsed results: lock their tasks, decide on each result, and write in one transaction."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import psycopg
import structlog

from trapline.server.findings.queries.annotations import (
    create_annotations,
    create_reports,
    create_scores,
    update_image_classes,
)
from trapline.server.findings.queries.current_findings import (
    lock_images_with_results,
    refresh_findings,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.deadlock_retry import retry_on_deadlock
from trapline.server.queue.actions.tasks import get_contact_interval_s
from trapline.server.queue.formats.result_decoding import (
    FailureStruct,
)
from trapline.server.queue.formats.result_rows import (
    ResultRows,
)
from trapline.server.queue.queries.claim import LeasableJob
from trapline.server.queue.queries.holders import HolderContact, record_holder_contact
from trapline.server.queue.queries.job_counters import (
    JobClosed,
    JobCounterChange,
    send_job_update,
    translate_closed_error,
)
from trapline.server.queue.queries.lease_cache import LeaseCache
from trapline.server.queue.queries.pipeline_registration import (
    HashedCategoryMap,
    upsert_category_map,
)
from trapline.server.queue.queries.task_results import (
    AttemptEnd,
    LockedTask,
    TaskFailure,
    complete_tasks,
    count_discarded,
    fail_tasks,
    list_failed_attempts,
    lock_tasks,
    record_attempts,
    record_completions,
)
from trapline.server.queue.rules.lease_tokens import LeaseTokenClaims
from trapline.server.queue.rules.result_acceptance import ResultDecision, TaskState, decide_result
from trapline.server.queue.rules.retry_policy import RetryLater, decide_after_error
from trapline.server.review.queries.derivation import refresh_observations
from trapline.wire.analyses import AnalysisState

log = structlog.get_logger(__name__)

ACCEPTED = "accepted"
DUPLICATE = "duplicate"
CLOSED = "rejected: the job is over; the result was discarded"
STALE = "rejected: the lease was revoked"
UNKNOWN_TOKEN = "rejected: not a lease token of this server"  # noqa: S105 - a message
UNKNOWN_TASK = "rejected: not a task of this job"
OTHER_IMAGE = "rejected: the result is about another image than the task"
STATUS_BY_DECISION = {
    ResultDecision.COUNTS: ACCEPTED,
    ResultDecision.AGAIN: ACCEPTED,
    ResultDecision.DUPLICATE: DUPLICATE,
    ResultDecision.STALE: STALE,
}


@dataclass(frozen=True)
class ParsedResult:
    """A valid result: its position in the batch, its lease, and its rows or its error."""

    position: int
    lease: LeaseTokenClaims
    content: ResultRows | FailureStruct


@dataclass(frozen=True)
class AcceptedResult:
    """A result that is stored, with its task as it was when it was locked."""

    reply: ParsedResult
    task: LockedTask


@dataclass
class BatchOutcome:
    """The decisions on a batch: its sender, the status of each position, and results to store."""

    holder_id: int
    statuses: dict[int, str] = field(default_factory=dict)
    accepted: dict[UUID, AcceptedResult] = field(default_factory=dict)


async def store_parsed_results(
    system: AppContext,
    scope: Scope,
    job: LeasableJob,
    replies: Sequence[ParsedResult],
    statuses: list[str],
) -> None:
    """Store results together and set their statuses.

    If the database rejects one of them, each is stored separately, so that only the invalid one is
    rejected.
    """
    if not replies:
        return
    try:
        await _store_together(system, scope, job, replies, statuses)
    except (
        psycopg.DataError,
        psycopg.IntegrityError,
        psycopg.errors.ProgramLimitExceeded,
    ) as error:
        if len(replies) == 1:
            log.error(
                "result rejected by the database",
                project=job.project_id,
                job=job.id,
                analysis=str(replies[0].lease.analysis_id),
                error=str(error),
            )
            statuses[replies[0].position] = (
                f"rejected: the database refused it ({type(error).__name__})"
            )
            return
        for reply in replies:
            await store_parsed_results(system, scope, job, [reply], statuses)


async def _store_together(
    system: AppContext,
    scope: Scope,
    job: LeasableJob,
    replies: Sequence[ParsedResult],
    statuses: list[str],
) -> None:
    try:
        decided = await retry_on_deadlock(
            partial(_store_in_transaction, system, scope, job, replies, is_closed=job.is_final)
        )
    except JobClosed:
        decided = await retry_on_deadlock(
            partial(_store_in_transaction, system, scope, job, replies, is_closed=True)
        )
    for position, status in decided.items():
        statuses[position] = status


async def _store_in_transaction(
    system: AppContext,
    scope: Scope,
    job: LeasableJob,
    replies: Sequence[ParsedResult],
    *,
    is_closed: bool,
) -> dict[int, str]:
    """Store results in one transaction and return the status of each position.

    Raises:
        JobClosed: the job was canceled meanwhile; nothing was stored.
    """
    async with system.database.sql_transaction(scope) as tx:
        outcome = await _decide(system, scope, tx, job, replies)
        if outcome.accepted and not is_closed:
            await _write(system, scope, tx, job, outcome)
        else:
            await _discard(scope, tx, job, outcome)
    return outcome.statuses


async def _decide(
    system: AppContext,
    scope: Scope,
    tx: Transaction,
    job: LeasableJob,
    replies: Sequence[ParsedResult],
) -> BatchOutcome:
    """Lock the tasks and decide on each result.

    Results of the same task are decided in order: an accepted one changes the state that the next
    one meets.
    """
    contact = HolderContact(
        job.id,
        job.project_id,
        job.pipeline_id,
        get_contact_interval_s(system.leases),
        system.part(LeaseCache),
    )
    outcome = BatchOutcome(await record_holder_contact(scope, tx, contact, also_evicted=True))
    ids = list({reply.lease.analysis_id for reply in replies})
    tasks = {task.analysis_id: task for task in await lock_tasks(scope, tx, job.id, ids)}
    states = {analysis_id: task.state for analysis_id, task in tasks.items()}
    failed_attempts = await list_failed_attempts(
        scope, tx, [task.analysis_id for task in tasks.values() if task.errors or task.fence]
    )
    won: dict[UUID, int] = {}
    for reply in replies:
        task = tasks.get(reply.lease.analysis_id)
        if task is None:
            outcome.statuses[reply.position] = UNKNOWN_TASK
            continue
        is_error = isinstance(reply.content, FailureStruct)
        past = failed_attempts.setdefault(task.analysis_id, [])
        winner = won.get(task.analysis_id, task.won)
        state = TaskState(states[task.analysis_id], task.attempt, task.fence, winner, past)
        decision = decide_result(state, reply.lease.attempt, is_error=is_error)
        outcome.statuses[reply.position] = STATUS_BY_DECISION[decision]
        if task.state == AnalysisState.CANCELED and decision != ResultDecision.AGAIN:
            outcome.statuses[reply.position] = CLOSED
        elif decision == ResultDecision.COUNTS:
            if is_error:
                past.append(reply.lease.attempt)
                states[task.analysis_id] = AnalysisState.QUEUED
            else:
                won[task.analysis_id] = reply.lease.attempt
                states[task.analysis_id] = AnalysisState.COMPLETED
            outcome.accepted[task.analysis_id] = AcceptedResult(reply, task)
    return outcome


async def _discard(scope: Scope, tx: Transaction, job: LeasableJob, outcome: BatchOutcome) -> None:
    """Store nothing; reject the results that would have been accepted, and count them."""
    for one in outcome.accepted.values():
        outcome.statuses[one.reply.position] = CLOSED
    discarded = sum(status == CLOSED for status in outcome.statuses.values())
    if discarded:
        await count_discarded(scope, tx, job.id, discarded)


async def _write(
    system: AppContext, scope: Scope, tx: Transaction, job: LeasableJob, outcome: BatchOutcome
) -> None:
    completed = [
        one for one in outcome.accepted.values() if isinstance(one.reply.content, ResultRows)
    ]
    failures = [
        one for one in outcome.accepted.values() if isinstance(one.reply.content, FailureStruct)
    ]
    found = [one.reply.content for one in completed if isinstance(one.reply.content, ResultRows)]
    failed = [_decide_failure(system, one) for one in failures]
    if failed:
        await fail_tasks(scope, tx, job.project_id, failed)
        await record_attempts(
            scope,
            tx,
            job.project_id,
            [_build_attempt_end(one, outcome.holder_id) for one in failures],
        )
    final_failures = sum(task.state == AnalysisState.FAILED for task in failed)
    change = JobCounterChange(
        open=-len(found) - final_failures,
        completed=len(found),
        failed=final_failures,
        nothing_found=sum(findings.is_blank for findings in found),
    )
    await _write_findings(scope, tx, found)
    known = await lock_images_with_results(scope, tx, {one.subject.image_id for one in found})
    with translate_closed_error():
        async with tx.pipelined_commit():
            await _send_completions(scope, tx, job, outcome.holder_id, completed, known)
            await send_job_update(scope, tx, job.id, change, scope.actor)


async def _send_completions(
    scope: Scope,
    tx: Transaction,
    job: LeasableJob,
    holder_id: int,
    completed: Sequence[AcceptedResult],
    known: set[UUID],
) -> None:
    found = [one.reply.content for one in completed if isinstance(one.reply.content, ResultRows)]
    if not found:
        return
    won = {one.task.analysis_id: one.reply.lease.attempt for one in completed}
    had_failed = [
        one.task.analysis_id
        for one in completed
        if one.task.attempt > 1 or one.task.errors or one.task.lost
    ]
    await complete_tasks(scope, tx, holder_id, won, had_failed)
    await create_reports(
        scope, tx, job.project_id, [(one.subject.analysis_id, one.report) for one in found]
    )
    first = [one for one in found if one.subject.image_id not in known]
    await update_image_classes(scope, tx, [one for findings in first for one in findings.classes])
    await refresh_findings(scope, tx, known)
    await refresh_observations(scope, tx, job.project_id, {one.subject.image_id for one in found})
    # The newest lease belongs to another caller if the result is of an earlier attempt.
    leased = [
        one.task.leased_at
        for one in completed
        if one.task.leased_at and one.reply.lease.attempt == one.task.attempt
    ]
    await record_completions(scope, tx, holder_id, len(found), min(leased, default=None))


async def _write_findings(scope: Scope, tx: Transaction, found: Sequence[ResultRows]) -> None:
    maps = {sha256: content for findings in found for sha256, content in findings.maps.items()}
    for sha256 in sorted(maps):
        labels, data = maps[sha256]
        await upsert_category_map(scope, tx, HashedCategoryMap(sha256, labels, {"data": data}))
    await create_annotations(scope, tx, [row for findings in found for row in findings.annotations])
    await create_scores(scope, tx, [row for findings in found for row in findings.vectors])


def _decide_failure(system: AppContext, one: AcceptedResult) -> TaskFailure:
    content = one.reply.content
    assert isinstance(content, FailureStruct)
    decision = decide_after_error(
        content.error,
        one.task.errors + 1,
        system.leases.errors,
        random.random(),  # noqa: S311 - jitter
    )
    analysis_id = one.task.analysis_id
    if isinstance(decision, RetryLater):
        return TaskFailure(
            analysis_id, AnalysisState.QUEUED, decision.wait_s, content.error, errors=1
        )
    return TaskFailure(analysis_id, AnalysisState.FAILED, 0, decision.reason, errors=1)


def _build_attempt_end(one: AcceptedResult, holder_id: int) -> AttemptEnd:
    assert isinstance(one.reply.content, FailureStruct)
    return AttemptEnd(
        analysis_id=one.task.analysis_id,
        attempt=one.reply.lease.attempt,
        outcome="error",
        holder_id=holder_id,
        leased_at=one.task.leased_at,
        error=one.reply.content.error,
    )
