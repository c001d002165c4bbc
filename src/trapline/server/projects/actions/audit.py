"""The audit log: list entries."""

from datetime import datetime
from uuid import UUID

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.audit import AuditFilter, AuditRow, select_audit
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.wire.audit import AuditEntry
from trapline.wire.values import Page


async def list_audit(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: AuditFilter,
    limit: int,
    cursor: str | None,
) -> Page[AuditEntry]:
    """List audit entries, newest first."""
    async with system.database.transaction(scope) as tx:
        statement = select_audit(scope, project_id, wanted)
        order = [(AuditRow.at, datetime), (AuditRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=True, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        names = await list_actor_names(scope, tx, [row.actor for row in rows])
    return Page(
        results=[
            AuditEntry(
                id=row.id,
                at=row.at,
                project_id=row.project_id,
                actor=names[row.actor],
                actor_id=row.actor,
                action=row.action,
                kind=row.subject_type,
                subject_id=row.subject_id,
                address=row.address,
                request_id=row.request_id,
                details=row.details,
            )
            for row in rows
        ],
        next=following,
        count=count,
        count_is_estimate=estimated,
    )
