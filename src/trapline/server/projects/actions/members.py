"""Members of a project: list, add, change, remove. A project always has an owner."""

from datetime import UTC, datetime
from uuid import UUID

from trapline.server.accounts.actions.users import get_user_state
from trapline.server.accounts.queries.accounts import MemberRow, UserRow, find_user_by_email
from trapline.server.platform.access import RANK, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.errors import Conflict, Unprocessable
from trapline.server.projects.queries.members import (
    get_member_row,
    has_other_owner,
    lock_members,
    select_members,
)
from trapline.server.projects.queries.projects import get_project_row
from trapline.wire.auth import Role
from trapline.wire.users import Member, MemberUpdate, NewMember
from trapline.wire.values import Page

LAST_OWNER = (
    "This is the project's last owner. Nothing was changed. Make another member an owner first."
)


def _describe(scope: Scope, member: MemberRow, user: UserRow) -> Member:
    owns = scope.everything or scope.roles.get(member.project_id) == Role.OWNER
    return Member(
        user_id=user.id,
        name=user.name,
        email=user.email if owns or user.id == scope.user_id else None,
        role=Role(member.role),
        state=get_user_state(user),
        created_at=member.created_at,
        updated_at=member.updated_at,
    )


async def list_members(system: AppContext, scope: Scope, project_id: int) -> Page[Member]:
    """List the members of a project, longest membership first.

    Raises:
        NotFound: the project does not exist, or the caller has no access to it.
    """
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        rows = (await tx.session.execute(select_members(scope, project_id))).all()
        found = [_describe(scope, member, user) for member, user in rows]
        return Page(results=found, count=len(found))


async def add_member(system: AppContext, scope: Scope, project_id: int, new: NewMember) -> Member:
    """Add a user with an account to a project.

    Raises:
        NotFound, Forbidden: the caller has no access to the project, or is not an owner.
        Unprocessable: no active account has this e-mail address.
        Conflict: the user is a member.
    """
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Member)
        if done:
            return done
        await lock_members(scope, tx, project_id)
        user = await find_user_by_email(scope, tx, new.email)
        if user is None or user.deactivated_at is not None:
            raise Unprocessable(
                f"No account has the e-mail address {new.email}. Nothing was changed. An operator "
                "of this Trapline can invite this user: on the page under People, or with "
                "`trapline user invite`."
            )
        if await tx.session.get(MemberRow, (project_id, user.id)) is not None:
            raise Conflict(
                f"{new.email} is a member already. Nothing was changed. Change the role of that "
                "member."
            )
        member = MemberRow(project_id=project_id, user_id=user.id, role=new.role.value)
        tx.session.add(member)
        await tx.session.flush()
        await tx.session.refresh(member)
        tx.audit("add", "member", user.id, project_id, role=member.role)
        _uncache_user(system, tx, user.id)
        return save_response(scope, tx, _describe(scope, member, user))


async def update_member(
    system: AppContext, scope: Scope, project_id: int, user_id: UUID, change: MemberUpdate
) -> Member:
    """Change the role of a member.

    Raises:
        NotFound, Forbidden: the member does not exist, or the caller is not an owner.
        PreconditionFailed: the member was changed since it was read.
        Conflict: the member is the last owner.
    """
    async with system.database.transaction(scope) as tx:
        await lock_members(scope, tx, project_id)
        member, user = await get_member_row(scope, tx, project_id, user_id)
        scope.check_unchanged(member.updated_at)
        if change.role != Role.OWNER:
            await _require_other_owner(scope, tx, member)
        before, member.role = member.role, change.role.value
        member.updated_at = datetime.now(UTC)
        tx.audit("change", "member", user_id, project_id, role=member.role, before=before)
        _uncache_user(system, tx, user_id)
        return _describe(scope, member, user)


async def remove_member(system: AppContext, scope: Scope, project_id: int, user_id: UUID) -> None:
    """Remove a member from a project; members other than owners can remove only themselves.

    Raises:
        NotFound, Forbidden: the member does not exist, or the caller is not an owner.
        Conflict: the member is the last owner.
    """
    async with system.database.transaction(scope) as tx:
        await lock_members(scope, tx, project_id)
        if user_id != scope.user_id:
            scope.check(project_id, Role.OWNER)
        member, _ = await get_member_row(scope, tx, project_id, user_id)
        await _require_other_owner(scope, tx, member)
        tx.audit("remove", "member", user_id, project_id, role=member.role)
        await tx.session.delete(member)
        _uncache_user(system, tx, user_id)


async def _require_other_owner(scope: Scope, tx: Transaction, member: MemberRow) -> None:
    if RANK[Role(member.role)] < RANK[Role.OWNER]:
        return
    if not await has_other_owner(scope, tx, member.project_id, member.user_id):
        raise Conflict(LAST_OWNER)


def _uncache_user(system: AppContext, tx: Transaction, user_id: UUID) -> None:
    """Remove a user's tokens from the cache of callers after the commit."""
    tx.after_commit(lambda: system.known.callers.delete(lambda caller: caller.user_id == user_id))
