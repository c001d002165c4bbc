"""Return failed tasks of a job to the queue with full retry budgets; completed tasks are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.job_counters import TASKS, lock_job_work, record_transition
from trapline.wire.jobs import JobState

LONGEST_S = 300

# A retry of only some tasks of a canceled job first cancels the open ones, because they would be
# open in the live job. All are locked together, in the order of their IDs.
_RETRY = """
    with job as (select id, status = 'canceled' as canceled from jobs where id = %(job)s),
    seen as materialized (
        select a.id, case when %(all)s then a.state in ('failed', 'canceled') or job.canceled
            when %(reasons)s::text[] is not null then a.state = 'failed' and coalesce(
                (select d.reason from analysis_details d where d.analysis_id = a.id), ''
            ) = any(%(reasons)s)
            else (a.id = any(%(analyses)s::uuid[]) or a.image_id = any(%(images)s::uuid[]))
                and (a.state in ('failed', 'canceled') or job.canceled)
            end as wanted
        from analyses a, job where a.job_id = job.id and a.state <> 'completed'
          and (a.state in ('failed', 'canceled') or job.canceled)
          and not exists (select 1 from images i where i.id = a.image_id
              and i.deleted_at is not null)
    ),
    locked as materialized (
        select a.id, s.wanted from analyses a join seen s on s.id = a.id
        where a.state <> 'completed' and (s.wanted or a.state in ('queued', 'processing'))
        order by a.id for no key update of a
    ),
    moved as (
        update analyses a set fence = a.attempt, deadline = null, not_before = null,
            updated_at = clock_timestamp(),
            state = case when l.wanted then 'queued' else 'canceled' end,
            errors = case when l.wanted then 0 else a.errors end, lost = case when l.wanted then 0
                else a.lost end,
            completed_at = case when l.wanted then null else a.completed_at end
        from locked l where a.id = l.id
        returning l.wanted
    )
    select count(*) filter (where wanted) from moved
"""


@dataclass(frozen=True)
class RetrySelector:
    """A selection of a job's failures by reasons, tasks or images; all of them if none is given."""

    reasons: list[str] | None = None
    analyses: Sequence[UUID] | None = None
    images: Sequence[UUID] | None = None

    @property
    def is_all(self) -> bool:
        """Return whether all failures are selected."""
        return self.reasons is None and self.analyses is None and self.images is None


async def retry_job(scope: Scope, tx: Transaction, job_id: int, which: RetrySelector) -> int | None:
    """Return a job's failed and canceled tasks to the queue; return their number.

    Tasks of deleted images are not changed. The fence is raised to the newest attempt, so earlier
    leases are revoked, and the budgets count from here. A final job becomes `queued`. Return None
    if no selected task has failed.
    """
    await lock_job_work(scope, tx, job_id)
    # One statement for all tasks: a job is retried completely or not at all.
    await tx.execute(f"set local statement_timeout = '{LONGEST_S}s'")
    cursor = await tx.execute(
        _RETRY,
        {
            "job": job_id,
            "all": which.is_all,
            "reasons": which.reasons,
            "analyses": list(which.analyses or ()),
            "images": list(which.images or ()),
        },
    )
    counted = await cursor.fetchone()
    assert counted is not None
    retried = int(counted[0])
    cursor = await tx.execute(
        "select status, expanded from jobs where id = %s for no key update", (job_id,)
    )
    row = await cursor.fetchone()
    assert row is not None
    status, expanded = row
    # If it failed before its images were queued, its content could not be downloaded.
    if retried == 0 and (
        status not in (JobState.CANCELED, JobState.FAILED) or expanded or not which.is_all
    ):
        return None
    is_final = status not in (JobState.QUEUED, JobState.PROCESSING)
    cursor = await tx.execute(
        """
        update jobs set status = case when %(final)s then 'queued' else status end,
            last_move = last_move + %(final)s::int, finished_at = null,
                updated_at = clock_timestamp(),
            standing = standing and not %(final)s, expanded = expanded
                or (%(final)s and not %(all)s),
            open = counted.open, completed = counted.completed, failed = counted.failed
        from (
            select count(*) filter (where state in ('queued', 'processing')) as open,
                count(*) filter (where state = 'completed') as completed,
                count(*) filter (where state = 'failed') as failed
            from analyses where job_id = %(job)s
        ) counted
        where id = %(job)s returning project_id, last_move
        """,
        {"job": job_id, "final": is_final, "all": which.is_all},
    )
    moved = await cursor.fetchone()
    assert moved is not None
    tx.announce(TASKS, job_id)
    if is_final:
        reason = f"{retried} retried" if retried else "retried"
        await record_transition(
            scope, tx, job_id, moved[0], moved[1], JobState.QUEUED, scope.actor, reason
        )
    return retried
