"""Notification subscriptions of the caller, by e-mail."""

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
    """List your notification subscriptions in a project, or in all, newest first."""
    return await notices.list_notices(system, scope, project, limit, cursor)


@router.post("", status_code=201)
async def create_notice(system: SystemOf, scope: ScopeOf, new: NewNotice) -> Notice:
    """Create a notification subscription; a repeated kind (and class) changes the existing one."""
    return await notices.create_notice(system, scope, new)


@router.post("/test")
async def send_test_email(system: SystemOf, scope: ScopeOf) -> EmailTestResult:
    """Send yourself a test e-mail once; the response contains the result."""
    return await notices.send_test_email(system, scope)


@router.delete("/{notice_id}", status_code=204)
async def delete_notice(system: SystemOf, scope: ScopeOf, notice_id: UUID) -> None:
    """Delete a notification subscription; events that were not sent yet are dropped."""
    await notices.delete_notice(system, scope, notice_id)
