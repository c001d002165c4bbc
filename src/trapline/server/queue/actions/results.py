"""Accept the results that workers post: decode each element, then store all in one transaction."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from trapline.server.findings.rules.geometry import Frame
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.deadlock_retry import retry_on_deadlock
from trapline.server.platform.errors import Forbidden, InvalidRequest
from trapline.server.platform.formats.json_stream import Body, split_body
from trapline.server.platform.metrics import RESULTS
from trapline.server.queue.actions.algorithm_resolution import resolve_algorithms
from trapline.server.queue.actions.client_processes import identify_poster
from trapline.server.queue.actions.result_storage import (
    ACCEPTED,
    OTHER_IMAGE,
    UNKNOWN_TASK,
    UNKNOWN_TOKEN,
    ParsedResult,
    store_parsed_results,
)
from trapline.server.queue.actions.tasks import LEASE_TOKENS
from trapline.server.queue.formats.result_decoding import (
    FailureStruct,
    RejectedElement,
    ResultElement,
    SuccessStruct,
    decode_elements,
    is_about_image,
)
from trapline.server.queue.formats.result_rows import (
    ResultSubject,
    StoredAlgorithm,
    build_result_rows,
)
from trapline.server.queue.queries.claim import LeasableJob, get_leasable_job
from trapline.server.queue.queries.queue_caches import QueueCaches
from trapline.server.queue.queries.task_results import (
    TaskImage,
    list_result_subjects,
)
from trapline.server.queue.rules.lease_tokens import LeaseTokenClaims, find_lease_claims
from trapline.wire.results import ResultsAccepted, ResultStatus

MOST_RESULTS = 10_000


@dataclass
class ResultBatch:
    """The elements of a request body: lease tokens, their claims, statuses and parsed results.

    `holders` are the holders of the leases, once for each task.
    """

    subjects: list[str] = field(default_factory=list)
    leases: list[LeaseTokenClaims | None] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    replies: list[ParsedResult] = field(default_factory=list)
    holders: list[int] = field(default_factory=list)

    def require_room(self, elements: int) -> None:
        """Require that the body may have this number of further elements.

        Raises:
            InvalidRequest: the body has more than MOST_RESULTS elements.
        """
        if len(self.statuses) + elements > MOST_RESULTS:
            raise InvalidRequest(
                f"A body may have at most {MOST_RESULTS:,} results. Nothing was stored. Send them "
                "in several requests."
            )

    def add(self, subject: str, claims: LeaseTokenClaims | None, status: str) -> None:
        """Add an element."""
        self.subjects.append(subject)
        self.leases.append(claims)
        self.statuses.append(status)


@dataclass
class ResolvedElements:
    """A group of elements with their images and algorithms.

    `statuses` has a text for each rejected element and "" for a valid one. `valid` lists position,
    lease and result of the valid ones; `algorithms` is keyed by position.
    """

    statuses: list[str] = field(default_factory=list)
    valid: list[tuple[int, LeaseTokenClaims, SuccessStruct | FailureStruct]] = field(
        default_factory=list
    )
    subjects: Mapping[UUID, TaskImage] = field(default_factory=dict)
    algorithms: Mapping[int, Mapping[str, StoredAlgorithm]] = field(default_factory=dict)


async def get_result_job(system: AppContext, scope: Scope, job_id: int) -> LeasableJob:
    """Return the job that results are posted to, before their body is read.

    Raises:
        Forbidden: the caller has no API token.
        NotFound: the caller does not see such a job.
    """
    if scope.token_id is None:
        raise Forbidden("Only workers post results. Nothing was stored. Send an API token.")
    known = system.part(QueueCaches).jobs.get(job_id)
    if known is not None and scope.sees(known.project_id):
        scope.check(known.project_id)
        return known
    async with system.database.sql_transaction(scope) as tx:
        job = await get_leasable_job(scope, tx, job_id)
    if not job.is_final:  # a final job may be retried, so it is not cached
        system.part(QueueCaches).jobs.keep(job_id, job)
    return job


async def store_results(
    system: AppContext, scope: Scope, job: LeasableJob, body: Body
) -> ResultsAccepted:
    """Store a batch of results and return the status of each, in the order given.

    The accepted results are durable when this function returns.

    Raises:
        InvalidRequest: the body is not a batch of results, or has too many.
        DatabaseUnavailable: nothing was stored; the worker posts the batch again.
    """
    batch = ResultBatch()
    if isinstance(body, bytes):
        for raw in split_body(body):
            batch.require_room(len(raw))
            await _parse_elements(system, scope, job, batch, decode_elements(raw))
    else:
        # Large bodies are decoded one at a time and in threads, to bound memory and to keep the
        # event loop free.
        async with system.large_bodies:
            groups = split_body(body)
            while (group := await asyncio.to_thread(next, groups, None)) is not None:
                batch.require_room(len(group))
                await _parse_elements(
                    system,
                    scope,
                    job,
                    batch,
                    await asyncio.to_thread(decode_elements, group),
                    in_thread=True,
                )
    poster = await identify_poster(system, scope, batch.holders)
    await store_parsed_results(system, poster, job, batch.replies, batch.statuses)
    for status in batch.statuses:
        RESULTS.labels(status.partition(":")[0]).inc()
    return ResultsAccepted(
        job_id=job.id,
        results_queued=batch.statuses.count(ACCEPTED),
        tasks=[
            ResultStatus(
                reply_subject=subject,
                status=status,
                task_id=str(claims.analysis_id) if claims else "",
            )
            for subject, status, claims in zip(
                batch.subjects, batch.statuses, batch.leases, strict=True
            )
        ],
    )


async def _parse_elements(
    system: AppContext,
    scope: Scope,
    job: LeasableJob,
    batch: ResultBatch,
    elements: Sequence[ResultElement],
    *,
    in_thread: bool = False,
) -> None:
    """Add elements to the batch: rows of the valid ones, the status of the rejected ones."""
    keys = system.secrets.derive_all(LEASE_TOKENS)
    leases = [find_lease_claims(keys, element.reply_subject) for element in elements]
    resolved = await retry_on_deadlock(partial(_resolve, system, scope, job, elements, leases))
    first = len(batch.statuses)
    for _, lease, _ in resolved.valid:
        task = resolved.subjects[lease.analysis_id]
        if task.holder_id is not None and task.attempt == lease.attempt:
            batch.holders.append(task.holder_id)
    for element, claims, status in zip(elements, leases, resolved.statuses, strict=True):
        # Only valid lease tokens are returned; other texts may have any size.
        batch.add(element.reply_subject if claims else "", claims, status)

    def build() -> list[ParsedResult]:
        return [
            ParsedResult(
                first + position,
                claims,
                result
                if isinstance(result, FailureStruct)
                else build_result_rows(
                    _build_subject(job, claims, resolved.subjects),
                    result,
                    resolved.algorithms[position],
                ),
            )
            for position, claims, result in resolved.valid
        ]

    batch.replies += await asyncio.to_thread(build) if in_thread else build()


def _build_subject(
    job: LeasableJob, claims: LeaseTokenClaims, subjects: Mapping[UUID, TaskImage]
) -> ResultSubject:
    image = subjects[claims.analysis_id]
    frame = Frame(image.width, image.height)
    return ResultSubject(claims.analysis_id, image.image_id, job.project_id, frame)


async def _resolve(
    system: AppContext,
    scope: Scope,
    job: LeasableJob,
    elements: Sequence[ResultElement],
    leases: Sequence[LeaseTokenClaims | None],
) -> ResolvedElements:
    resolved = ResolvedElements()
    async with system.database.sql_transaction(scope, each_alone=True) as tx:
        ids = [claims.analysis_id for claims in leases if claims]
        content, resolved.subjects = await list_result_subjects(scope, tx, job.id, ids)
        for position, (element, claims) in enumerate(zip(elements, leases, strict=True)):
            status = ""
            if isinstance(element.result, RejectedElement):
                status = f"rejected: {element.result.reason}"
            elif claims is None:
                status = UNKNOWN_TOKEN
            elif claims.analysis_id not in resolved.subjects:
                status = UNKNOWN_TASK
            elif not is_about_image(element.result, resolved.subjects[claims.analysis_id].image_id):
                status = OTHER_IMAGE
            else:
                resolved.valid.append((position, claims, element.result))
            resolved.statuses.append(status)
        found = {
            position: result
            for position, _, result in resolved.valid
            if isinstance(result, SuccessStruct)
        }
        algorithms = await resolve_algorithms(
            system, scope, tx, job, content or b"", list(found.values())
        )
        resolved.algorithms = dict(zip(found, algorithms, strict=True))
    return resolved
