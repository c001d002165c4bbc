"""The audit log of a project, for its owners."""

from typing import Annotated

from fastapi import APIRouter, Query

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.db.audit import AuditFilter
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectFilter, QueryText
from trapline.server.projects.actions import audit
from trapline.wire.audit import AuditEntry
from trapline.wire.values import GivenTime, Page

router = APIRouter(prefix="/audit", tags=["audit"])


@router.get("")
async def list_audit(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    actor: Annotated[QueryText | None, Query(description="An `actor_id`.")] = None,
    action: QueryText | None = None,
    kind: Annotated[
        QueryText | None,
        Query(description="The type of the changed object, such as job or source."),
    ] = None,
    since: GivenTime | None = None,
    at_after: Annotated[GivenTime | None, Query(description="The same as `since`.")] = None,
    at_before: GivenTime | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[AuditEntry]:
    """List changes, and downloads of originals and exports, in projects you own; newest first.

    Without `project`, a signed-in operator also gets the entries without a project: sign-ins,
    links, tokens without projects, and changes in purged projects.
    """
    wanted = AuditFilter(
        actor=actor, action=action, kind=kind, since=at_after or since, before=at_before
    )
    return await audit.list_audit(system, scope, project, wanted, limit, cursor)
