"""Projects: create, list, get, update."""

from datetime import UTC, datetime

from trapline.server.accounts.queries.accounts import MemberRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Forbidden, ProjectArchived
from trapline.server.projects.hooks import project_created, project_updated
from trapline.server.projects.queries.project_deletion import pause_project, resume_project
from trapline.server.projects.queries.projects import (
    ProjectRow,
    count_images_by_project,
    get_project_row,
    select_projects,
)
from trapline.wire.auth import Role, TokenKind
from trapline.wire.projects import DrawnShapeKind, NewProject, Project, ProjectUpdate
from trapline.wire.values import Page

ARCHIVED = "archived"
"""Key in `paused_with_it` of the sources that are paused while a project is archived."""


async def build_projects(tx: Transaction, scope: Scope, rows: list[ProjectRow]) -> list[Project]:
    """Build the responses for projects, with the caller's role in each."""
    images = await count_images_by_project(scope, tx, [row.id for row in rows])
    return [
        Project(
            id=row.id,
            name=row.name,
            description=row.description,
            role=scope.roles.get(row.id) if scope.kind in (None, "user") else None,
            automatic_pipeline=row.automatic_pipeline,
            sequence_gap_s=row.sequence_gap_s,
            public=row.public,
            shapes=[DrawnShapeKind(one) for one in row.shapes],
            images=images.get(row.id, 0),
            created_at=row.created_at,
            updated_at=row.updated_at,
            archived_at=row.archived_at,
            deleted_at=row.deleted_at,
        )
        for row in rows
    ]


async def create_project(system: AppContext, scope: Scope, new: NewProject) -> Project:
    """Create a project with a default deployment; the caller becomes its owner.

    Raises:
        Forbidden: the caller cannot create projects.
    """
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Project)
        if done:
            return done
        if scope.user_id is None and not scope.everything:
            raise Forbidden("Only a user can own a project. No project was created.")
        if scope.is_limited:
            raise Forbidden(
                "This API token is limited to some projects and cannot create others. No project "
                "was created."
            )
        if not system.may_create_projects(scope):
            raise Forbidden(
                "Only operators create projects here (TRAPLINE_PROJECT_CREATION). No project was "
                "created. Ask an operator of this Trapline to create the project and to add you as "
                "its owner."
            )
        row = ProjectRow(name=new.name, description=new.description)
        tx.session.add(row)
        await tx.session.flush()
        if scope.user_id is not None:
            tx.session.add(
                MemberRow(project_id=row.id, user_id=scope.user_id, role=Role.OWNER.value)
            )
        for create_parts in project_created:
            await create_parts(system, tx, row.id)
        await tx.session.refresh(row)
        tx.audit("create", "project", row.id, row.id, name=row.name)
        # Cached tokens for all projects do not have this one yet.
        tx.after_commit(lambda: system.known.callers.delete(lambda _: True))
        [project] = await build_projects(tx, scope, [row])
        return save_response(
            scope, tx, project.model_copy(update={"role": Role.OWNER}), projects=[row.id]
        )


async def list_projects(
    system: AppContext, scope: Scope, limit: int, cursor: str | None
) -> Page[Project]:
    """List the caller's projects in the order of creation; workers get no archived projects."""
    async with system.database.transaction(scope) as tx:
        statement = select_projects(scope, only_open=scope.kind == TokenKind.WORKER)
        rows, following = await fetch_page(
            tx, statement, [(ProjectRow.id, int)], descending=False, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        return Page(
            results=await build_projects(tx, scope, rows),
            next=following,
            count=count,
            count_is_estimate=estimated,
        )


async def get_project(system: AppContext, scope: Scope, project_id: int) -> Project:
    """Return one project.

    Raises:
        NotFound: the project does not exist, or the caller has no access to it.
    """
    async with system.database.transaction(scope) as tx:
        [project] = await build_projects(tx, scope, [await get_project_row(scope, tx, project_id)])
        return project


async def update_project(
    system: AppContext, scope: Scope, project_id: int, change: ProjectUpdate
) -> Project:
    """Update a project; omitted fields keep their values.

    An archived project has its sources paused, and can be changed only in the request that
    unarchives it.

    Raises:
        NotFound, Forbidden: the project does not exist, or the caller is not an owner.
        PreconditionFailed: the project was changed since it was read.
        ProjectArchived: the project is archived.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_project_row(scope, tx, project_id)
        await tx.session.refresh(row, with_for_update=True)
        scope.check_unchanged(row.updated_at)
        given = change.model_dump(mode="json", exclude_unset=True)
        archived = given.pop("archived", None)
        if row.archived_at is not None and given and archived is not False:
            raise ProjectArchived
        if archived is not None:
            await _archive(scope, tx, row, archived)
            # Callers are cached with their projects for half a second.
            tx.after_commit(lambda: system.known.callers.delete(lambda _: True))
        changed = {
            field: value
            for field, value in given.items()
            if (value is not None or field == "automatic_pipeline") and value != getattr(row, field)
        }
        for field, value in changed.items():
            setattr(row, field, value)
        row.updated_at = datetime.now(UTC)
        for apply_update in project_updated:
            await apply_update(scope, tx, row.id, frozenset(changed))
        visibility = {"public": row.public} if given.get("public") is not None else {}
        tx.audit(
            "change",
            "project",
            row.id,
            row.id,
            fields=sorted(change.model_fields_set),
            **visibility,
        )
        [project] = await build_projects(tx, scope, [row])
        return project


async def _archive(scope: Scope, tx: Transaction, row: ProjectRow, archived: bool) -> None:
    """Archive a project and pause its sources, or unarchive it and resume them."""
    if archived and row.archived_at is None:
        row.archived_at = datetime.now(UTC)
        paused = await pause_project(scope, tx, row.id, ["pull_sources"])
        row.paused_with_it = {ARCHIVED: paused["pull_sources"]}
    elif not archived and row.archived_at is not None:
        await resume_project(
            scope, tx, row.id, {"pull_sources": (row.paused_with_it or {}).get(ARCHIVED, [])}
        )
        row.archived_at = row.paused_with_it = None
