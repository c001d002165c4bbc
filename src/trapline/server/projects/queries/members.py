"""Who is a member of which project, and that none is left without an owner."""

from uuid import UUID

from sqlalchemy import Select, select

from trapline.server.accounts.queries.accounts import MemberRow, UserRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import NotFound
from trapline.server.projects.queries.projects import ProjectRow, get_project_row
from trapline.wire.auth import Role


async def lock_members(scope: Scope, tx: Transaction, project_id: int) -> ProjectRow:
    """Lock a project's members, so that two changes never leave it without an owner.

    Raises NotFound, Forbidden.
    """
    project = await get_project_row(scope, tx, project_id)
    await tx.session.refresh(project, with_for_update={"key_share": True})
    return project


def select_members(scope: Scope, project_id: int) -> Select[MemberRow, UserRow]:
    """Select the members of a project that the caller may see, with who they are."""
    scope.check(project_id)
    return (
        select(MemberRow, UserRow)
        .join(UserRow, UserRow.id == MemberRow.user_id)
        .where(MemberRow.project_id == project_id)
        .order_by(MemberRow.created_at, MemberRow.user_id)
    )


async def get_member_row(
    scope: Scope, tx: Transaction, project_id: int, user_id: UUID
) -> tuple[MemberRow, UserRow]:
    """Get a member of a project. Raises NotFound, Forbidden."""
    statement = select_members(scope, project_id).where(MemberRow.user_id == user_id)
    found = (await tx.session.execute(statement)).one_or_none()
    if found is None:
        raise NotFound
    member, user = found
    return member, user


async def has_other_owner(scope: Scope, tx: Transaction, project_id: int, user_id: UUID) -> bool:
    """Whether somebody else who can sign in owns a project."""
    statement = (
        select_members(scope, project_id)
        .where(
            MemberRow.role == Role.OWNER.value,
            MemberRow.user_id != user_id,
            UserRow.deactivated_at.is_(None),
        )
        .limit(1)
    )
    return (await tx.session.execute(statement)).first() is not None
