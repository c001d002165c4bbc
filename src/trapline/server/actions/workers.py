"""Processing services and the workers behind them: list."""

from datetime import UTC, datetime

from trapline.server.actions.pipelines import is_online
from trapline.server.db.pages import count_rows, fetch_page
from trapline.server.db.pipelines import ServiceRow
from trapline.server.db.processing_services import (
    WorkerSeen,
    list_service_pipelines,
    list_service_projects,
    list_workers,
    select_services,
)
from trapline.server.rules.access import Scope
from trapline.server.rules.worker_names import name_worker
from trapline.server.system import System
from trapline.wire.values import Page
from trapline.wire.workers import ProcessingService, Worker


async def list_services(
    system: System, scope: Scope, project_id: int | None, limit: int, cursor: str | None
) -> Page[ProcessingService]:
    """List the processing services of a project, or of all of the caller's, each with its workers of the last day."""
    async with system.database.transaction(scope) as tx:
        statement = select_services(scope, project_id)
        rows, following = await fetch_page(
            tx, statement, [(ServiceRow.id, int)], descending=False, limit=limit, cursor=cursor
        )
        ids = [row.id for row in rows]
        projects = await list_service_projects(scope, tx, ids)
        pipelines = await list_service_pipelines(scope, tx, ids, project_id)
        workers = await list_workers(scope, tx, project_id)
        count, estimated = await count_rows(tx, statement)
    now = datetime.now(UTC)
    results = [
        ProcessingService(
            id=row.id,
            name=row.name,
            projects=projects.get(row.id, []),
            pipelines=pipelines.get(row.id, []),
            online=is_online(row.last_seen_at, now),
            last_seen_at=row.last_seen_at,
            workers=[_describe(worker, now) for worker in workers if worker.service_id == row.id],
        )
        for row in rows
    ]
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


def _describe(seen: WorkerSeen, now: datetime) -> Worker:
    worked_s = (seen.last_contact_at - seen.first_contact_at).total_seconds()
    online = is_online(seen.heard_at, now)
    return Worker(
        id=seen.id,
        name=name_worker(seen.user_agent, seen.address),
        address=seen.address,
        job_id=seen.job_id if seen.holds else None,
        holds=seen.holds,
        completed=seen.completed,
        images_per_s=seen.completed / worked_s if worked_s >= 1 else None,
        last_contact_at=seen.heard_at,
        online=online,
    )
