"""The log of a job by time: state transitions, and failed attempts at its tasks."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.cursors import decode_cursor, encode_cursor
from trapline.server.platform.db.pagination import EXACT_UP_TO


class JobLogRecord(NamedTuple):
    """An entry: a transition (`from_state`, `to_state`, actor), or a failed attempt."""

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


# At equal times transitions come before attempts: an attempt sorts after every transition number,
# and a transition after every attempt ID.
_LAST = 2**63 - 1
_PAGE = """
    select * from (
        (
            select m.at, m.number, %(last)s::bigint as id, m.from_state, m.to_state, m.actor,
                m.reason, null::integer,
                null::text, null::uuid, null::uuid, null::text, null::text, null::text, null::text
            from job_moves m where m.job_id = %(job)s
                and (m.at, m.number) < (%(at)s::timestamptz, %(number)s)
            order by m.at desc, m.number desc limit %(limit)s
        )
        union all
        (
            select t.ended_at, 0, t.id, null, null, null, t.error, t.attempt, t.outcome,
                t.analysis_id, a.image_id,
                w.name, w.host, h.user_agent, h.address
            from (
                select * from attempts where job_id = %(job)s
                    and (ended_at, id) < (%(at)s::timestamptz, %(id)s)
                order by ended_at desc, id desc limit %(limit)s
            ) t
            join analyses a on a.id = t.analysis_id
            left join holders h on h.id = t.holder_id left join workers w on w.id = h.worker_id
        )
    ) l order by l.at desc, l.number desc, l.id desc limit %(limit)s
"""
_COUNT = """
    select count(*) from (
        select from job_moves where job_id = %(job)s union all select from attempts
        where job_id = %(job)s
        limit %(most)s
    ) few
"""


async def list_log(
    scope: Scope, tx: Transaction, job_id: int, limit: int, cursor: str | None
) -> tuple[list[JobLogRecord], str | None]:
    """List a page of a job's log, newest first.

    Raises:
        InvalidRequest: the cursor is of another list.
    """
    at, number, key = (
        decode_cursor(cursor, [datetime, int, int]) if cursor else ("infinity", _LAST, _LAST)
    )
    behind = {"at": at, "number": number, "id": key, "last": _LAST}
    found = await tx.execute(_PAGE, {"job": job_id, "limit": limit + 1, **behind})
    rows = [JobLogRecord(*row) for row in await found.fetchall()]
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], encode_cursor(list(rows[limit - 1][:3]))


async def count_log(scope: Scope, tx: Transaction, job_id: int) -> tuple[int, bool]:
    """Count the entries: exactly up to 10,000, beyond that (10,000, an estimate)."""
    found = await tx.execute(_COUNT, {"job": job_id, "most": EXACT_UP_TO + 1})
    [(count,)] = await found.fetchall()
    return min(count, EXACT_UP_TO), count > EXACT_UP_TO
