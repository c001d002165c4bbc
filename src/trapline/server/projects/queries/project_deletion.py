"""Deleted projects: in nobody's scope, kept for a while, then gone with everything in them."""

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
"""Tables of what goes on by itself, and pauses with its project."""

RESUMED_WITHIN_S = 60.0
"""Sources that became due while their project was archived are polled within this time, not all together."""


def select_deleted_projects(scope: Scope) -> Select[ProjectRow]:
    """Select the deleted projects that the caller owns.

    A token for some projects sees none: they are in no scope.
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
    """Lock a deleted project that the caller owns. Raises NotFound."""
    statement = select_deleted_projects(scope).where(ProjectRow.id == project_id).with_for_update()
    row = (await tx.session.scalars(statement)).one_or_none()
    if row is None:
        raise NotFound
    return row


async def pause_project(
    scope: Scope, tx: Transaction, project_id: int, tables: Sequence[str] = PAUSED
) -> dict[str, list[str]]:
    """Pause every source and webhook of a project; answers which were not paused before."""
    paused = {}
    for table in tables:
        cursor = await tx.execute(
            f"update {table} set is_active = false, updated_at = clock_timestamp()"  # noqa: S608 - one of ours
            " where project_id = %s and is_active returning id",
            (project_id,),
        )
        paused[table] = [str(row[0]) for row in await cursor.fetchall()]
    return paused


async def resume_project(
    scope: Scope, tx: Transaction, project_id: int, paused: dict[str, list[str]]
) -> None:
    """Resume what was paused with a project.

    Sources that became due meanwhile are polled within `RESUMED_WITHIN_S`, each at a random time.
    """
    for table in PAUSED:
        await tx.execute(
            f"update {table} set is_active = true, updated_at = clock_timestamp()"  # noqa: S608 - one of ours
            " where project_id = %s and id = any(%s)",
            (project_id, [UUID(one) for one in paused.get(table, [])]),
        )
    await tx.execute(
        "update pull_sources set next_run_at = now() + random() * make_interval(secs => %s)"
        " where project_id = %s and id = any(%s) and next_run_at < now() + make_interval(secs => %s)",
        (
            RESUMED_WITHIN_S,
            project_id,
            [UUID(one) for one in paused.get("pull_sources", [])],
            RESUMED_WITHIN_S,
        ),
    )
