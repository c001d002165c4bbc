"""Recent changes of projects, sampled once a second while a page is open."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import text

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction

# Longer than any transaction, because a row has the start time of its transaction.
LATELY = timedelta(seconds=60)

QUERY = """
select 'job', project_id, id::text, updated_at::text from jobs
 where project_id = any(:projects) and updated_at > :since
union all
select 'source', project_id, id::text, greatest(updated_at, last_pull_timestamp)::text
    from pull_sources
 where project_id = any(:projects) and greatest(updated_at, last_pull_timestamp) > :since
union all
select 'source', project_id, source_id::text, heartbeat_at::text || state from pull_runs
 where project_id = any(:projects) and state = 'running'
union all
select 'worker', project_id, null, max(at)::text from (
    select project_id, greatest(last_contact_at, seen_at) as at from holders
        where project_id = any(:projects)
    union all
    select sp.project_id, greatest(w.last_contact_at, w.ended_at) from workers w
    join service_projects sp on sp.service_id = w.service_id where sp.project_id = any(:projects)
) heard where at > :since group by project_id
union all
select 'image', project_id, null,
    count(*)::text || max(id::text) || coalesce(max(thumbnails_at), max(created_at))::text
  from images where project_id = any(:projects) and id >= cast(:floor as uuid) group by project_id
union all
select 'identification', project_id, null,
    count(*)::text || max(at)::text || coalesce(sum(imported), 0)::text
  from (
    select project_id, created_at as at, null::bigint as imported from identifications
        where project_id = any(:projects)
        and created_at > :since
    union all
    select project_id, withdrawn_at, null from identifications
        where project_id = any(:projects) and withdrawn_at > :since
    union all
    select project_id, updated_at, null from human_boxes where project_id = any(:projects)
        and updated_at > :since
    union all
    select project_id, created_at, identifications from imports
        where project_id = any(:projects) and updated_at > :since and identifications > 0
) said group by project_id
"""


async def get_review_stamp(
    scope: Scope, tx: Transaction, project_id: int, since: datetime
) -> tuple[int, Decimal]:
    """Return a stamp of what people said about images of a project since a time.

    It differs after each identification, withdrawal and change of a box. Transactions that end late
    are included if `since` is LATELY earlier. Imported identifications have the times of their
    file, so the numbers in the rows of imports count.
    """
    scope.check(project_id)
    cursor = await tx.execute(
        """
        select count(*) + (
            select coalesce(sum(identifications), 0)::bigint from imports
            where project_id = %(project)s and updated_at > %(since)s
        ), coalesce(sum(extract(epoch from at)), 0) from (
            select created_at as at from identifications
            where project_id = %(project)s and created_at > %(since)s
            union all
            select withdrawn_at from identifications
            where project_id = %(project)s and withdrawn_at > %(since)s
            union all
            select updated_at from human_boxes
            where project_id = %(project)s and updated_at > %(since)s
        ) said
        """,
        {"project": project_id, "since": since},
    )
    [(count, total)] = await cursor.fetchall()
    return count, total


def _floor_of(moment: datetime) -> str:
    """Return the smallest UUIDv7 of a time (RFC 9562): 48 bits are milliseconds since 1970."""
    stamp = f"{int(moment.timestamp() * 1000):012x}"
    return f"{stamp[:8]}-{stamp[8:]}-7000-8000-000000000000"


async def list_recent_changes(
    scope: Scope, tx: Transaction, projects: list[int]
) -> list[tuple[str, int, str | None, str]]:
    """List changes of the last minute as (kind, project, id, stamp).

    The stamp of the same object differs after another change.
    """
    for project in projects:
        scope.check(project)
    since = datetime.now(UTC) - LATELY
    found = await tx.session.execute(
        text(QUERY), {"projects": projects, "since": since, "floor": _floor_of(since)}
    )
    return [(kind, project, key, stamp) for kind, project, key, stamp in found.all()]
