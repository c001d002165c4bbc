"""The members of a project."""

from operator import attrgetter
from uuid import UUID

from fastapi import APIRouter, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.db.cursors import slice_page
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectPath, set_etag
from trapline.server.projects.actions import members
from trapline.wire.users import Member, MemberUpdate, NewMember
from trapline.wire.values import Page

router = APIRouter(prefix="/projects/{project_id}/members", tags=["projects"])


@router.get("")
async def list_members(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Member]:
    """List the members of a project; owners also get e-mail addresses."""
    return slice_page(
        await members.list_members(system, scope, project_id), attrgetter("user_id"), limit, cursor
    )


@router.post("", status_code=201)
async def add_member(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, new: NewMember, response: Response
) -> Member:
    """Add a user with an account to a project."""
    member = await members.add_member(system, scope, project_id, new)
    set_etag(response, member.updated_at)
    return member


@router.patch("/{user_id}")
async def update_member(
    system: SystemOf,
    scope: ScopeOf,
    project_id: ProjectPath,
    user_id: UUID,
    change: MemberUpdate,
    response: Response,
) -> Member:
    """Change the role of a member."""
    member = await members.update_member(system, scope, project_id, user_id, change)
    set_etag(response, member.updated_at)
    return member


@router.delete("/{user_id}", status_code=204)
async def remove_member(
    system: SystemOf, scope: ScopeOf, project_id: ProjectPath, user_id: UUID
) -> None:
    """Remove a member from a project; members can also remove themselves."""
    await members.remove_member(system, scope, project_id, user_id)
