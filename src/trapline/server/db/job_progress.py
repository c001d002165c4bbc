"""How jobs get on, asked of the rows: what is in hand, what holds it up, what was found."""

from dataclasses import dataclass
from datetime import datetime

from trapline.server.db.base import Transaction
from trapline.server.rules.access import Scope

CLASSES = 1000


@dataclass(frozen=True)
class Activity:
    """What goes on with a live job: tasks in hand, by whom, since when; the next attempt; whether anybody offers it."""

    held: int = 0
    holder: tuple[str, str] | None = None
    held_since: datetime | None = None
    next_attempt_at: datetime | None = None
    offered: bool = False
    heard_of_at: datetime | None = None


async def list_activity(scope: Scope, tx: Transaction, job_ids: list[int]) -> dict[int, Activity]:
    """Tell for each of these live jobs what goes on; `holder` is the user agent and address of the busiest."""
    cursor = await tx.execute(
        """
        select j.id, coalesce(h.held, 0), h.user_agent, h.address, h.since,
            (
                select min(a.not_before) from analyses a where a.job_id = j.id and a.state = 'queued'
                and not exists (
                    select 1 from analyses b where b.job_id = j.id and b.state = 'queued'
                    and (b.not_before is null or b.not_before <= now())
                )
            ),
            exists (select 1 from service_pipelines sp where sp.pipeline_id = j.pipeline_id),
            (
                select max(s.last_seen_at) from service_pipelines sp
                join processing_services s on s.id = sp.service_id where sp.pipeline_id = j.pipeline_id
            )
        from jobs j
        left join lateral (
            select sum(g.held) over () as held, o.user_agent, o.address, g.since from (
                select a.holder_id, count(*) as held, min(a.leased_at) as since
                from analyses a where a.job_id = j.id and a.state = 'processing' group by a.holder_id
            ) g left join holders o on o.id = g.holder_id order by g.held desc limit 1
        ) h on true
        where j.id = any(%s)
        """,
        (job_ids,),
    )
    return {
        job_id: Activity(int(held), (agent, address) if agent is not None else None, since, next_at, offered, heard)
        for job_id, held, agent, address, since, next_at, offered, heard in await cursor.fetchall()
    }


async def count_found(scope: Scope, tx: Transaction, job_id: int) -> tuple[dict[str, int], int]:
    """Count the boxes of a job by the class that names them, the most frequent first, and all its annotations."""
    cursor = await tx.execute(
        """
        select n.annotation_type = 'bounding_box', n.class_name, count(*) from analyses a
        join annotations n on n.analysis_id = a.id
        where a.job_id = %s and a.state = 'completed' group by 1, 2 order by 3 desc, 2
        """,
        (job_id,),
    )
    rows = await cursor.fetchall()
    classes = {name: count for is_box, name, count in rows if is_box and name is not None}
    return dict(list(classes.items())[:CLASSES]), sum(count for _, _, count in rows)
