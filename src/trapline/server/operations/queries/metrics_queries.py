"""Figures of the queue, sources and files, by queries whose cost does not grow."""

from dataclasses import dataclass
from uuid import UUID

from trapline.server.notifications.queries.nats_subjects import find_outage, has_subjects
from trapline.server.operations.queries.file_checks import count_harmed, find_check_age
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

MOST_SOURCES = 5_000
MOST_COUNTED = 100_000


@dataclass(frozen=True)
class QueueGauges:
    """Numbers of jobs and of their analyses by state, leases, and active sources.

    `held` includes expired leases. `sources` has the seconds since the last good run of each
    source, or since its creation. `nats_up` is None if events are not published to NATS.
    """

    jobs: dict[str, int]
    analyses: dict[str, int]
    held: int
    oldest_queued: UUID | None
    sources: list[tuple[UUID, float]]
    harmed: dict[str, int]
    check_age: float | None
    nats_up: bool | None


async def get_queue_gauges(scope: Scope, tx: Transaction) -> QueueGauges:
    """Read the figures.

    Most come from the counters of jobs, so that no table is counted.
    """
    rows = await (
        await tx.execute(
            "select status, count(*), sum(open), sum(completed), sum(failed) from jobs group by "
            "status"
        )
    ).fetchall()
    counted = await tx.execute(
        "select count(*) from (select from analyses where state = 'processing' and job_id is not "
        "null limit %s) held",
        (MOST_COUNTED,),
    )
    [held] = await counted.fetchone() or (0,)
    # IDs of analyses start with the time at which they were queued.
    first = await tx.execute(
        """
        select a.id from jobs j cross join lateral (
            select id from analyses where job_id = j.id and state = 'queued' and lost = 0
                order by id limit 1
        ) a
        where j.status in ('queued', 'processing') and not j.paused order by a.id limit 1
        """
    )
    oldest = await first.fetchone()
    found = await tx.execute(
        "select id, extract(epoch from now() - coalesce(last_pull_timestamp, created_at))::float"
        " from pull_sources where is_active order by id limit %s",
        (MOST_SOURCES,),
    )
    open_ = sum(int(row[2]) for row in rows if row[0] in ("queued", "processing"))
    return QueueGauges(
        jobs={state: count for state, count, *_ in rows},
        analyses={
            "queued": max(0, open_ - held),
            "processing": held,
            "completed": sum(int(row[3]) for row in rows),
            "failed": sum(int(row[4]) for row in rows),
        },
        held=held,
        oldest_queued=oldest[0] if oldest else None,
        harmed=await count_harmed(scope, tx),
        check_age=await find_check_age(scope, tx),
        nats_up=await find_outage(scope, tx) is None if await has_subjects(scope, tx) else None,
        sources=[(source, age) for source, age in await found.fetchall()],
    )
