"""Projects, which own all other data: the table and its queries."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Select, select, text
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Now, Number, Row
from trapline.server.platform.errors import NotFound


class ProjectRow(Row):
    """A project.

    `last_leased_at` is the last time that a task of it was leased while another job waited; the
    lease order uses it. A project with `deleted_at` is in no caller's scope. `paused_with_it` holds
    the sources and webhooks to resume when the project is restored, and under ARCHIVED the sources
    to resume when it is unarchived. public/queries/public_projects selects the visible data of a
    `public` project.
    """

    __tablename__ = "projects"
    __table_args__ = (
        Index("ix_projects_deleted", "deleted_at", postgresql_where=text("deleted_at is not null")),
    )

    id: Mapped[Number]
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    automatic_pipeline: Mapped[str | None]
    sequence_gap_s: Mapped[int] = mapped_column(default=120)
    created_at: Mapped[Now]
    updated_at: Mapped[Now]
    archived_at: Mapped[datetime | None]
    last_leased_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    paused_with_it: Mapped[dict[str, Any] | None]
    public: Mapped[bool] = mapped_column(default=False, server_default="false")
    shapes: Mapped[list[str]] = mapped_column(server_default="{box}")
    observation_set_id: Mapped[int | None]
    """The observations that readers see; null until the first one is derived."""


async def get_project_row(scope: Scope, tx: Transaction, project_id: int) -> ProjectRow:
    """Return a project.

    Raises:
        NotFound, Forbidden: the project does not exist, or the caller has no access to it.
    """
    scope.check(project_id)
    row = await tx.session.get(ProjectRow, project_id)
    if row is None or row.deleted_at is not None:
        raise NotFound
    return row


async def is_archived(scope: Scope, tx: Transaction, project_id: int) -> bool:
    """Return whether a project is archived or deleted, so that nothing in it changes."""
    scope.check(project_id)
    query = "select archived_at is not null or deleted_at is not null from projects where id = %s"
    row = await (await tx.execute(query, (project_id,))).fetchone()
    return row is None or bool(row[0])


def select_projects(scope: Scope, *, only_open: bool = False) -> Select[ProjectRow]:
    """Select the caller's projects; with `only_open` only those that are not archived."""
    ids = scope.open_project_ids() if only_open else scope.project_ids()
    statement = select(ProjectRow)
    return statement if ids is None else statement.where(ProjectRow.id.in_(ids))


async def count_images_by_project(
    scope: Scope, tx: Transaction, project_ids: list[int]
) -> dict[int, int]:
    """Count the images of each of these projects."""
    cursor = await tx.execute(
        """
        select p.id, (select count(*) from images i where i.project_id = p.id)
            - (select count(*) from images i where i.project_id = p.id and i.deleted_at is not null)
        from projects p where p.id = any(%s)
        """,
        (project_ids,),
    )
    return {project: count for project, count in await cursor.fetchall()}
