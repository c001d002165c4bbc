"""Progress of jobs, computed from rows: current leases, obstacles, and findings."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.cancel import HAS_OPEN
from trapline.server.queue.queries.eligibility_sql import build_any_queued_condition
from trapline.server.queue.rules.job_status_reason import ONLINE_S

CLASSES = 1000


class TaskHolder(NamedTuple):
    """A holder of leases: a worker's registration, or the address and user agent of a caller."""

    name: str | None
    host: str | None
    user_agent: str | None
    address: str | None


@dataclass(frozen=True)
class JobActivity:
    """Activity of a job: its leases, their holders, and the last contact of a service.

    `next_attempt_at` is the time of the next retry, if no task can be leased now. `unswept` is
    whether a canceled job still has open tasks.
    """

    held: int = 0
    workers: int = 0
    busiest: TaskHolder | None = None
    held_since: datetime | None = None
    next_attempt_at: datetime | None = None
    offered: bool = False
    last_contact_at: datetime | None = None
    unswept: bool = False


class JobCompetition(NamedTuple):
    """Reasons why workers do not lease from a job: jobs of higher priority, and busy workers.

    Of the jobs in each group, one is given by ID and project.
    """

    ahead: int
    next_ahead: tuple[int, int] | None
    online: int
    name: TaskHolder | None
    busy: int
    busy_with: tuple[int, int] | None


_ACTIVITY = f"""
    select j.id, coalesce(h.held, 0), coalesce(h.workers, 0), h.name, h.host, h.user_agent,
        h.address, h.since,
        case when j.open > 0 and not {build_any_queued_condition("j.id")} then least(
            (select min(a.not_before) from analyses a where a.job_id = j.id and a.state = 'queued'
                and a.lost = 0),
            (select min(a.not_before) from analyses a where a.job_id = j.id and a.state = 'queued'
                and a.lost > 0)
        ) end,
        exists (select 1 from service_pipelines sp where sp.pipeline_id = j.pipeline_id),
        (
            select max(s.last_seen_at) from service_pipelines sp
            join processing_services s on s.id = sp.service_id where sp.pipeline_id = j.pipeline_id
        ),
        j.status = 'canceled' and {HAS_OPEN}
    from jobs j
    left join lateral (
        select sum(g.held) over () as held, count(*) over () as workers, w.name, w.host,
            o.user_agent, o.address,
            g.since
        from (
            select a.holder_id, count(*) as held, min(a.leased_at) as since
            from analyses a where a.job_id = j.id and a.state = 'processing' group by a.holder_id
        ) g left join holders o on o.id = g.holder_id left join workers w on w.id = o.worker_id
        order by g.held desc, g.since limit 1
    ) h on j.status in ('queued', 'processing')
    where j.id = any(%s)
"""  # noqa: S608 - made of constants

# The workers of a job are registered for its pipeline; jobs of all their pipelines compete with it.
_RIVALS = f"""
    with online as materialized (
        select j.id as job_id, w.id, w.name, w.host, w.pipelines, w.last_contact_at from jobs j
        join service_pipelines sp on sp.pipeline_id = j.pipeline_id
        join workers w on w.service_id = sp.service_id and w.ended_at is null
            and j.pipeline_slug = any(w.pipelines)
            and w.last_contact_at > now() - interval '{ONLINE_S} seconds'
        where j.id = any(%s)
    ),
    taken as materialized (select j.id as job_id, j.pipeline_slug as slug from jobs j
        where j.id = any(%s)
        union select job_id, unnest(pipelines) from online
    ),
    ahead as (
        select j.id as job_id, o.id, o.project_id,
            row_number() over (partition by j.id order by o.priority desc, o.id) as place
        from jobs j join taken t on t.job_id = j.id
        join jobs o on o.pipeline_slug = t.slug and o.id <> j.id and o.priority > j.priority
            and o.status in ('queued', 'processing') and not o.paused and o.open > 0
        where exists (
            select 1 from service_pipelines mine join service_pipelines theirs
                on theirs.service_id = mine.service_id
            where mine.pipeline_id = j.pipeline_id and theirs.pipeline_id = o.pipeline_id
        ) and {build_any_queued_condition("o.id")}
    ),
    busy as (
        select distinct on (o.job_id, o.id) o.job_id, o.id, h.job_id as with_job,
            h.project_id as with_project
        from online o join holders h on h.worker_id = o.id and h.job_id <> o.job_id
        join jobs other on other.id = h.job_id and other.status in ('queued', 'processing')
        where exists (
            select 1 from analyses a where a.job_id = h.job_id and a.holder_id = h.id
                and a.state = 'processing'
        ) order by o.job_id, o.id, h.job_id
    )
    select j.id,
        (select count(*) from ahead where job_id = j.id), a.id, a.project_id,
        (select count(*) from online where job_id = j.id), n.name, n.host,
        (select count(*) from busy where job_id = j.id), b.with_job, b.with_project
    from jobs j
    left join ahead a on a.job_id = j.id and a.place = 1
    left join lateral (
        select name, host from online where job_id = j.id order by last_contact_at desc limit 1
    ) n on true
    left join lateral (select with_job, with_project from busy where job_id = j.id order by id
        limit 1) b on true
    where j.id = any(%s)
"""  # noqa: S608 - made of constants


async def list_activity(
    scope: Scope, tx: Transaction, job_ids: list[int]
) -> dict[int, JobActivity]:
    """Return the activity of each of these jobs."""
    cursor = await tx.execute(_ACTIVITY, (job_ids,))
    return {
        job_id: JobActivity(
            int(held),
            workers,
            TaskHolder(*who) if held else None,
            since,
            next_at,
            offered,
            contact_at,
            unswept,
        )
        for job_id, held, workers, *who, since, next_at, offered, contact_at, unswept in (
            await cursor.fetchall()
        )
    }


async def list_competition(
    scope: Scope, tx: Transaction, job_ids: list[int]
) -> dict[int, JobCompetition]:
    """Return what the workers of these jobs do instead of leasing their available tasks."""
    if not job_ids:
        return {}
    cursor = await tx.execute(_RIVALS, (job_ids, job_ids, job_ids))
    return {
        row[0]: JobCompetition(
            ahead=row[1],
            next_ahead=(row[2], row[3]) if row[2] is not None else None,
            online=row[4],
            name=TaskHolder(row[5], row[6], None, None) if row[5] is not None else None,
            busy=row[7],
            busy_with=(row[8], row[9]) if row[8] is not None else None,
        )
        for row in await cursor.fetchall()
    }


async def count_findings(scope: Scope, tx: Transaction, job_id: int) -> tuple[dict[str, int], int]:
    """Count a job's findings by class, the most frequent first, and all its annotations.

    For an image with boxes only the boxes count, not their classifications; for other images each
    annotation with a class counts.
    """
    cursor = await tx.execute(
        """
        select c.class_name, sum(c.many) filter (where c.is_box or not c.has_boxes)::bigint,
            sum(c.many)::bigint
        from (
            select n.annotation_type = 'bounding_box' as is_box, n.class_name, count(*) as many,
                bool_or(n.annotation_type = 'bounding_box') over (partition by a.id) as has_boxes
            from analyses a join annotations n on n.analysis_id = a.id
            where a.job_id = %s and a.state = 'completed'
            group by a.id, n.annotation_type = 'bounding_box', n.class_name
        ) c group by 1 order by 2 desc nulls last, 1
        """,
        (job_id,),
    )
    rows = await cursor.fetchall()
    classes = {name: count for name, count, _ in rows if name is not None and count}
    return dict(list(classes.items())[:CLASSES]), sum(many for _, _, many in rows)


class JobStateCounts(NamedTuple):
    """Progress of a job: the number of its last transition, and its images by state."""

    job_id: int
    last_move: int
    is_canceled: bool
    expanded: bool
    expected: int | None
    open: int
    completed: int
    failed: int
    held: int


async def list_state_counts(
    scope: Scope, tx: Transaction, job_ids: list[int]
) -> list[JobStateCounts]:
    """Return the progress of these jobs."""
    cursor = await tx.execute(
        """
        select j.id, j.last_move, j.status = 'canceled', j.expanded, j.expected, j.open,
            j.completed, j.failed,
            case when j.status = 'processing' then (
                select count(*) from analyses a where a.job_id = j.id and a.state = 'processing'
            ) else 0 end
        from jobs j where j.id = any(%s)
        """,
        (job_ids,),
    )
    return [JobStateCounts(*row) for row in await cursor.fetchall()]
