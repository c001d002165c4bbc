"""Saved views: named filters of the images of a project."""

from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Integer, Select, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Key, Now, Row
from trapline.server.platform.errors import NotFound


class SavedViewRow(Row):
    """A filter of images under a name; `conditions` are a `ViewConditions` without its nulls."""

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: Mapped[Key]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str]
    conditions: Mapped[dict[str, Any]]
    list_order: Mapped[str]
    seed: Mapped[int] = mapped_column(Integer)
    created_by: Mapped[str]
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


async def get_saved_view_row(
    scope: Scope, tx: Transaction, view_id: UUID, *, lock: bool = False
) -> SavedViewRow:
    """Get a saved view.

    Raises:
        NotFound: the caller does not see it.
        Forbidden: the caller may not use it.
    """
    statement = select_saved_views(scope, None).where(SavedViewRow.id == view_id)
    if lock:
        statement = statement.with_for_update()
    row = (await tx.session.scalars(statement)).one_or_none()
    if row is None:
        raise NotFound
    scope.check(row.project_id)
    return row


def select_saved_views(scope: Scope, project_id: int | None) -> Select[SavedViewRow]:
    """Select the visible saved views of one project, or of all."""
    statement = select(SavedViewRow)
    if project_id is not None:
        scope.check(project_id)
        return statement.where(SavedViewRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(SavedViewRow.project_id.in_(ids))


async def count_saved_views(scope: Scope, tx: Transaction, project_id: int) -> int:
    """Count the saved views of a project; another request that counts them waits."""
    scope.check(project_id)
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended('saved views', %s))", (project_id,)
    )
    counted = select(func.count()).where(SavedViewRow.project_id == project_id)
    return int((await tx.session.execute(counted)).scalar_one())
