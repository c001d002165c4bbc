"""Notices: what the caller wants to be written to about, by e-mail."""

from uuid import UUID

from fastapi import APIRouter

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.notifications.actions import notices
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectFilter
from trapline.wire.notices import EmailTestResult, NewNotice, Notice, Notices

router = APIRouter(prefix="/notification-subscriptions", tags=["notices"])


@router.get("")
async def list_notices(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Notices:
    """List what you asked to be written to about, in a project or in all, newest first."""
    return await notices.list_notices(system, scope, project, limit, cursor)


@router.post("", status_code=201)
async def create_notice(system: SystemOf, scope: ScopeOf, new: NewNotice) -> Notice:
    """Ask to be written to; asked for again, the same kind (and class) is changed."""
    return await notices.create_notice(system, scope, new)


@router.post("/test")
async def send_test_email(system: SystemOf, scope: ScopeOf) -> EmailTestResult:
    """Send yourself an e-mail now, once, and answer how that went."""
    return await notices.send_test_email(system, scope)


@router.delete("/{notice_id}", status_code=204)
async def delete_notice(system: SystemOf, scope: ScopeOf, notice_id: UUID) -> None:
    """End a notice of yours; what was not sent yet is not sent."""
    await notices.delete_notice(system, scope, notice_id)
