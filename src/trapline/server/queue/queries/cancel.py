"""Cancel a job with one update of its row.

Its open tasks are reported as canceled from then on, and are updated later.
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
"""Whether a job `j` has open tasks; each part has a separate index."""


async def cancel_job(scope: Scope, tx: Transaction, job_id: int, reason: str | None = None) -> bool:
    """Cancel a job; return False if it is final.

    After the commit, no result, expansion or retry can be stored.
    """
    cursor = await tx.execute(
        f"""
        update jobs set status = 'canceled', finished_at = clock_timestamp(),
            last_move = last_move + 1,
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
    """Mark a chunk of a canceled job's open tasks as canceled; return their number.

    The job's row is not updated. A chunk is read from each of the indexes of open tasks, so that no
    other row of the job is read. The fence is raised, so that their lease tokens are not valid for
    a later retry of the job. Tasks are locked in the order of their IDs.
    """
    await lock_job_work(scope, tx, job_id)
    cursor = await tx.execute(
        """
        update analyses a set state = 'canceled', fence = a.attempt, deadline = null,
            not_before = null,
            updated_at = clock_timestamp()
        from (
            select a.id from analyses a where a.id in (
                (select id from analyses where job_id = %(job)s and state = 'queued' and lost = 0
                    limit %(chunk)s)
                union all
                (select id from analyses where job_id = %(job)s and state = 'queued' and lost > 0
                    limit %(chunk)s)
                union all
                (select id from analyses where job_id = %(job)s and state = 'processing'
                    limit %(chunk)s)
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
    """List canceled jobs with open tasks.

    They are not swept yet, or were leased during the cancellation.
    """
    cursor = await tx.execute(
        f"""
        select id from jobs j where status = 'canceled' and finished_at > now() - interval '1 day'
            and {HAS_OPEN}
        order by id
        """  # noqa: S608 - made of constants
    )
    return [row[0] for row in await cursor.fetchall()]
