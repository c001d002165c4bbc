"""Sessions of the caller: list, end."""

from uuid import UUID

from trapline.server.accounts.queries.accounts import (
    SessionRow,
    delete_sessions,
    get_user_row,
    list_sessions,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import NotFound
from trapline.wire.auth import BrowserSession
from trapline.wire.values import Page


async def list_own_sessions(system: AppContext, scope: Scope) -> Page[BrowserSession]:
    """List the caller's sessions, most recently used first."""
    async with system.database.transaction(scope) as tx:
        rows = await list_sessions(scope, tx, scope.user_id) if scope.user_id else []
    found = [
        BrowserSession(
            id=row.id,
            is_current=row.id == scope.session_id,
            user_agent=row.user_agent,
            address=row.address,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
        )
        for row in rows
    ]
    return Page(results=found, count=len(found))


async def end_own_session(system: AppContext, scope: Scope, session_id: UUID) -> None:
    """End one of the caller's sessions.

    Raises:
        NotFound: the caller has no such session.
    """
    async with system.database.transaction(scope) as tx:
        row = await tx.session.get(SessionRow, session_id)
        if row is None or row.user_id != scope.user_id:
            raise NotFound
        await tx.session.delete(row)
        tx.audit("end", "session", session_id)


async def end_other_sessions(system: AppContext, scope: Scope) -> None:
    """End all of the caller's sessions except the current one."""
    if scope.user_id is None:
        return
    async with system.database.transaction(scope) as tx:
        await get_user_row(scope, tx, scope.user_id, lock=True)
        ended = await delete_sessions(scope, tx, scope.user_id, but=scope.session_id)
        tx.audit("end_all", "session", f"user:{scope.user_id}", sessions=ended)
