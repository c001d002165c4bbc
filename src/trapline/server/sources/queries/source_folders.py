"""Queries for folders that operators granted to projects, and for folder sources."""

from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Select, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Now, Row
from trapline.server.platform.errors import NotFound
from trapline.server.projects.queries.projects import ProjectRow
from trapline.server.sources.queries.sources import SourceRow


class SourceFolderRow(Row):
    """A folder that sources of a project may read, including everything below it."""

    __tablename__ = "source_folders"
    __table_args__ = (
        ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        UniqueConstraint("project_id", "path"),
    )

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column()
    path: Mapped[str]
    granted_by: Mapped[str]
    created_at: Mapped[Now]


def select_folders(scope: Scope, project_id: int | None) -> Select[SourceFolderRow]:
    """Select the granted folders visible to the caller, of one project or of all."""
    statement = select(SourceFolderRow)
    if project_id is not None:
        scope.check(project_id)
        return statement.where(SourceFolderRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(SourceFolderRow.project_id.in_(ids))


async def list_granted_paths(scope: Scope, tx: Transaction, project_id: int) -> list[str]:
    """List the paths that are granted to a project; the project must be one of the caller's."""
    statement = select(SourceFolderRow.path).where(SourceFolderRow.project_id == project_id)
    return list((await tx.session.scalars(statement)).all())


async def get_folder(scope: Scope, tx: Transaction, folder_id: UUID) -> SourceFolderRow:
    """Get a granted folder; raises NotFound."""
    row = await tx.session.get(SourceFolderRow, folder_id, with_for_update=True)
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    return row


async def list_project_names(
    scope: Scope, tx: Transaction, project_ids: set[int]
) -> dict[int, str]:
    """Return the names of projects by ID."""
    statement = select(ProjectRow.id, ProjectRow.name).where(ProjectRow.id.in_(project_ids))
    return {
        int(project_id): str(name)
        for project_id, name in (await tx.session.execute(statement)).all()
    }


async def list_folder_sources(
    scope: Scope, tx: Transaction, project_id: int | None = None
) -> list[SourceRow]:
    """List the folder sources of one project or of all, by project and name."""
    statement = (
        select(SourceRow)
        .where(SourceRow.gateway == "folder")
        .order_by(SourceRow.project_id, SourceRow.name)
    )
    if project_id is not None:
        statement = statement.where(SourceRow.project_id == project_id)
    return list((await tx.session.scalars(statement)).all())
