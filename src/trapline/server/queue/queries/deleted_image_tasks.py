"""Remove the open tasks of deleted images from the queue, and restore them with their images."""

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.job_counters import LIVE, JobCounterChange, update_job

_MOVE = f"""
    update analyses a set state = %(to)s, fence = a.attempt, deadline = null, not_before = null,
        updated_at = clock_timestamp()
    from (
        select a.id from analyses a join jobs j on j.id = a.job_id and j.status in {LIVE}
        where a.image_id = any(%(images)b) and a.state = any(%(since)s) order by a.id
            for no key update of a
    ) locked
    where a.id = locked.id returning a.job_id
"""  # noqa: S608 - made of constants

Moved = Mapping[int, int]
"""Number of tasks by job."""


async def delete_tasks(scope: Scope, tx: Transaction, images: Sequence[UUID]) -> Moved:
    """Remove the open tasks of images from the queue of live jobs, and revoke their leases.

    Call `update_job_counters` afterwards. Tasks of canceled jobs are swept anyway.
    """
    return await _move(tx, images, ["queued", "processing"], "canceled")


async def restore_tasks(scope: Scope, tx: Transaction, images: Sequence[UUID]) -> Moved:
    """Return removed tasks to the queue of jobs that are still live.

    Call `update_job_counters` afterwards.
    """
    return await _move(tx, images, ["canceled"], "queued")


async def _move(tx: Transaction, images: Sequence[UUID], since: list[str], to: str) -> Moved:
    cursor = await tx.execute(_MOVE, {"images": sorted(images), "since": since, "to": to})
    return Counter(job_id for (job_id,) in await cursor.fetchall())


async def update_job_counters(scope: Scope, tx: Transaction, moved: Moved, sign: int) -> None:
    """Update the counters of jobs, last in a transaction.

    `sign` is -1 for removed, 1 for restored tasks.

    Raises:
        JobClosed: a job is final.
    """
    for job_id in sorted(moved):
        await update_job(
            scope, tx, job_id, JobCounterChange(open=sign * moved[job_id]), scope.actor
        )


async def subtract_purged_images(scope: Scope, tx: Transaction, images: Sequence[UUID]) -> None:
    """Subtract these images from the counters of their jobs, before the images are purged."""
    cursor = await tx.execute(
        """
        select a.job_id, count(*) filter (where a.state in ('queued', 'processing')),
            count(*) filter (where a.state = 'completed'),
                count(*) filter (where a.state = 'failed'),
            count(*) filter (where a.state = 'completed'
                and not exists (select 1 from annotations n where n.analysis_id = a.id))
        from analyses a where a.image_id = any(%b) and a.job_id is not null group by 1 order by 1
        """,
        (sorted(images),),
    )
    counted = await cursor.fetchall()
    for job_id, is_open, completed, failed, nothing in counted:
        cursor = await tx.execute(
            f"select status in {LIVE} from jobs where id = %s for no key update",  # noqa: S608
            (job_id,),
        )
        row = await cursor.fetchone()
        if row is not None and row[0]:
            change = JobCounterChange(
                open=-is_open, completed=-completed, failed=-failed, nothing_found=-nothing
            )
            await update_job(scope, tx, job_id, change, scope.actor)
        else:
            await tx.execute(
                """
                update jobs set open = greatest(open - %s, 0),
                    completed = greatest(completed - %s, 0),
                    failed = greatest(failed - %s, 0),
                        nothing_found = greatest(nothing_found - %s, 0),
                    updated_at = clock_timestamp()
                where id = %s
                """,
                (is_open, completed, failed, nothing, job_id),
            )
