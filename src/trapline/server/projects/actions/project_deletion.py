"""Deleted projects: delete with the name as confirmation, restore, list."""

from datetime import UTC, datetime, timedelta

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, Unprocessable
from trapline.server.projects.actions.projects import ARCHIVED, build_projects
from trapline.server.projects.queries.project_deletion import (
    lock_deleted_project,
    pause_project,
    resume_project,
    select_deleted_projects,
)
from trapline.server.projects.queries.projects import (
    ProjectRow,
    count_images_by_project,
    get_project_row,
)
from trapline.wire.projects import Project
from trapline.wire.values import Page


def _add_purge_time(system: AppContext, project: Project) -> Project:
    assert project.deleted_at is not None
    purge_after = project.deleted_at + timedelta(seconds=system.limits.deleted_kept_s)
    return project.model_copy(update={"purge_after": purge_after})


async def delete_project(system: AppContext, scope: Scope, project_id: int, name: str) -> Project:
    """Delete a project if its name is given: hide it, and pause its sources and webhooks.

    It can be restored until the retention period is over.

    Raises:
        NotFound, Forbidden: the project does not exist, or the caller is not an owner.
        PreconditionFailed: the project was changed since it was read.
        Unprocessable: the name is another one.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_project_row(scope, tx, project_id)
        await tx.session.refresh(row, with_for_update=True)
        scope.check_unchanged(row.updated_at)
        if name != row.name:
            raise Unprocessable(
                "This is not the name of the project. Nothing was deleted. Send the exact name."
            )
        images = (await count_images_by_project(scope, tx, [row.id])).get(row.id, 0)
        row.deleted_at = row.updated_at = datetime.now(UTC)
        row.paused_with_it = (row.paused_with_it or {}) | await pause_project(scope, tx, row.id)
        tx.audit("delete", "project", row.id, row.id, name=row.name, images=images)
        # Callers are cached with their projects for half a second.
        tx.after_commit(lambda: system.known.callers.delete(lambda _: True))
        [project] = await build_projects(tx, scope, [row])
        return _add_purge_time(system, project)


async def restore_project(system: AppContext, scope: Scope, project_id: int) -> Project:
    """Restore a deleted project, and resume the sources and webhooks that were paused with it.

    Raises:
        NotFound, Forbidden: the caller does not own such a project.
        Conflict: the project is not deleted.
    """
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Project)
        if done:
            return done
        if not scope.everything and scope.sees(project_id):
            scope.check(project_id)
            raise Conflict("This project is not deleted. Nothing was changed.")
        row = await lock_deleted_project(scope, tx, project_id)
        await resume_project(scope, tx, row.id, row.paused_with_it or {})
        # A project that was archived before its deletion is archived again.
        row.paused_with_it = {
            key: ids for key, ids in (row.paused_with_it or {}).items() if key == ARCHIVED
        } or None
        row.deleted_at, row.updated_at = None, datetime.now(UTC)
        tx.audit("restore", "project", row.id, row.id, name=row.name)
        tx.after_commit(lambda: system.known.callers.delete(lambda _: True))
        await tx.session.flush()
        [project] = await build_projects(tx, scope, [row])
        return save_response(scope, tx, project, projects=[row.id])


async def list_deleted_projects(
    system: AppContext, scope: Scope, limit: int, cursor: str | None
) -> Page[Project]:
    """List the deleted projects that the caller owns."""
    async with system.database.transaction(scope) as tx:
        statement = select_deleted_projects(scope)
        rows, following = await fetch_page(
            tx, statement, [(ProjectRow.id, int)], descending=False, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        found = [
            _add_purge_time(system, project) for project in await build_projects(tx, scope, rows)
        ]
        return Page(results=found, next=following, count=count, count_is_estimate=estimated)
