"""Processing services and their workers, for users."""

from sqlalchemy import Select, select

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.pipelines import ServiceProjectRow, ServiceRow


def select_services(scope: Scope, project_id: int | None) -> Select[ServiceRow]:
    """Select the processing services of a project, or of all that the caller sees."""
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


async def list_service_projects(
    scope: Scope, tx: Transaction, service_ids: list[int]
) -> dict[int, list[int]]:
    """List the projects of each service that the caller sees."""
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
    """List the pipeline slugs that each service offers, in a project or in all visible ones."""
    projects = [project_id] if project_id is not None else scope.project_ids()
    cursor = await tx.execute(
        """
        select distinct sp.service_id, p.slug from service_pipelines sp join pipelines p
            on p.id = sp.pipeline_id
        where sp.service_id = any(%s) and (%s::bigint[] is null or sp.project_id = any(%s))
        order by 1, 2
        """,
        (service_ids, projects, projects),
    )
    found: dict[int, list[str]] = {}
    for service_id, slug in await cursor.fetchall():
        found.setdefault(service_id, []).append(slug)
    return found
