"""Claim: which jobs have something to lease now, and what a lease must know of a job."""

from dataclasses import dataclass

from trapline.server.db.base import Transaction
from trapline.server.errors import NotFound
from trapline.server.rules.access import Scope
from trapline.wire.jobs import JobState

# Priority first; then the turn of the project that was served longest ago, then of its job; then age.
_CLAIMABLE = """
    with ready as (
        select j.id, j.project_id, j.pipeline_slug, j.priority, j.last_leased_at from jobs j
        where j.status in ('queued', 'processing') and not j.paused and j.open > 0
          and (%(projects)s::bigint[] is null or j.project_id = any(%(projects)s))
          and (%(slugs)s::text[] is null or j.pipeline_slug = any(%(slugs)s))
          and (
            exists (
                select 1 from analyses a where a.job_id = j.id and a.state = 'queued' and a.lost = 0
                and (a.not_before is null or a.not_before <= now())
            )
            or exists (
                select 1 from analyses a where a.job_id = j.id and a.state = 'queued' and a.lost > 0
                and (a.not_before is null or a.not_before <= now())
            )
          )
    ),
    served as (
        select project_id, max(last_leased_at) as last_leased_at from jobs
        where project_id in (select project_id from ready) group by project_id
    )
    select r.id, r.pipeline_slug from ready r join served s on s.project_id = r.project_id
    order by r.priority desc, s.last_leased_at nulls first, r.last_leased_at nulls first, r.id
    limit %(limit)s
"""


@dataclass(frozen=True)
class LeasableJob:
    """What a lease or a result must know of a job; `classes` is how long its pipeline's class lists are."""

    id: int
    project_id: int
    pipeline_id: int
    status: JobState
    paused: bool
    classes: int

    @property
    def is_final(self) -> bool:
        """Whether nothing of it can be worked on any more."""
        return self.status not in (JobState.QUEUED, JobState.PROCESSING)


async def list_claimable_jobs(
    scope: Scope, tx: Transaction, slugs: list[str] | None, limit: int
) -> list[tuple[int, str]]:
    """List jobs that have something to lease now, best first: id and pipeline slug."""
    cursor = await tx.execute(_CLAIMABLE, {"projects": scope.project_ids(), "slugs": slugs, "limit": limit})
    return [(job_id, slug) for job_id, slug in await cursor.fetchall()]


async def get_leasable_job(scope: Scope, tx: Transaction, job_id: int) -> LeasableJob:
    """Get a job for a worker. Raises NotFound, Forbidden."""
    cursor = await tx.execute(
        """
        select j.id, j.project_id, j.pipeline_id, j.status, j.paused, p.classes
        from jobs j join pipelines p on p.id = j.pipeline_id where j.id = %s
        """,
        (job_id,),
    )
    row = await cursor.fetchone()
    if row is None or not scope.sees(row[1]):
        raise NotFound
    scope.check(row[1])
    return LeasableJob(row[0], row[1], row[2], JobState(row[3]), row[4], row[5])
