"""Lease tasks of the queue to a worker, in one statement."""

from dataclasses import dataclass
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.eligibility_sql import (
    build_holder_condition,
    build_queued_condition,
)
from trapline.server.queue.queries.job_counters import LIVE

OLD_SUSPECT_S = 60

# A task whose lease was lost may have ended its worker. Such suspects are leased alone: those that
# waited long first, the others when no other task is left.
_MINE = build_holder_condition("%(job)s", "%(holder)s", "%(worker)s")
_FIRST = "'00000000-0000-0000-0000-000000000000'"
_FRESH = build_queued_condition("job.id", suspect=False, also=_MINE)
_SUSPECT = build_queued_condition("job.id", suspect=True, also=_MINE)
# The fairness timestamps are updated with SKIP LOCKED, and only if another job is waiting, because
# results wait for the row of the job.
_LEASE = f"""
    with job as materialized (
        select id, project_id from jobs where id = %(job)s and status in {LIVE} and not paused
    ),
    old_suspect as materialized (
        select a.id from analyses a, job where {_SUSPECT} and %(suspects)s
            and a.updated_at < now() - make_interval(secs => %(old_suspect_s)s)
        order by a.id limit 1 for no key update of a skip locked
    ),
    ahead as materialized (
        select a.id from analyses a, job where {_FRESH}
            and a.id > coalesce(%(after)s::uuid, {_FIRST})
                and not exists (select 1 from old_suspect)
        order by a.id limit %(limit)s for no key update of a skip locked
    ),
    suspect as materialized (
        select a.id from analyses a, job where {_SUSPECT} and %(suspects)s
            and %(after)s::uuid is null and not exists (select 1 from old_suspect)
            and not exists (select 1 from ahead)
        order by a.id limit 1 for no key update of a skip locked
    ),
    leased as (
        update analyses a set
            state = 'processing', attempt = a.attempt + 1, holder_id = %(holder)s,
            deadline = clock_timestamp() + make_interval(secs => %(lease_s)s),
                leased_at = clock_timestamp(),
            started_at = coalesce(a.started_at, clock_timestamp()), updated_at = clock_timestamp()
        from (table old_suspect union all table ahead union all table suspect) picked
        where a.id = picked.id
        returning a.id, a.image_id, a.attempt, a.lost
    ),
    turn as materialized (
        select id, project_id from job where exists (select 1 from leased) and exists (
            select 1 from jobs other
            where other.status in {LIVE} and other.open > 0 and not other.paused
                and other.id <> job.id
        )
    ),
    turn_of_job as (
        update jobs set last_leased_at = clock_timestamp()
        where id in (select j.id from jobs j join turn on turn.id = j.id
            for no key update of j skip locked)
    ),
    turn_of_project as (
        update projects set last_leased_at = clock_timestamp()
        where id in (select p.id from projects p join turn on turn.project_id = p.id
            for no key update of p skip locked)
    )
    select l.id, l.image_id, l.attempt, l.lost, i.storage_key, i.upright_key
    from leased l join images i on i.id = l.image_id order by l.id
"""  # noqa: S608 - made of constants


@dataclass(frozen=True)
class QueueLease:
    """A leased task; `key` is the storage key of the upright image."""

    analysis_id: UUID
    image_id: UUID
    attempt: int
    suspect: bool
    key: str


@dataclass(frozen=True)
class LeaseParameters:
    """Parameters of a lease:

    the job, the holder, the number of tasks, the duration, the mark, and whether a suspect may be
    leased.
    """

    job_id: int
    holder_id: int
    limit: int
    lease_s: float
    after: UUID | None
    suspects: bool = True


async def lease_tasks(
    scope: Scope, tx: Transaction, parameters: LeaseParameters
) -> list[QueueLease]:
    """Lease tasks of a live job in the order of the queue; skip tasks locked by other requests."""
    cursor = await tx.execute(
        _LEASE,
        {
            "job": parameters.job_id,
            "holder": parameters.holder_id,
            "worker": scope.origin.worker_id,
            "limit": parameters.limit,
            "lease_s": parameters.lease_s,
            "after": parameters.after,
            "suspects": parameters.suspects,
            "old_suspect_s": OLD_SUSPECT_S,
        },
    )
    return [
        QueueLease(analysis_id, image_id, attempt, lost > 0, upright or original)
        for analysis_id, image_id, attempt, lost, original, upright in await cursor.fetchall()
    ]
