"""Memberships of users: the projects that they reach and their roles in them."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.wire.auth import Role


async def list_roles(
    scope: Scope, tx: Transaction, user_id: UUID
) -> tuple[dict[int, Role], frozenset[int]]:
    """Return the role of a user in each project, and the IDs of those that are archived."""
    cursor = await tx.execute(
        "select m.project_id, m.role, p.archived_at is not null from members m join projects p on "
        "p.id = m.project_id"
        " where m.user_id = %s and p.deleted_at is null",
        (user_id,),
    )
    rows = await cursor.fetchall()
    return {project: Role(role) for project, role, _ in rows}, frozenset(
        row[0] for row in rows if row[2]
    )


async def list_memberships(
    scope: Scope, tx: Transaction, user_ids: Sequence[UUID]
) -> dict[UUID, list[tuple[int, str, Role]]]:
    """List the projects of each of these users: ID, name and role, ordered by ID."""
    cursor = await tx.execute(
        "select m.user_id, p.id, p.name, m.role from members m join projects p on p.id = "
        "m.project_id"
        " where m.user_id = any(%s) and p.deleted_at is null order by p.id",
        (list(user_ids),),
    )
    found: dict[UUID, list[tuple[int, str, Role]]] = {user: [] for user in user_ids}
    for user, project, name, role in await cursor.fetchall():
        found[user].append((project, name, Role(role)))
    return found


async def list_project_names(
    scope: Scope, tx: Transaction, project_ids: Iterable[int]
) -> dict[int, str]:
    """Return the names of these projects by ID; projects that do not exist are left out."""
    cursor = await tx.execute(
        "select id, name from projects where id = any(%s::bigint[])", (list(project_ids),)
    )
    return dict(await cursor.fetchall())


async def list_existing_projects(
    scope: Scope, tx: Transaction, project_ids: Iterable[int]
) -> list[int]:
    """Return which of these projects exist, ordered by ID, independent of the caller's scope."""
    return sorted(await list_project_names(scope, tx, project_ids))


async def lock_project(scope: Scope, tx: Transaction, project_id: int) -> bool:
    """Lock a project for a new member; return whether it exists and is not deleted."""
    cursor = await tx.execute(
        "select deleted_at is null from projects where id = %s for no key update", (project_id,)
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])
