"""Lease tasks that another worker holds and has not begun, to a worker without tasks.

Only registered workers that report in their renewals which tasks they have begun are considered. A
worker works on its tasks in the order of their IDs, so the last of those that it has not begun are
taken over: if the report is old, those are the least likely to be begun by now. One worker takes a
quarter of them at most, because others may become idle soon, and can ask again itself.

No attempt is charged, and the earlier lease token remains valid: the first result is stored.
Suspects are not taken over, and no task is taken over twice in a row: its current lease must be the
first one, or follow one that ended in another way. An image that ends its workers could otherwise
do so without limit.
"""

import time
from dataclasses import dataclass

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.job_counters import LIVE
from trapline.server.queue.queries.lease import LeaseParameters, QueueLease

TAKEN_OVER = "taken over"
"""The outcome of an attempt whose task was taken over before it was begun."""
LOOK_EVERY_S = 1.0

_REPORTING = """
    holders h join workers w on w.id = h.worker_id and w.ended_at is null
        and w.begun_reported_at is not null
    join analyses a on a.job_id = h.job_id and a.holder_id = h.id and a.state = 'processing'
"""
_NOT_BEGUN = f"""
    a.lost = 0 and a.leased_at < w.begun_reported_at and not a.id = any(w.begun)
    and (a.attempt = 1 or not exists (
        select 1 from attempts t where t.analysis_id = a.id and t.attempt = a.attempt - 1
            and t.outcome = '{TAKEN_OVER}'
    ))
"""  # noqa: S608 - made of constants
_LIVE = f"""
    j.status in {LIVE} and not j.paused and j.open > 0
    and (%(projects)s::bigint[] is null or j.project_id = any(%(projects)s))
    and j.pipeline_slug = any(%(slugs)s)
"""

_COUNT = f"""
    select j.project_id, j.pipeline_slug, count(*) from jobs j
    join {_REPORTING} on h.job_id = j.id where {_LIVE} and {_NOT_BEGUN} group by 1, 2
"""  # noqa: S608 - made of constants

_JOBS = f"""
    select j.id from jobs j where {_LIVE} and exists (
        select 1 from {_REPORTING}
        where h.job_id = j.id and h.worker_id <> %(worker)s and {_NOT_BEGUN}
    ) and not exists (
        select 1 from holders mine
        join jobs live on live.id = mine.job_id and live.status in {LIVE}
        join analyses a on a.job_id = mine.job_id and a.holder_id = mine.id
            and a.state = 'processing'
        where mine.worker_id = %(worker)s
    )
    order by j.priority desc, j.id limit %(limit)s
"""  # noqa: S608 - made of constants

_TAKE_OVER = f"""
    with job as materialized (
        select id, project_id from jobs where id = %(job)s and status in {LIVE} and not paused
    ),
    idle as materialized (
        select a.id, a.attempt,
            row_number() over (partition by h.id order by a.id desc) as place,
            count(*) over (partition by h.id) as tasks
        from job join {_REPORTING} on h.job_id = job.id
        where h.worker_id <> %(worker)s and {_NOT_BEGUN} and (a.errors = 0 or not exists (
            select 1 from attempts t where t.analysis_id = a.id and t.outcome = 'error'
                and t.holder_id = %(holder)s
        ))
    ),
    picked as materialized (
        select a.id, a.attempt, a.holder_id, a.leased_at from idle join analyses a using (id)
        where idle.place <= (idle.tasks + 3) / 4
            and a.state = 'processing' and a.attempt = idle.attempt
        order by idle.tasks desc, idle.place limit %(limit)s
        for no key update of a skip locked
    ),
    taken as (
        update analyses a set
            attempt = a.attempt + 1, holder_id = %(holder)s,
            deadline = clock_timestamp() + make_interval(secs => %(lease_s)s),
            leased_at = (select clock_timestamp()), updated_at = clock_timestamp()
        from picked where a.id = picked.id
        returning a.id, a.image_id, a.attempt
    ),
    recorded as (
        insert into attempts (analysis_id, project_id, job_id, attempt, holder_id, leased_at,
            ended_at, outcome, error)
        select p.id, job.project_id, job.id, p.attempt, p.holder_id, p.leased_at,
            clock_timestamp(), '{TAKEN_OVER}', 'an idle worker took it over before it was begun'
        from picked p, job
    )
    select t.id, t.image_id, t.attempt, i.storage_key, i.upright_key
    from taken t join images i on i.id = t.image_id order by t.id
"""  # noqa: S608 - made of constants


@dataclass
class TakeoverTimer:
    """Limits how often this process counts the tasks that can be taken over."""

    _counted_at: float = float("-inf")

    def is_due(self) -> bool:
        """Return whether to count now, at most once in LOOK_EVERY_S seconds."""
        now = time.monotonic()
        if now - self._counted_at < LOOK_EVERY_S:
            return False
        self._counted_at = now
        return True


async def count_takeable_tasks(
    scope: Scope, tx: Transaction, slugs: list[str]
) -> dict[tuple[int, str], int]:
    """Count the tasks that can be taken over by project and pipeline slug."""
    cursor = await tx.execute(_COUNT, {"projects": scope.open_project_ids(), "slugs": slugs})
    return {(project_id, slug): count for project_id, slug, count in await cursor.fetchall()}


async def list_takeable_jobs(
    scope: Scope, tx: Transaction, slugs: list[str], limit: int
) -> list[int]:
    """List jobs with tasks that the caller can take over; none if the caller holds a task."""
    cursor = await tx.execute(
        _JOBS,
        {
            "projects": scope.open_project_ids(),
            "slugs": slugs,
            "worker": scope.origin.worker_id,
            "limit": limit,
        },
    )
    return [row[0] for row in await cursor.fetchall()]


async def take_over_tasks(
    scope: Scope, tx: Transaction, parameters: LeaseParameters
) -> list[QueueLease]:
    """Take over tasks of a job, first from the worker that has begun the fewest of its tasks.

    Tasks that are locked by other requests are skipped.
    """
    cursor = await tx.execute(
        _TAKE_OVER,
        {
            "job": parameters.job_id,
            "holder": parameters.holder_id,
            "worker": scope.origin.worker_id,
            "limit": parameters.limit,
            "lease_s": parameters.lease_s,
        },
    )
    return [
        QueueLease(analysis_id, image_id, attempt, suspect=False, key=upright or original)
        for analysis_id, image_id, attempt, original, upright in await cursor.fetchall()
    ]
