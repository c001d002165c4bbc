"""The log of a job by time: state transitions, failed attempts at its tasks, and its workers."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.cursors import decode_cursor, encode_cursor
from trapline.server.platform.db.pagination import EXACT_UP_TO


class JobKey(NamedTuple):
    """The IDs of a job and its project."""

    project: int
    job: int


class JobLogRecord(NamedTuple):
    """An entry: a transition (`from_state`, `to_state`, actor), a failed attempt, or a worker.

    `holder_id` is set for a worker, with its first contact as time.
    """

    at: datetime
    number: int
    id: int
    from_state: str | None
    to_state: str | None
    actor: str | None
    words: str | None
    attempt: int | None
    outcome: str | None
    analysis_id: UUID | None
    image_id: UUID | None
    worker_name: str | None
    worker_host: str | None
    user_agent: str | None
    address: str | None
    holder_id: int | None


@dataclass(frozen=True)
class HolderTotals:
    """The tasks of a job that a worker fetched, and those that it returned."""

    fetched: int
    completed: int
    errors: int


# At equal times transitions come before attempts: an attempt sorts after every transition number,
# and a transition after every attempt ID.
_LAST = 2**63 - 1
_PAGE = """
    select * from (
        (
            select m.at, m.number, %(last)s::bigint as id, m.from_state, m.to_state, m.actor,
                m.reason, null::integer,
                null::text, null::uuid, null::uuid, null::text, null::text, null::text,
                null::text, null::bigint
            from job_moves m where m.job_id = %(job)s
                and (m.at, m.number) < (%(at)s::timestamptz, %(number)s)
            order by m.at desc, m.number desc limit %(limit)s
        )
        union all
        (
            select t.ended_at, 0, t.id, null, null, null, t.error, t.attempt, t.outcome,
                t.analysis_id, a.image_id,
                w.name, w.host, h.user_agent, h.address, null
            from (
                select * from attempts where job_id = %(job)s
                    and (ended_at, id) < (%(at)s::timestamptz, %(id)s)
                order by ended_at desc, id desc limit %(limit)s
            ) t
            join analyses a on a.id = t.analysis_id
            left join holders h on h.id = t.holder_id left join workers w on w.id = h.worker_id
        )
        union all
        (
            select h.first_contact_at, 0, h.id, null, null, null, null, null, null, null, null,
                w.name, w.host, h.user_agent, h.address, h.id
            from holders h left join workers w on w.id = h.worker_id
            where h.project_id = %(project)s and h.job_id = %(job)s
                and (h.first_contact_at, h.id) < (%(at)s::timestamptz, %(id)s)
            order by h.first_contact_at desc, h.id desc limit %(limit)s
        )
    ) l order by l.at desc, l.number desc, l.id desc limit %(limit)s
"""
_COUNT = """
    select count(*) from (
        select from job_moves where job_id = %(job)s
        union all select from attempts where job_id = %(job)s
        union all select from holders where project_id = %(project)s and job_id = %(job)s
        limit %(most)s
    ) few
"""


async def list_log(
    scope: Scope, tx: Transaction, job: JobKey, limit: int, cursor: str | None
) -> tuple[list[JobLogRecord], str | None]:
    """List a page of a job's log, newest first.

    Raises:
        InvalidRequest: the cursor is of another list.
    """
    at, number, key = (
        decode_cursor(cursor, [datetime, int, int]) if cursor else ("infinity", _LAST, _LAST)
    )
    behind = {"at": at, "number": number, "id": key, "last": _LAST}
    found = await tx.execute(_PAGE, {**job._asdict(), "limit": limit + 1, **behind})
    rows = [JobLogRecord(*row) for row in await found.fetchall()]
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encode_cursor(list(rows[limit - 1][:3]))


async def list_holder_totals(
    scope: Scope, tx: Transaction, job: JobKey, holder_ids: list[int]
) -> dict[int, HolderTotals]:
    """Count the tasks that these holders of a job fetched and returned."""
    if not holder_ids:
        return {}
    found = await tx.execute(
        """
        select h.id, h.completed + coalesce(e.ended, 0) + (
                select count(*) from analyses a
                where a.job_id = h.job_id and a.holder_id = h.id and a.state = 'processing'
            ), h.completed, coalesce(e.errors, 0)
        from holders h left join (
            select holder_id, count(*) as ended, count(*) filter (where outcome = 'error') as errors
            from attempts where job_id = %(job)s and holder_id = any(%(holders)s) group by 1
        ) e on e.holder_id = h.id
        where h.id = any(%(holders)s)
        """,
        {"job": job.job, "holders": holder_ids},
    )
    return {row[0]: HolderTotals(*row[1:]) for row in await found.fetchall()}


async def count_log(scope: Scope, tx: Transaction, job: JobKey) -> tuple[int, bool]:
    """Count the entries: exactly up to 10,000, beyond that (10,000, an estimate)."""
    found = await tx.execute(_COUNT, {**job._asdict(), "most": EXACT_UP_TO + 1})
    [(count,)] = await found.fetchall()
    return min(count, EXACT_UP_TO), count > EXACT_UP_TO
