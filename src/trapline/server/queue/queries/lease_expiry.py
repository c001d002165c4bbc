"""Return the tasks of expired leases to the queue.

Queued tasks never expire; only leases do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.job_counters import (
    LIVE,
    TASKS,
    JobCounterChange,
    lock_job_work,
    update_job,
)
from trapline.server.queue.queries.task_results import (
    AttemptEnd,
    TaskFailure,
    fail_tasks,
    record_attempts,
)
from trapline.server.queue.rules.retry_policy import GiveUp, decide_after_lost_lease
from trapline.wire.analyses import AnalysisState
from trapline.wire.jobs import JobState

PAGE = 500
ACTOR = "system"
UNANSWERED = "the lease ended without an answer"

# For a registered worker, any contact keeps a lease for `lease_max_s`, and naming the lease in a
# renewal extends that. For other callers, any contact of their process in the job keeps it, but not
# longer than `lease_max_s` after the lease. A process works on tasks in the order of their leases.
# So a result of another process of the same token and address keeps it, too, if that result is of
# an earlier lease: the two may be one process.
_OVER = """
    a.state = 'processing' and a.deadline < clock_timestamp()
    and not exists (
        select 1 from holders h join workers w on w.id = h.worker_id
        where h.id = a.holder_id
          and w.last_contact_at + make_interval(secs => %(lease_s)s) >= clock_timestamp()
          and a.deadline + make_interval(secs => %(lease_max_s)s) >= clock_timestamp()
    )
    and (
        a.leased_at + make_interval(secs => %(lease_max_s)s) < clock_timestamp()
        or not exists (
            select 1 from holders h join holders alive
                on alive.job_id = h.job_id
                    and alive.token_id = h.token_id and alive.address = h.address
            where h.id = a.holder_id and h.worker_id is null and alive.worker_id is null
              and alive.last_contact_at + make_interval(secs => %(lease_s)s) >= clock_timestamp()
              and (alive.id = h.id or alive.returned_lease_at <= a.leased_at)
        )
    )
"""


@dataclass(frozen=True)
class ExpiredLease:
    """A leased task, locked."""

    id: UUID
    project_id: int
    attempt: int
    lost: int
    holder_id: int | None
    leased_at: datetime | None


@dataclass(frozen=True)
class LeasePolicy:
    """Durations of leases, in seconds, and the number of lost leases that fail a task."""

    lease_s: float
    lease_max_s: float
    losses: int


async def list_jobs_with_expired(scope: Scope, tx: Transaction, terms: LeasePolicy) -> list[int]:
    """List the jobs with expired leases."""
    cursor = await tx.execute(
        "select distinct a.job_id from analyses a "  # noqa: S608
        f"where a.job_id is not null and {_OVER} order by 1",
        {"lease_s": terms.lease_s, "lease_max_s": terms.lease_max_s},
    )
    return [row[0] for row in await cursor.fetchall()]


async def expire_leases(scope: Scope, tx: Transaction, job_id: int, terms: LeasePolicy) -> int:
    """Expire one page of a job's leases; return their number. After a full page there may be more.

    Raises:
        JobClosed: the job became final; its tasks do not return to the queue.
    """
    cursor = await tx.execute(
        f"""
        select a.id, a.project_id, a.attempt, a.lost, a.holder_id, a.leased_at from analyses a
        where a.job_id = %(job)s and {_OVER}
        order by a.id limit %(page)s for no key update of a skip locked
        """,  # noqa: S608
        {"job": job_id, "page": PAGE, "lease_s": terms.lease_s, "lease_max_s": terms.lease_max_s},
    )
    rows = await cursor.fetchall()
    if not rows:
        return 0
    await record_lost_leases(
        scope, tx, job_id, [ExpiredLease(*row) for row in rows], terms.losses, UNANSWERED
    )
    return len(rows)


async def extend_leases(
    scope: Scope, tx: Transaction, worker_id: UUID, ids: Sequence[UUID], terms: LeasePolicy
) -> None:
    """Extend the leases that a worker renews.

    A lease is extended if half of `lease_max_s` has passed since the last time.
    """
    await tx.execute(
        """
        update analyses set deadline = clock_timestamp() + make_interval(secs => %(lease_s)s)
        where id in (
            select a.id from analyses a join holders h on h.id = a.holder_id
                and h.worker_id = %(worker)s
            where a.id = any(%(ids)s) and a.state = 'processing'
              and a.deadline + make_interval(secs => %(lease_max_s)s / 2) < clock_timestamp()
            for no key update of a skip locked
        )
        """,
        {
            "ids": list(ids),
            "worker": worker_id,
            "lease_s": terms.lease_s,
            "lease_max_s": terms.lease_max_s,
        },
    )


async def record_lost_leases(
    scope: Scope, tx: Transaction, job_id: int, held: list[ExpiredLease], losses: int, reason: str
) -> None:
    """Count locked tasks of a job as lost: requeue or fail them, and update the job.

    Raises:
        JobClosed: the job is final.
    """
    project_id = held[0].project_id
    tx.announce(TASKS, job_id)
    failed = [_judge(task, losses, reason) for task in held]
    await fail_tasks(scope, tx, project_id, failed)
    ended = [
        AttemptEnd(task.id, task.attempt, "lost", task.holder_id, task.leased_at, reason)
        for task in held
    ]
    await record_attempts(scope, tx, project_id, ended)
    dead = sum(task.state == AnalysisState.FAILED for task in failed)
    await update_job(scope, tx, job_id, JobCounterChange(open=-dead, failed=dead), ACTOR)


def _judge(task: ExpiredLease, losses: int, reason: str) -> TaskFailure:
    verdict = decide_after_lost_lease(task.lost + 1, losses)
    if isinstance(verdict, GiveUp):
        return TaskFailure(task.id, AnalysisState.FAILED, 0, verdict.reason, lost=1)
    return TaskFailure(task.id, AnalysisState.QUEUED, verdict.wait_s, reason, lost=1)


async def recount_job(scope: Scope, tx: Transaction, job_id: int) -> dict[str, tuple[int, int]]:
    """Compare a live job's counters with its rows and correct them; return (stored, counted) pairs.

    The job's row is locked first, so that no transaction is between its rows and its counters. It
    runs rarely enough not to slow down the queue.
    """
    await lock_job_work(scope, tx, job_id)
    cursor = await tx.execute(
        "select open, completed, failed from jobs "  # noqa: S608
        f"where id = %s and status in {LIVE} for no key update",
        (job_id,),
    )
    stored = await cursor.fetchone()
    if stored is None:
        return {}
    cursor = await tx.execute(
        """
        select count(*) filter (where state in ('queued', 'processing')),
            count(*) filter (where state = 'completed'),
            count(*) filter (where state = 'failed') from analyses where job_id = %s
        """,
        (job_id,),
    )
    counted = await cursor.fetchone()
    assert counted is not None
    names = ("open", "completed", "failed")
    wrong = {
        name: (old, new)
        for name, old, new in zip(names, stored, counted, strict=True)
        if old != new
    }
    change = JobCounterChange(**{name: new - old for name, (old, new) in wrong.items()})
    status = await update_job(scope, tx, job_id, change, ACTOR)
    if status in (JobState.COMPLETED, JobState.FAILED):
        wrong["status"] = (0, 1)
    return wrong


async def list_miscounted_jobs(scope: Scope, tx: Transaction) -> list[int]:
    """List live jobs whose counters differ from their rows, or that should be final.

    No lock is needed, because tasks and counters change in the same transaction.
    """
    cursor = await tx.execute(
        f"""
        select j.id from jobs j, lateral (
            select count(*) filter (where state in ('queued', 'processing')) as open,
                count(*) filter (where state = 'completed') as completed,
                count(*) filter (where state = 'failed') as failed
            from analyses where job_id = j.id
        ) counted
        where j.status in {LIVE} and (
            (j.open, j.completed, j.failed) is distinct from (counted.open, counted.completed,
                counted.failed)
            or (j.expanded and not j.standing and j.open = 0)
        )
        order by j.id
        """  # noqa: S608
    )
    return [row[0] for row in await cursor.fetchall()]
