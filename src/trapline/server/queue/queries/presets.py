"""Presets: pipelines with their parameters, by name."""

from typing import Any

from sqlalchemy import ForeignKey, Select, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import filter_by
from trapline.server.platform.db.row import Now, Number, Row
from trapline.server.platform.errors import NotFound
from trapline.server.queue.rules.list_filters import PresetFilter


class PresetRow(Row):
    """A named pipeline with parameters; it names the slug, so that the newest version runs."""

    __tablename__ = "presets"
    __table_args__ = (UniqueConstraint("project_id", "id"), UniqueConstraint("project_id", "name"))

    id: Mapped[Number]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    name: Mapped[str]
    pipeline_slug: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    priority: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[Now]
    updated_at: Mapped[Now]


async def get_preset_row(
    scope: Scope, tx: Transaction, preset_id: int, *, lock: bool = False
) -> PresetRow:
    """Get a preset.

    Raises:
        NotFound: the caller does not see it.
        Forbidden: the caller may not use it.
    """
    row = await tx.session.get(PresetRow, preset_id, with_for_update=lock or None)
    if row is None or not scope.sees(row.project_id):
        raise NotFound
    scope.check(row.project_id)
    return row


def select_presets(scope: Scope, project_id: int | None, wanted: PresetFilter) -> Select[PresetRow]:
    """Select the visible presets of one project, or of all."""
    statement = filter_by(
        select(PresetRow), ((PresetRow.name, wanted.name), (PresetRow.pipeline_slug, wanted.slug))
    )
    if project_id is not None:
        scope.check(project_id)
        return statement.where(PresetRow.project_id == project_id)
    ids = scope.project_ids()
    return statement if ids is None else statement.where(PresetRow.project_id.in_(ids))


async def list_projects_with_preset(scope: Scope, tx: Transaction, name: str) -> list[int]:
    """List the caller's projects that have a preset of this name."""
    cursor = await tx.execute(
        "select project_id from presets where name = %(name)s"
        " and (%(projects)s::bigint[] is null or project_id = any(%(projects)s)) order by 1",
        {"name": name, "projects": scope.project_ids()},
    )
    return [row[0] for row in await cursor.fetchall()]


async def list_preset_names(
    scope: Scope, tx: Transaction, project_id: int | None, limit: int
) -> list[str]:
    """List the preset names of a project, or of all of the caller's projects, in order."""
    cursor = await tx.execute(
        "select distinct name from presets where %(projects)s::bigint[] is null or project_id = "
        "any(%(projects)s) order by name limit %(limit)s",
        {"projects": scope.project_ids() if project_id is None else [project_id], "limit": limit},
    )
    return [row[0] for row in await cursor.fetchall()]
