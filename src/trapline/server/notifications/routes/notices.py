"""Notices: what the caller wants to be written to about, by e-mail."""

from uuid import UUID

from fastapi import APIRouter

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.notifications.actions import notices
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectFilter
from trapline.wire.notices import NewNotice, Notice, Notices, TestMail

router = APIRouter(prefix="/notices", tags=["notices"])


@router.get("")
async def list_notices(
    system: SystemOf, scope: ScopeOf, project: ProjectFilter = None, limit: Limit = 50, cursor: Cursor = None
) -> Notices:
    """List what you asked to be written to about, in a project or in all, newest first."""
    return await notices.list_notices(system, scope, project, limit, cursor)


@router.post("", status_code=201)
async def ask_for_notice(system: SystemOf, scope: ScopeOf, new: NewNotice) -> Notice:
    """Ask to be written to; asked for again, the same kind (and class) is changed."""
    return await notices.ask_for_notice(system, scope, new)


@router.post("/test")
async def try_mail(system: SystemOf, scope: ScopeOf) -> TestMail:
    """Send yourself an e-mail now, once, and answer how that went."""
    return await notices.try_mail(system, scope)


@router.delete("/{notice_id}", status_code=204)
async def end_notice(system: SystemOf, scope: ScopeOf, notice_id: UUID) -> None:
    """End a notice of yours; what was not sent yet is not sent."""
    await notices.end_notice(system, scope, notice_id)
