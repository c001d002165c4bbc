"""Processing services and the workers behind them, as people see them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import Select, select

from trapline.server.db.base import Transaction
from trapline.server.db.pipelines import ServiceProjectRow, ServiceRow
from trapline.server.rules.access import Scope

SHOWN_FOR = "1 day"


@dataclass(frozen=True)
class WorkerSeen:
    """A caller at work for a service, over all jobs: known by API token, address and User-Agent."""

    id: UUID
    service_id: int | None
    address: str
    user_agent: str
    job_id: int
    holds: int
    completed: int
    first_contact_at: datetime
    last_contact_at: datetime
    heard_at: datetime


def select_services(scope: Scope, project_id: int | None) -> Select[ServiceRow]:
    """Select the processing services that work for a project, or for any that the caller sees."""
    if project_id is not None:
        scope.check(project_id)
        projects: list[int] | None = [project_id]
    else:
        projects = scope.project_ids()
    statement = select(ServiceRow)
    if projects is None:
        return statement
    at_work = select(ServiceProjectRow.service_id).where(ServiceProjectRow.project_id.in_(projects))
    return statement.where(ServiceRow.id.in_(at_work))


async def list_service_projects(scope: Scope, tx: Transaction, service_ids: list[int]) -> dict[int, list[int]]:
    """List for each service the projects that it works for, of those that the caller sees."""
    statement = (
        select(ServiceProjectRow.service_id, ServiceProjectRow.project_id)
        .where(ServiceProjectRow.service_id.in_(service_ids))
        .order_by(ServiceProjectRow.project_id)
    )
    found: dict[int, list[int]] = {}
    for service_id, project_id in (await tx.session.execute(statement)).all():
        if scope.sees(project_id):
            found.setdefault(service_id, []).append(project_id)
    return found


async def list_service_pipelines(
    scope: Scope, tx: Transaction, service_ids: list[int], project_id: int | None
) -> dict[int, list[str]]:
    """List for each service the slugs that it offers, in a project or in all that the caller sees."""
    projects = [project_id] if project_id is not None else scope.project_ids()
    cursor = await tx.execute(
        """
        select distinct sp.service_id, p.slug from service_pipelines sp join pipelines p on p.id = sp.pipeline_id
        where sp.service_id = any(%s) and (%s::bigint[] is null or sp.project_id = any(%s)) order by 1, 2
        """,
        (service_ids, projects, projects),
    )
    found: dict[int, list[str]] = {}
    for service_id, slug in await cursor.fetchall():
        found.setdefault(service_id, []).append(slug)
    return found


async def list_workers(scope: Scope, tx: Transaction, project_id: int | None) -> list[WorkerSeen]:
    """List who was at work lately, each with the job it was last at and what it holds over all jobs."""
    if project_id is not None:
        scope.check(project_id)
    projects = [project_id] if project_id is not None else scope.project_ids()
    cursor = await tx.execute(
        f"""
        select distinct on (h.token_id, h.address, h.user_agent)
            h.token_id, h.service_id, h.address, h.user_agent, h.job_id, s.held, s.completed, s.first_contact_at,
            h.last_contact_at, greatest(h.last_contact_at, h.seen_at)
        from holders h
        join lateral (
            select sum(o.completed) as completed, min(o.first_contact_at) as first_contact_at, sum((
                select count(*) from analyses a
                where a.job_id = o.job_id and a.holder_id = o.id and a.state = 'processing'
            )) as held
            from holders o where o.token_id = h.token_id and o.address = h.address and o.user_agent = h.user_agent
              and o.project_id = h.project_id and o.last_contact_at > now() - interval '{SHOWN_FOR}'
        ) s on true
        where h.last_contact_at > now() - interval '{SHOWN_FOR}'
          and (%s::bigint[] is null or h.project_id = any(%s))
        order by h.token_id, h.address, h.user_agent, h.last_contact_at desc
        limit 1000
        """,  # noqa: S608
        (projects, projects),
    )
    return [
        WorkerSeen(uuid5(token_id, f"{address} {agent}"), service, address, agent, job, int(held), int(done), *contacts)
        for token_id, service, address, agent, job, held, done, *contacts in await cursor.fetchall()
    ]
