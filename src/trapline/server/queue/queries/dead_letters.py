"""Failed tasks of a job, by reason, with each of their attempts."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.cursors import decode_cursor, encode_cursor
from trapline.server.platform.db.pagination import EXACT_UP_TO

REASONS = 100
SAMPLES = 5
EXAMPLE = 500
LETTER = 2000
ATTEMPTS = 1000


class FailureReason(NamedTuple):
    """Failed images with one reason; `example` is one of the original errors."""

    reason: str
    images: int
    example: str
    sample_image_ids: list[UUID]


class DeadLetterRecord(NamedTuple):
    """A failed task."""

    analysis_id: UUID
    image_id: UUID
    filename: str
    reason: str
    error: str
    attempts: int
    failed_at: datetime | None


class TaskDetail(NamedTuple):
    """A task for users; `won` is the attempt whose result was stored."""

    analysis_id: UUID
    job_id: int
    image_id: UUID
    filename: str
    state: str
    reason: str | None
    error: str | None
    not_before: datetime | None


@dataclass(frozen=True)
class AttemptDetail:
    """One lease of a task.

    The worker is identified by its registration, or by the address and user agent of its requests.
    """

    number: int
    outcome: str
    leased_at: datetime | None
    ended_at: datetime | None
    error: str | None
    worker_id: UUID | None
    name: str | None
    host: str | None
    user_agent: str | None
    address: str | None


async def list_reasons(scope: Scope, tx: Transaction, job_id: int) -> list[FailureReason]:
    """List the reasons why images of a job failed, the most frequent first, at most 100."""
    cursor = await tx.execute(
        """
        with found as (
            select coalesce(d.reason, '') as reason, count(*) as images,
                (array_agg(a.id order by a.id))[1:%s] as ids
            from analyses a left join analysis_details d on d.analysis_id = a.id
            where a.job_id = %s and a.state = 'failed'
            group by 1 order by 2 desc, 1 limit %s
        )
        select f.reason, f.images,
            coalesce((select left(d.error_message, %s) from analysis_details d
                where d.analysis_id = f.ids[1]), ''),
            array(select a.image_id from analyses a where a.id = any(f.ids) order by a.id)
        from found f order by 2 desc, 1
        """,
        (SAMPLES, job_id, REASONS, EXAMPLE),
    )
    return [FailureReason(*row) for row in await cursor.fetchall()]


async def list_dead_letter_rows(
    scope: Scope,
    tx: Transaction,
    job_id: int,
    reasons: list[str] | None,
    limit: int,
    after: str | None,
) -> tuple[list[DeadLetterRecord], str | None]:
    """List one page of a job's failed tasks, of these reasons or of any; return the next cursor."""
    last = decode_cursor(after, [UUID])[0] if after is not None else None
    cursor = await tx.execute(
        """
        select a.id, a.image_id, i.filename, coalesce(d.reason, ''),
            coalesce(left(d.error_message, %(letter)s), ''),
            a.attempt, a.completed_at
        from analyses a join images i on i.id = a.image_id
        left join analysis_details d on d.analysis_id = a.id
        where a.job_id = %(job)s and a.state = 'failed'
            and (%(after)s::uuid is null or a.id > %(after)s)
          and (%(reasons)s::text[] is null or coalesce(d.reason, '') = any(%(reasons)s))
        order by a.id limit %(limit)s
        """,
        {"job": job_id, "reasons": reasons, "limit": limit + 1, "after": last, "letter": LETTER},
    )
    letters = [DeadLetterRecord(*row) for row in await cursor.fetchall()]
    if len(letters) <= limit:
        return letters, None
    return letters[:limit], encode_cursor([letters[limit - 1].analysis_id])


async def count_dead_letters(
    scope: Scope, tx: Transaction, job_id: int, reasons: list[str] | None
) -> tuple[int, bool]:
    """Count the failed tasks of a job: exactly up to 10,000, beyond that (10,000, an estimate)."""
    cursor = await tx.execute(
        """
        select count(*) from (
            select 1 from analyses a left join analysis_details d on d.analysis_id = a.id
            where a.job_id = %(job)s and a.state = 'failed'
              and (%(reasons)s::text[] is null or coalesce(d.reason, '') = any(%(reasons)s))
            limit %(most)s
        ) few
        """,
        {"job": job_id, "reasons": reasons, "most": EXACT_UP_TO + 1},
    )
    row = await cursor.fetchone()
    assert row is not None
    return min(row[0], EXACT_UP_TO), row[0] > EXACT_UP_TO


async def find_task(
    scope: Scope, tx: Transaction, job_id: int, analysis_id: UUID
) -> TaskDetail | None:
    """Find one task of a job."""
    cursor = await tx.execute(
        """
        select a.id, a.job_id, a.image_id, i.filename, a.state, d.reason, d.error_message,
            case when a.state = 'queued' and a.not_before > now() then a.not_before end
        from analyses a join images i on i.id = a.image_id left join analysis_details d
            on d.analysis_id = a.id
        where a.id = %s and a.job_id = %s
        """,
        (analysis_id, job_id),
    )
    row = await cursor.fetchone()
    return TaskDetail(*row) if row else None


async def list_attempts(scope: Scope, tx: Transaction, analysis_id: UUID) -> list[AttemptDetail]:
    """List the attempts at a task, oldest first, with the current and the completed one."""
    cursor = await tx.execute(
        """
        select t.attempt, t.outcome, t.leased_at, t.ended_at, t.error, w.id, w.name, w.host,
            h.user_agent, h.address
        from (
            select attempt, outcome, leased_at, ended_at, error, holder_id from attempts
            where analysis_id = %(task)s
            union all
            select attempt, 'in hand', leased_at, null, null, holder_id
            from analyses where id = %(task)s and state = 'processing'
            union all
            select won, 'completed', case when won = attempt
                then leased_at end, completed_at, null, holder_id
            from analyses where id = %(task)s and state = 'completed' and won is not null
        ) t
        left join holders h on h.id = t.holder_id left join workers w on w.id = h.worker_id
        order by t.attempt, t.ended_at nulls last limit %(most)s
        """,
        {"task": analysis_id, "most": ATTEMPTS},
    )
    return [AttemptDetail(*row) for row in await cursor.fetchall()]
