"""Members of projects: select, get, lock."""

from uuid import UUID

from sqlalchemy import Select, select

from trapline.server.accounts.queries.accounts import MemberRow, UserRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import NotFound
from trapline.server.projects.queries.projects import ProjectRow, get_project_row
from trapline.wire.auth import Role


async def lock_members(scope: Scope, tx: Transaction, project_id: int) -> ProjectRow:
    """Lock the members of a project, so that concurrent changes cannot remove its last owner.

    Raises:
        NotFound, Forbidden: the caller has no access to the project.
    """
    project = await get_project_row(scope, tx, project_id)
    await tx.session.refresh(project, with_for_update={"key_share": True})
    return project


def select_members(scope: Scope, project_id: int) -> Select[MemberRow, UserRow]:
    """Select the members of a project and their users."""
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
    """Return a member of a project.

    Raises:
        NotFound, Forbidden: the member does not exist, or the caller has no access to the project.
    """
    statement = select_members(scope, project_id).where(MemberRow.user_id == user_id)
    found = (await tx.session.execute(statement)).one_or_none()
    if found is None:
        raise NotFound
    member, user = found
    return member, user


async def has_other_owner(scope: Scope, tx: Transaction, project_id: int, user_id: UUID) -> bool:
    """Return whether another active user owns a project."""
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
