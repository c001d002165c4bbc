"""Retry: what failed returns to the line with fresh budgets; what succeeded stays."""

from trapline.server.db.base import Transaction
from trapline.server.db.line.job_row import lock_job_work, record_move
from trapline.server.rules.access import Scope
from trapline.wire.jobs import JobState


async def retry_job(scope: Scope, tx: Transaction, job_id: int) -> int | None:
    """Return a job's failed tasks to the line, and those that a cancel dropped; answers how many.

    The fence moves up to the newest attempt: earlier leases are void, and the budgets count from here. A final job
    moves back to `queued`. None where the job has nothing that failed.
    """
    await lock_job_work(scope, tx, job_id)
    cursor = await tx.execute(
        """
        with job as (select id, status from jobs where id = %(job)s),
        dropped as materialized (
            select a.id from analyses a, job where a.job_id = job.id
              and (a.state in ('failed', 'canceled') or (job.status = 'canceled' and a.state <> 'completed'))
            order by a.id for no key update of a
        )
        update analyses a set state = 'queued', fence = a.attempt, errors = 0, lost = 0, deadline = null,
            not_before = null, completed_at = null, updated_at = clock_timestamp()
        from dropped where a.id = dropped.id
        """,
        {"job": job_id},
    )
    retried = cursor.rowcount
    cursor = await tx.execute("select status, expanded from jobs where id = %s for no key update", (job_id,))
    row = await cursor.fetchone()
    assert row is not None
    status, expanded = row
    if retried == 0 and (status != JobState.CANCELED or expanded):
        return None
    is_final = status not in (JobState.QUEUED, JobState.PROCESSING)
    cursor = await tx.execute(
        """
        update jobs set status = case when %(final)s then 'queued' else status end,
            last_move = last_move + %(final)s::int, finished_at = null, updated_at = clock_timestamp(),
            standing = standing and not %(final)s,
            open = counted.open, completed = counted.completed, failed = counted.failed
        from (
            select count(*) filter (where state in ('queued', 'processing')) as open,
                count(*) filter (where state = 'completed') as completed,
                count(*) filter (where state = 'failed') as failed
            from analyses where job_id = %(job)s
        ) counted
        where id = %(job)s returning project_id, last_move
        """,
        {"job": job_id, "final": is_final},
    )
    moved = await cursor.fetchone()
    assert moved is not None
    if is_final:
        await record_move(scope, tx, job_id, moved[0], moved[1], JobState.QUEUED, scope.actor, f"{retried} retried")
    return retried
