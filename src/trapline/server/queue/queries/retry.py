"""Retry: what failed returns to the line with fresh budgets; what succeeded stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.job_counters import lock_job_work, record_transition
from trapline.wire.jobs import JobState

LONGEST_S = 300

# What a cancel left in the line is dropped for good where only some of a canceled job are asked
# for: once the job is live again, its rows would be. All are locked at once, in the order of their
# ids.
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
          and not exists (select 1 from images i where i.id = a.image_id and i.deleted_at is not null)
    ),
    locked as materialized (
        select a.id, s.wanted from analyses a join seen s on s.id = a.id
        where a.state <> 'completed' and (s.wanted or a.state in ('queued', 'processing'))
        order by a.id for no key update of a
    ),
    moved as (
        update analyses a set fence = a.attempt, deadline = null, not_before = null, updated_at = clock_timestamp(),
            state = case when l.wanted then 'queued' else 'canceled' end,
            errors = case when l.wanted then 0 else a.errors end, lost = case when l.wanted then 0 else a.lost end,
            completed_at = case when l.wanted then null else a.completed_at end
        from locked l where a.id = l.id
        returning l.wanted
    )
    select count(*) filter (where wanted) from moved
"""


@dataclass(frozen=True)
class RetrySelector:
    """Which of a job's failures are meant: those of some reasons, some tasks, some images; with none of them, all."""

    reasons: list[str] | None = None
    analyses: Sequence[UUID] | None = None
    images: Sequence[UUID] | None = None

    @property
    def is_all(self) -> bool:
        """Whether all that failed is meant."""
        return self.reasons is None and self.analyses is None and self.images is None


async def retry_job(scope: Scope, tx: Transaction, job_id: int, which: RetrySelector) -> int | None:
    """Return a job's failed tasks to the line, and those that a cancel dropped; answers how many.

    What images have that are deleted stays as it is. The fence moves up to the newest attempt:
    earlier leases are void, and the budgets count from here. A final job moves back to `queued`.
    None where nothing of what is meant had failed.
    """
    await lock_job_work(scope, tx, job_id)
    # One statement for all of them, however many: a job is either retried or not.
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
    # What failed before its images were in the line had content that could not be fetched.
    if retried == 0 and (
        status not in (JobState.CANCELED, JobState.FAILED) or expanded or not which.is_all
    ):
        return None
    is_final = status not in (JobState.QUEUED, JobState.PROCESSING)
    cursor = await tx.execute(
        """
        update jobs set status = case when %(final)s then 'queued' else status end,
            last_move = last_move + %(final)s::int, finished_at = null, updated_at = clock_timestamp(),
            standing = standing and not %(final)s, expanded = expanded or (%(final)s and not %(all)s),
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
    if is_final:
        reason = f"{retried} retried" if retried else "begun again"
        await record_transition(
            scope, tx, job_id, moved[0], moved[1], JobState.QUEUED, scope.actor, reason
        )
    return retried
