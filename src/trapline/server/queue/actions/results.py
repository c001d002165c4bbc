"""Results: what workers post back, judged element by element and stored in one transaction."""

import asyncio
import random
from collections.abc import Mapping, Sequence
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
from trapline.server.findings.rules.geometry import Frame
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.deadlock_retry import retry_on_deadlock
from trapline.server.platform.errors import Forbidden, InvalidRequest
from trapline.server.platform.formats.json_stream import Body, split_body
from trapline.server.platform.metrics import RESULTS
from trapline.server.queue.actions.algorithm_resolution import resolve_algorithms
from trapline.server.queue.actions.tasks import LEASE_TOKENS, get_contact_interval_s
from trapline.server.queue.formats.result_decoding import (
    FailureStruct,
    RejectedElement,
    ResultElement,
    SuccessStruct,
    decode_elements,
    is_about_image,
)
from trapline.server.queue.formats.result_rows import (
    ResultRows,
    ResultSubject,
    StoredAlgorithm,
    build_result_rows,
)
from trapline.server.queue.queries.claim import LeasableJob, get_leasable_job
from trapline.server.queue.queries.holders import HolderContact, record_holder_contact
from trapline.server.queue.queries.job_counters import (
    JobClosed,
    JobCounterChange,
    send_job_update,
    translate_closed_error,
)
from trapline.server.queue.queries.pipeline_registration import (
    HashedCategoryMap,
    upsert_category_map,
)
from trapline.server.queue.queries.task_results import (
    AttemptEnd,
    LockedTask,
    TaskFailure,
    TaskImage,
    complete_tasks,
    count_discarded,
    fail_tasks,
    list_failed_attempts,
    list_result_subjects,
    lock_tasks,
    record_attempts,
    record_completions,
)
from trapline.server.queue.rules.lease_tokens import LeaseTokenClaims, find_lease_claims
from trapline.server.queue.rules.result_acceptance import ResultDecision, TaskState, decide_result
from trapline.server.queue.rules.retry_policy import RetryLater, decide_after_error
from trapline.wire.analyses import AnalysisState
from trapline.wire.results import ResultsAccepted, ResultStatus

log = structlog.get_logger(__name__)

ACCEPTED = "accepted"
DUPLICATE = "duplicate"
CLOSED = "rejected: the job is over; the result was discarded"
STALE = "rejected: the lease was taken back"
UNKNOWN_TOKEN = "rejected: not a lease token of this server"  # noqa: S105 - words
UNKNOWN_TASK = "rejected: not a task of this job"
OTHER_IMAGE = "rejected: the result is about another image than the task"
TOLD = {
    ResultDecision.COUNTS: ACCEPTED,
    ResultDecision.AGAIN: ACCEPTED,
    ResultDecision.DUPLICATE: DUPLICATE,
    ResultDecision.STALE: STALE,
}
MOST_RESULTS = 10_000


@dataclass(frozen=True)
class ParsedResult:
    """A result that can be judged: its place in the batch, its lease, and either its rows or its error."""

    place: int
    leased: LeaseTokenClaims
    content: ResultRows | FailureStruct


@dataclass
class ResultBatch:
    """A body as it came: of each element its lease token, what that stands for, what it is told; and the replies."""

    subjects: list[str] = field(default_factory=list)
    leases: list[LeaseTokenClaims | None] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    replies: list[ParsedResult] = field(default_factory=list)

    def make_room(self, elements: int) -> None:
        """Make sure that so many elements more are not too many for one body. Raises Invalid."""
        if len(self.statuses) + elements > MOST_RESULTS:
            raise InvalidRequest(
                f"A body may have at most {MOST_RESULTS:,} results. Nothing was stored; send fewer at once."
            )

    def add(self, subject: str, leased: LeaseTokenClaims | None, status: str) -> None:
        """Add an element."""
        self.subjects.append(subject)
        self.leases.append(leased)
        self.statuses.append(status)


@dataclass
class ResolvedBatch:
    """Elements looked up: what each is told already; of the sound ones place, lease, result and algorithms."""

    statuses: list[str] = field(default_factory=list)
    sound: list[tuple[int, LeaseTokenClaims, SuccessStruct | FailureStruct]] = field(
        default_factory=list
    )
    subjects: Mapping[UUID, TaskImage] = field(default_factory=dict)
    algorithms: Mapping[int, Mapping[str, StoredAlgorithm]] = field(default_factory=dict)


@dataclass(frozen=True)
class AcceptedResult:
    """A reply that counts, with the task as it was when it was locked."""

    reply: ParsedResult
    task: LockedTask


@dataclass
class BatchOutcome:
    """A batch judged: who sent it, what each place of it is told, and what is to be written."""

    holder_id: int
    told: dict[int, str] = field(default_factory=dict)
    counted: dict[UUID, AcceptedResult] = field(default_factory=dict)


async def get_result_job(system: AppContext, scope: Scope, job_id: int) -> LeasableJob:
    """Find the job that results are to be posted to, before their body is read.

    Raises NotFound, Forbidden.
    """
    if scope.token_id is None:
        raise Forbidden("Results are for workers: call with an API token.")
    known = system.known.jobs.get(job_id)
    if known is not None and scope.sees(known.project_id):
        scope.check(known.project_id)
        return known
    async with system.database.sql_transaction(scope) as tx:
        job = await get_leasable_job(scope, tx, job_id)
    if not job.is_final:  # one that is final may be retried
        system.known.jobs.keep(job_id, job)
    return job


async def store_results(
    system: AppContext, scope: Scope, job: LeasableJob, body: Body
) -> ResultsAccepted:
    """Store a batch of results durably and tell what became of each.

    Raises Invalid, DatabaseAway.
    """
    batch = ResultBatch()
    if isinstance(body, bytes):
        for raw in split_body(body):
            batch.make_room(len(raw))
            await _prepare(system, scope, job, batch, decode_elements(raw))
    else:
        # One at a time, and never long in one piece: the process has other callers, and bounded
        # memory.
        async with system.large_bodies:
            groups = split_body(body)
            while (group := await asyncio.to_thread(next, groups, None)) is not None:
                batch.make_room(len(group))
                await _prepare(
                    system,
                    scope,
                    job,
                    batch,
                    await asyncio.to_thread(decode_elements, group),
                    in_thread=True,
                )
    await _store(system, scope, job, batch.replies, batch.statuses)
    for status in batch.statuses:
        RESULTS.labels(status.partition(":")[0]).inc()
    return ResultsAccepted(
        job_id=job.id,
        results_queued=batch.statuses.count(ACCEPTED),
        tasks=[
            ResultStatus(
                reply_subject=subject,
                status=status,
                task_id=str(leased.analysis_id) if leased else "",
            )
            for subject, status, leased in zip(
                batch.subjects, batch.statuses, batch.leases, strict=True
            )
        ],
    )


async def _prepare(
    system: AppContext,
    scope: Scope,
    job: LeasableJob,
    batch: ResultBatch,
    elements: Sequence[ResultElement],
    *,
    in_thread: bool = False,
) -> None:
    """Make rows of everything that can be stored; what cannot gets its status here."""
    keys = system.secrets.derive_all(LEASE_TOKENS)
    leases = [find_lease_claims(keys, element.reply_subject) for element in elements]
    looked = await retry_on_deadlock(partial(_look_up, system, scope, job, elements, leases))
    first = len(batch.statuses)
    for element, leased, status in zip(elements, leases, looked.statuses, strict=True):
        # Only what was recognised is sent back: any other text is the caller's, of any size.
        batch.add(element.reply_subject if leased else "", leased, status)

    def make() -> list[ParsedResult]:
        return [
            ParsedResult(
                first + place,
                leased,
                result
                if isinstance(result, FailureStruct)
                else build_result_rows(
                    _subject(job, leased, looked.subjects), result, looked.algorithms[place]
                ),
            )
            for place, leased, result in looked.sound
        ]

    batch.replies += await asyncio.to_thread(make) if in_thread else make()


def _subject(
    job: LeasableJob, leased: LeaseTokenClaims, subjects: Mapping[UUID, TaskImage]
) -> ResultSubject:
    image = subjects[leased.analysis_id]
    frame = Frame(image.width, image.height)
    return ResultSubject(leased.analysis_id, image.image_id, job.project_id, frame)


async def _look_up(
    system: AppContext,
    scope: Scope,
    job: LeasableJob,
    elements: Sequence[ResultElement],
    leases: Sequence[LeaseTokenClaims | None],
) -> ResolvedBatch:
    looked = ResolvedBatch()
    async with system.database.sql_transaction(scope, each_alone=True) as tx:
        ids = [leased.analysis_id for leased in leases if leased]
        content, looked.subjects = await list_result_subjects(scope, tx, job.id, ids)
        for place, (element, leased) in enumerate(zip(elements, leases, strict=True)):
            status = ""
            if isinstance(element.result, RejectedElement):
                status = f"rejected: {element.result.reason}"
            elif leased is None:
                status = UNKNOWN_TOKEN
            elif leased.analysis_id not in looked.subjects:
                status = UNKNOWN_TASK
            elif not is_about_image(element.result, looked.subjects[leased.analysis_id].image_id):
                status = OTHER_IMAGE
            else:
                looked.sound.append((place, leased, element.result))
            looked.statuses.append(status)
        found = {
            place: result for place, _, result in looked.sound if isinstance(result, SuccessStruct)
        }
        algorithms = await resolve_algorithms(
            system, scope, tx, job, content or b"", list(found.values())
        )
        looked.algorithms = dict(zip(found, algorithms, strict=True))
    return looked


async def _store(
    system: AppContext,
    scope: Scope,
    job: LeasableJob,
    replies: Sequence[ParsedResult],
    statuses: list[str],
) -> None:
    """Store replies together; if the database refuses one of them, each by itself, so that one harms no other."""
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
                "a result cannot be stored",
                project=job.project_id,
                job=job.id,
                analysis=str(replies[0].leased.analysis_id),
                error=str(error),
            )
            statuses[replies[0].place] = f"rejected: it cannot be stored ({type(error).__name__})"
            return
        for reply in replies:
            await _store(system, scope, job, [reply], statuses)


async def _store_together(
    system: AppContext,
    scope: Scope,
    job: LeasableJob,
    replies: Sequence[ParsedResult],
    statuses: list[str],
) -> None:
    try:
        told = await retry_on_deadlock(
            partial(_try_to_store, system, scope, job, replies, is_over=job.is_final)
        )
    except JobClosed:
        told = await retry_on_deadlock(
            partial(_try_to_store, system, scope, job, replies, is_over=True)
        )
    for place, status in told.items():
        statuses[place] = status


async def _try_to_store(
    system: AppContext,
    scope: Scope,
    job: LeasableJob,
    replies: Sequence[ParsedResult],
    *,
    is_over: bool,
) -> dict[int, str]:
    """Store replies in one transaction; answers what each place is told. Raises JobClosed."""
    async with system.database.sql_transaction(scope) as tx:
        judged = await _judge(system, scope, tx, job, replies)
        if judged.counted and not is_over:
            await _write(system, scope, tx, job, judged)
        else:
            await _discard(scope, tx, job, judged)
    return judged.told


async def _judge(
    system: AppContext,
    scope: Scope,
    tx: Transaction,
    job: LeasableJob,
    replies: Sequence[ParsedResult],
) -> BatchOutcome:
    """Lock the tasks and judge each reply; one that counts changes what the next ones of the batch meet."""
    contact = HolderContact(
        job.id,
        job.project_id,
        job.pipeline_id,
        get_contact_interval_s(system.leases),
        system.remembered,
    )
    judged = BatchOutcome(await record_holder_contact(scope, tx, contact, also_evicted=True))
    ids = list({reply.leased.analysis_id for reply in replies})
    tasks = {task.analysis_id: task for task in await lock_tasks(scope, tx, job.id, ids)}
    states = {analysis_id: task.state for analysis_id, task in tasks.items()}
    erred = await list_failed_attempts(
        scope, tx, [task.analysis_id for task in tasks.values() if task.errors or task.fence]
    )
    won: dict[UUID, int] = {}
    for reply in replies:
        task = tasks.get(reply.leased.analysis_id)
        if task is None:
            judged.told[reply.place] = UNKNOWN_TASK
            continue
        is_error = isinstance(reply.content, FailureStruct)
        past = erred.setdefault(task.analysis_id, [])
        winner = won.get(task.analysis_id, task.won)
        standing = TaskState(states[task.analysis_id], task.attempt, task.fence, winner, past)
        verdict = decide_result(standing, reply.leased.attempt, is_error=is_error)
        judged.told[reply.place] = TOLD[verdict]
        if task.state == AnalysisState.CANCELED and verdict != ResultDecision.AGAIN:
            judged.told[reply.place] = CLOSED
        elif verdict == ResultDecision.COUNTS:
            if is_error:
                past.append(reply.leased.attempt)
                states[task.analysis_id] = AnalysisState.QUEUED
            else:
                won[task.analysis_id] = reply.leased.attempt
                states[task.analysis_id] = AnalysisState.COMPLETED
            judged.counted[task.analysis_id] = AcceptedResult(reply, task)
    return judged


async def _discard(scope: Scope, tx: Transaction, job: LeasableJob, judged: BatchOutcome) -> None:
    """Nothing is stored: what would have counted is acknowledged, discarded and counted."""
    for one in judged.counted.values():
        judged.told[one.reply.place] = CLOSED
    discarded = sum(status == CLOSED for status in judged.told.values())
    if discarded:
        await count_discarded(scope, tx, job.id, discarded)


async def _write(
    system: AppContext, scope: Scope, tx: Transaction, job: LeasableJob, judged: BatchOutcome
) -> None:
    completed = [
        one for one in judged.counted.values() if isinstance(one.reply.content, ResultRows)
    ]
    erred = [one for one in judged.counted.values() if isinstance(one.reply.content, FailureStruct)]
    found = [one.reply.content for one in completed if isinstance(one.reply.content, ResultRows)]
    failed = [_fail(system, one) for one in erred]
    if failed:
        await fail_tasks(scope, tx, job.project_id, failed)
        await record_attempts(
            scope, tx, job.project_id, [_end(one, judged.holder_id) for one in erred]
        )
    dead = sum(task.state == AnalysisState.FAILED for task in failed)
    change = JobCounterChange(
        open=-len(found) - dead,
        completed=len(found),
        failed=dead,
        nothing_found=sum(findings.is_blank for findings in found),
    )
    await _copy_findings(scope, tx, found)
    known = await lock_images_with_results(scope, tx, {one.subject.image_id for one in found})
    with translate_closed_error():
        async with tx.pipelined_commit():
            await _send_moves(scope, tx, job, judged.holder_id, completed, known)
            await send_job_update(scope, tx, job.id, change, scope.actor)


async def _send_moves(
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
    won = {one.task.analysis_id: one.reply.leased.attempt for one in completed}
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
    if first:
        classes = [one for findings in first for one in findings.classes]
        await update_image_classes(
            scope, tx, classes, {one.subject.image_id: one.is_blank for one in first}
        )
    await refresh_findings(scope, tx, known)
    # A late result of an earlier attempt: the newest lease is of another caller.
    leased = [
        one.task.leased_at
        for one in completed
        if one.task.leased_at and one.reply.leased.attempt == one.task.attempt
    ]
    await record_completions(scope, tx, holder_id, len(found), min(leased, default=None))


async def _copy_findings(scope: Scope, tx: Transaction, found: Sequence[ResultRows]) -> None:
    maps = {sha256: content for findings in found for sha256, content in findings.maps.items()}
    for sha256 in sorted(maps):
        labels, data = maps[sha256]
        await upsert_category_map(scope, tx, HashedCategoryMap(sha256, labels, {"data": data}))
    await create_annotations(scope, tx, [row for findings in found for row in findings.annotations])
    await create_scores(scope, tx, [row for findings in found for row in findings.vectors])


def _fail(system: AppContext, one: AcceptedResult) -> TaskFailure:
    content = one.reply.content
    assert isinstance(content, FailureStruct)
    verdict = decide_after_error(
        content.error,
        one.task.errors + 1,
        system.leases.errors,
        random.random(),  # noqa: S311 - jitter
    )
    analysis_id = one.task.analysis_id
    if isinstance(verdict, RetryLater):
        return TaskFailure(
            analysis_id, AnalysisState.QUEUED, verdict.wait_s, content.error, errors=1
        )
    return TaskFailure(analysis_id, AnalysisState.FAILED, 0, verdict.reason, errors=1)


def _end(one: AcceptedResult, holder_id: int) -> AttemptEnd:
    assert isinstance(one.reply.content, FailureStruct)
    return AttemptEnd(
        analysis_id=one.task.analysis_id,
        attempt=one.reply.leased.attempt,
        outcome="error",
        holder_id=holder_id,
        leased_at=one.task.leased_at,
        error=one.reply.content.error,
    )
