"""User accounts, for operators of the installation."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from trapline.server.accounts.actions import users
from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.accounts.rules.user_filter import UserFilter
from trapline.server.platform.http.parameters import Cursor, Limit, QueryText, set_etag
from trapline.wire.auth import OneTimeLink, Role
from trapline.wire.users import InvitedUser, NewUser, User, UserOrder, UserState, UserUpdate
from trapline.wire.values import Page

router = APIRouter(prefix="/users", tags=["users"])


@router.get("")
async def list_users(
    system: SystemOf,
    scope: ScopeOf,
    email: Annotated[QueryText | None, Query(description="Compared without case.")] = None,
    name: QueryText | None = None,
    role: Annotated[Role | None, Query(description="A role in any project.")] = None,
    state: UserState | None = None,
    is_operator: bool | None = None,
    order: UserOrder = UserOrder.OLDEST_FIRST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[User]:
    """List all user accounts in the order of their invitation."""
    wanted = UserFilter(email, name, role, state, is_operator)
    descending = order == UserOrder.NEWEST_FIRST
    return await users.list_users(
        system, scope, wanted, descending=descending, limit=limit, cursor=cursor
    )


@router.post("", status_code=201)
async def invite_user(
    system: SystemOf, scope: ScopeOf, new: NewUser, response: Response
) -> InvitedUser:
    """Invite a user; only the response, also to a repeated Idempotency-Key, contains the link."""
    user = await users.invite_user(system, scope, new)
    response.headers["Location"] = f"/api/v2/users/{user.id}"
    response.headers["Cache-Control"] = "no-store"
    return user


@router.get("/{user_id}")
async def get_user(system: SystemOf, scope: ScopeOf, user_id: UUID, response: Response) -> User:
    """Get a user account."""
    user = await users.get_user(system, scope, user_id)
    set_etag(response, user.updated_at)
    return user


@router.patch("/{user_id}")
async def update_user(
    system: SystemOf, scope: ScopeOf, user_id: UUID, change: UserUpdate, response: Response
) -> User:
    """Update a user account; deactivation ends its sessions, links and API tokens immediately."""
    user = await users.update_user(system, scope, user_id, change)
    set_etag(response, user.updated_at)
    return user


@router.post("/{user_id}/link", status_code=201)
async def create_user_link(
    system: SystemOf, scope: ScopeOf, user_id: UUID, response: Response
) -> OneTimeLink:
    """Create a link to choose a new password; earlier links of the user become invalid."""
    response.headers["Cache-Control"] = "no-store"
    return await users.create_user_link(system, scope, user_id)
