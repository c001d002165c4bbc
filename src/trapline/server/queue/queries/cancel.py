"""Cancel: one update of the job's row.

Its open tasks read as canceled from then on, and are swept later.
"""

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.job_counters import LIVE, lock_job_work, record_transition
from trapline.wire.jobs import JobState

CHUNK = 2000
HAS_OPEN = """(
    exists (select 1 from analyses a where a.job_id = j.id and a.state = 'queued' and a.lost = 0)
    or exists (select 1 from analyses a where a.job_id = j.id and a.state = 'queued' and a.lost > 0)
    or exists (select 1 from analyses a where a.job_id = j.id and a.state = 'processing')
)"""
"""Whether a job `j` has open tasks; each part has an index of its own."""


async def cancel_job(scope: Scope, tx: Transaction, job_id: int, reason: str | None = None) -> bool:
    """Cancel a job; False where it is final already.

    Once this commits, no result, expansion or retry can.
    """
    cursor = await tx.execute(
        f"""
        update jobs set status = 'canceled', finished_at = clock_timestamp(), last_move = last_move + 1,
            updated_at = clock_timestamp()
        where id = %s and status in {LIVE} returning project_id, last_move
        """,  # noqa: S608
        (job_id,),
    )
    row = await cursor.fetchone()
    if row is None:
        return False
    await record_transition(
        scope, tx, job_id, row[0], row[1], JobState.CANCELED, scope.actor, reason
    )
    return True


async def sweep_canceled(scope: Scope, tx: Transaction, job_id: int) -> int:
    """Mark one chunk of a canceled job's open tasks, in the order of their ids, without its row;
    answers how many.

    A chunk comes from each of the indexes that open tasks are in, so that no other row of the job
    is read. The fence moves up, so that no lease token of theirs is good for a later retry of the
    job.
    """
    await lock_job_work(scope, tx, job_id)
    cursor = await tx.execute(
        """
        update analyses a set state = 'canceled', fence = a.attempt, deadline = null, not_before = null,
            updated_at = clock_timestamp()
        from (
            select a.id from analyses a where a.id in (
                (select id from analyses where job_id = %(job)s and state = 'queued' and lost = 0 limit %(chunk)s)
                union all
                (select id from analyses where job_id = %(job)s and state = 'queued' and lost > 0 limit %(chunk)s)
                union all
                (select id from analyses where job_id = %(job)s and state = 'processing' limit %(chunk)s)
            )
              and a.state in ('queued', 'processing')
              and exists (select 1 from jobs where id = %(job)s and status = 'canceled')
            order by a.id for no key update of a
        ) swept
        where a.id = swept.id
        """,
        {"job": job_id, "chunk": CHUNK},
    )
    return cursor.rowcount


async def list_unswept(scope: Scope, tx: Transaction) -> list[int]:
    """List canceled jobs that have open tasks still: leased while the job was being canceled, or not swept yet."""
    cursor = await tx.execute(
        f"""
        select id from jobs j where status = 'canceled' and finished_at > now() - interval '1 day' and {HAS_OPEN}
        order by id
        """  # noqa: S608 - made of constants
    )
    return [row[0] for row in await cursor.fetchall()]
