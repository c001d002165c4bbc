"""Projects: what owns everything else."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.db.base import Transaction
from trapline.server.db.images import ImageRow
from trapline.server.db.row import Now, Number, Row
from trapline.server.errors import NotFound
from trapline.server.rules.access import Scope


class ProjectRow(Row):
    """A project; `last_leased_at` is when a task of it went out while another job waited: whose turn it was."""

    __tablename__ = "projects"

    id: Mapped[Number]
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    automatic_pipeline: Mapped[str | None]
    sequence_gap_s: Mapped[int] = mapped_column(default=120)
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
    archived_at: Mapped[datetime | None]
    last_leased_at: Mapped[datetime | None]


async def get_project(scope: Scope, tx: Transaction, project_id: int) -> ProjectRow:
    """Get a project that the caller may touch; raises NotFound or Forbidden."""
    scope.check(project_id)
    row = await tx.session.get(ProjectRow, project_id)
    if row is None:
        raise NotFound
    return row


def select_projects(scope: Scope) -> Select[ProjectRow]:
    """Select the projects that the caller sees."""
    ids = scope.project_ids()
    statement = select(ProjectRow)
    return statement if ids is None else statement.where(ProjectRow.id.in_(ids))


async def count_images_by_project(scope: Scope, tx: Transaction, project_ids: list[int]) -> dict[int, int]:
    """Count the images of each of these projects."""
    statement = (
        select(ImageRow.project_id, func.count())
        .where(ImageRow.project_id.in_(project_ids))
        .group_by(ImageRow.project_id)
    )
    return {project: count for project, count in (await tx.session.execute(statement)).all()}


async def list_existing(scope: Scope, tx: Transaction, project_ids: Sequence[int]) -> list[int]:
    """List which of these projects are still there, whoever asks."""
    cursor = await tx.execute("select id from projects where id = any(%s) order by 1", (list(project_ids),))
    return [row[0] for row in await cursor.fetchall()]


async def list_names(scope: Scope, tx: Transaction) -> dict[int, str]:
    """List the names of the projects that the caller sees."""
    rows = (await tx.session.scalars(select_projects(scope))).all()
    return {row.id: row.name for row in rows}
