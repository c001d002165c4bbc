"""Deleted projects: hidden from all scopes, restored or purged later."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select

from trapline.server.accounts.queries.accounts import MemberRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import NotFound
from trapline.server.projects.queries.projects import ProjectRow
from trapline.wire.auth import Role

PAUSED = ("pull_sources", "webhooks")
"""Tables whose rows are paused with their project."""

RESUMED_WITHIN_S = 60.0
"""Time over which the overdue sources of a resumed project are polled."""


def select_deleted_projects(scope: Scope) -> Select[ProjectRow]:
    """Select the deleted projects that the caller owns.

    A token that is limited to some projects gets none.
    """
    statement = select(ProjectRow).where(ProjectRow.deleted_at.is_not(None))
    if scope.everything:
        return statement
    owned = select(MemberRow.project_id).where(
        MemberRow.user_id == (None if scope.is_limited else scope.user_id),
        MemberRow.role == Role.OWNER.value,
    )
    return statement.where(ProjectRow.id.in_(owned))


async def lock_deleted_project(scope: Scope, tx: Transaction, project_id: int) -> ProjectRow:
    """Lock a deleted project that the caller owns.

    Raises:
        NotFound: the caller owns no such project.
    """
    statement = select_deleted_projects(scope).where(ProjectRow.id == project_id).with_for_update()
    row = (await tx.session.scalars(statement)).one_or_none()
    if row is None:
        raise NotFound
    return row


async def pause_project(
    scope: Scope, tx: Transaction, project_id: int, tables: Sequence[str] = PAUSED
) -> dict[str, list[str]]:
    """Pause the active sources and webhooks of a project; return their IDs by table."""
    paused = {}
    for table in tables:
        cursor = await tx.execute(
            f"update {table} set is_active = false, updated_at = clock_timestamp()"  # noqa: S608
            " where project_id = %s and is_active returning id",
            (project_id,),
        )
        paused[table] = [str(row[0]) for row in await cursor.fetchall()]
    return paused


async def resume_project(
    scope: Scope, tx: Transaction, project_id: int, paused: dict[str, list[str]]
) -> None:
    """Resume the sources and webhooks that were paused with a project.

    Sources that became due meanwhile are polled within `RESUMED_WITHIN_S`, each at a random time.
    """
    for table in PAUSED:
        await tx.execute(
            f"update {table} set is_active = true, updated_at = clock_timestamp()"  # noqa: S608
            " where project_id = %s and id = any(%s)",
            (project_id, [UUID(one) for one in paused.get(table, [])]),
        )
    await tx.execute(
        "update pull_sources set next_run_at = now() + random() * make_interval(secs => %s)"
        " where project_id = %s and id = any(%s) and next_run_at < now() + make_interval(secs => "
        "%s)",
        (
            RESUMED_WITHIN_S,
            project_id,
            [UUID(one) for one in paused.get("pull_sources", [])],
            RESUMED_WITHIN_S,
        ),
    )
