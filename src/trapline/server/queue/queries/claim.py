"""Select the jobs that have tasks to lease, and the job data that a lease requires."""

from dataclasses import dataclass
from typing import Any

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import NotFound
from trapline.server.queue.queries.eligibility_sql import (
    build_any_queued_condition,
    build_holder_condition,
    build_queued_condition,
)
from trapline.server.queue.queries.job_counters import LIVE
from trapline.server.queue.queries.workers import require_worker_row
from trapline.wire.jobs import JobState

ONLINE_S = 60

_LIVE = f"""
    j.status in {LIVE} and not j.paused and j.open > 0
    and (%(projects)s::bigint[] is null or j.project_id = any(%(projects)s))
    and (%(slugs)s::text[] is null or j.pipeline_slug = any(%(slugs)s))
"""

# Usually the first of the two conditions holds; the second one queries other holders.
_HELD_BY_CALLER = build_holder_condition("j.id", "mine.id", "%(worker)s")
_FOR_CALLER = f"""(
    {build_any_queued_condition("j.id", also="a.errors = 0")}
    or {build_any_queued_condition("j.id", also="a.errors > 0 and " + _HELD_BY_CALLER)}
)"""
_MINE = """
    holders mine on mine.job_id = j.id and case when %(worker)s::uuid is null
        then mine.worker_id is null and mine.token_id = %(token)s and mine.address = %(address)s
            and mine.user_agent = %(user_agent)s
        else mine.worker_id = %(worker)s end
"""

# Priority first. Then jobs of a single image, because a user is usually waiting for them, unless
# their project was just served, so that many such jobs do not starve others. Then the project
# served longest ago, its job served longest ago, and age.
_CLAIMABLE = f"""
    with ready as (
        select j.id, j.project_id, j.pipeline_slug, j.priority, j.last_leased_at,
            j.expanded and not j.standing and j.open + j.completed + j.failed = 1 as single
        from jobs j left join {_MINE} where {_LIVE} and {_FOR_CALLER}
    ),
    served as (select id, last_leased_at from projects where id in (select project_id from ready)),
    latest as (select count(*) as projects, max(last_leased_at) as last_leased_at from served)
    select r.id, r.pipeline_slug from ready r join served s on s.id = r.project_id, latest l
    order by r.priority desc,
        r.single and (l.projects = 1 or s.last_leased_at is null
            or s.last_leased_at < l.last_leased_at) desc,
        s.last_leased_at nulls first, r.single desc, r.last_leased_at nulls first, r.id
    limit %(limit)s
"""  # noqa: S608 - made of constants

_COUNT = "(select count(*) from (select 1 from analyses a where {} limit %(limit)s) counted)"
_ARRIVED = f"""
    select j.project_id, j.pipeline_slug, sum(
        {_COUNT.format(build_queued_condition("j.id", suspect=False))}
        + {_COUNT.format(build_queued_condition("j.id", suspect=True))}
    )::bigint from jobs j where {_LIVE} and {build_any_queued_condition("j.id")} group by 1, 2
"""  # noqa: S608 - made of constants

_OF_JOB = (
    "j.id, j.project_id, j.pipeline_id, j.status, j.paused, p.classes, "
    "j.pipeline_slug, j.parameters"
)

# The number of tasks that a caller holds: of a registered worker in all live jobs and in this job,
# of another caller in this job. A caller shares the open tasks with the others that are online:
# registered workers of the pipeline, and other callers in this job.
_LEASABLE = f"""
    select {_OF_JOB}, w.registrant, w.ended_at, w.ended_why, w.ended_by,
        case when %(worker)s::uuid is null then (
            select count(*) from (
                select 1 from analyses a where a.job_id = j.id and a.holder_id = %(holder)s
                    and a.state = 'processing'
                limit %(at_most)s
            ) held
        ) else (
            select count(*) from (
                select 1 from holders h
                join jobs live on live.id = h.job_id and live.status in {LIVE}
                join analyses a on a.job_id = h.job_id and a.holder_id = h.id
                    and a.state = 'processing'
                where h.worker_id = %(worker)s limit %(at_most)s
            ) held
        ) end,
        case when %(worker)s::uuid is null then 0 else (
            select count(*) from holders h
            join analyses a on a.job_id = h.job_id and a.holder_id = h.id
                and a.state = 'processing'
            where h.job_id = j.id and h.worker_id = %(worker)s
        ) end,
        j.open,
        (
            select count(*) from service_pipelines sp
            join workers o on o.service_id = sp.service_id and o.ended_at is null
                and o.last_contact_at > now() - interval '{ONLINE_S} seconds'
                and j.pipeline_slug = any(o.pipelines)
            where sp.pipeline_id = j.pipeline_id
        ) + (
            select count(*) from holders h where h.job_id = j.id and h.worker_id is null
                and (h.id = %(holder)s
                    or h.last_contact_at > now() - interval '{ONLINE_S} seconds')
        )
    from jobs j join pipelines p on p.id = j.pipeline_id left join workers w on w.id = %(worker)s
    where j.id = %(job)s
"""  # noqa: S608 - made of constants


@dataclass(frozen=True)
class LeaseLoad:
    """The tasks that a caller holds in all jobs and in one, the open tasks of that job, and the
    number of callers that share them.
    """

    held: int
    held_in_job: int
    open: int
    callers: int


@dataclass(frozen=True)
class LeasableJob:
    """The data of a job that leases and results require.

    `classes` is the length of the class lists of its pipeline.
    """

    id: int
    project_id: int
    pipeline_id: int
    status: JobState
    paused: bool
    classes: int
    pipeline_slug: str
    parameters: dict[str, Any]

    @property
    def is_final(self) -> bool:
        """Return whether the job has ended."""
        return self.status not in (JobState.QUEUED, JobState.PROCESSING)


async def list_claimable_jobs(
    scope: Scope,
    tx: Transaction,
    slugs: list[str] | None,
    limit: int,
    project_id: int | None = None,
) -> list[tuple[int, str]]:
    """List jobs with tasks that the caller can lease now, best first: ID and pipeline slug."""
    projects = scope.open_project_ids()
    if project_id is not None:
        projects = [project_id] if projects is None or project_id in projects else []
    cursor = await tx.execute(
        _CLAIMABLE,
        {
            "projects": projects,
            "slugs": slugs,
            "limit": limit,
            "worker": scope.origin.worker_id,
            "token": scope.token_id,
            "address": scope.origin.address,
            "user_agent": scope.origin.user_agent,
        },
    )
    return [(job_id, slug) for job_id, slug in await cursor.fetchall()]


async def count_claimable_tasks(
    scope: Scope, tx: Transaction, slugs: list[str], limit: int
) -> dict[tuple[int, str], int]:
    """Count the tasks to lease now by project and pipeline slug, up to `limit` per job."""
    cursor = await tx.execute(
        _ARRIVED, {"projects": scope.open_project_ids(), "slugs": slugs, "limit": limit}
    )
    return {(project_id, slug): count for project_id, slug, count in await cursor.fetchall()}


async def get_leasable_job(scope: Scope, tx: Transaction, job_id: int) -> LeasableJob:
    """Get a job for a worker.

    Raises:
        NotFound: the caller does not see the job.
        Forbidden: the caller may not work on it.
    """
    cursor = await tx.execute(
        f"select {_OF_JOB} from jobs j "  # noqa: S608
        "join pipelines p on p.id = j.pipeline_id where j.id = %s",
        (job_id,),
    )
    return _check(scope, await cursor.fetchone())


async def get_job_for_lease(
    scope: Scope, tx: Transaction, job_id: int, holder_id: int | None, at_most: int
) -> tuple[LeasableJob, LeaseLoad]:
    """Get a job for a lease, and the load of the caller; tasks are counted up to `at_most`.

    Raises:
        NotFound: the caller does not see the job.
        Forbidden: the caller may not work on it.
        UnknownWorker: the worker ID is not registered.
        WorkerEnded: the worker ID has ended.
    """
    cursor = await tx.execute(
        _LEASABLE,
        {"job": job_id, "worker": scope.origin.worker_id, "holder": holder_id, "at_most": at_most},
    )
    row = await cursor.fetchone()
    job = _check(scope, row)
    assert row is not None
    if scope.origin.worker_id is not None:
        require_worker_row(scope, (row[8], row[9], row[10], row[11]))
    return job, LeaseLoad(*row[12:16])


def _check(scope: Scope, row: tuple[Any, ...] | None) -> LeasableJob:
    if row is None or not scope.sees(row[1]):
        raise NotFound
    scope.check(row[1])
    return LeasableJob(row[0], row[1], row[2], JobState(row[3]), row[4], row[5], row[6], row[7])
