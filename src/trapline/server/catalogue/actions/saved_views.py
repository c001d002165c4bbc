"""Create, list, get, update and delete saved views."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.catalogue.queries.condition_targets import find_missing_condition
from trapline.server.catalogue.queries.saved_views import (
    SavedViewRow,
    count_saved_views,
    get_saved_view_row,
    select_saved_views,
)
from trapline.server.platform.access import RANK, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, NotFound, Unprocessable
from trapline.server.review.rules.identifications import can_see_people
from trapline.wire.auth import Role
from trapline.wire.images import ImageOrder
from trapline.wire.saved_views import NewSavedView, SavedView, SavedViewUpdate, ViewConditions
from trapline.wire.values import Page

MOST_VIEWS = 200
"""Maximum number of saved views of a project."""


async def create_saved_view(system: AppContext, scope: Scope, new: NewSavedView) -> SavedView:
    """Create a saved view.

    Raises:
        Conflict: the name is already used, or the project has too many saved views.
        NotFound: the filter names something that is not in the project.
    """
    scope.check(new.project)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, SavedView)
        if done:
            return done
        if await count_saved_views(scope, tx, new.project) >= MOST_VIEWS:
            raise Conflict(
                f"This project has {MOST_VIEWS} saved views already. Nothing was created; delete "
                "one that is no longer used."
            )
        await _require_existing(scope, tx, new.project, new.filter)
        row = SavedViewRow(
            project_id=new.project,
            name=new.name,
            conditions=_dump(new.filter),
            list_order=new.order.value,
            seed=new.seed,
            created_by=scope.person,
        )
        await _store(tx, row)
        tx.audit("create", "saved_view", row.id, row.project_id, name=row.name)
        return save_response(scope, tx, await _build_one(scope, tx, row))


async def list_saved_views(
    system: AppContext, scope: Scope, project_id: int | None, *, limit: int, cursor: str | None
) -> Page[SavedView]:
    """List saved views by name."""
    async with system.database.transaction(scope) as tx:
        statement = select_saved_views(scope, project_id)
        order = [(SavedViewRow.name, str), (SavedViewRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=False, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        people = await list_actor_names(scope, tx, [row.created_by for row in rows])
        found = [_build(scope, row, people) for row in rows]
    return Page(results=found, next=following, count=count, count_is_estimate=estimated)


async def get_saved_view(system: AppContext, scope: Scope, view_id: UUID) -> SavedView:
    """Get one saved view. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        return await _build_one(scope, tx, await get_saved_view_row(scope, tx, view_id))


async def update_saved_view(
    system: AppContext, scope: Scope, view_id: UUID, change: SavedViewUpdate
) -> SavedView:
    """Update a saved view; omitted fields are kept.

    Raises:
        NotFound: the caller does not see such a saved view.
        Forbidden: another user created it, and the caller does not manage the project.
        PreconditionFailed: it was edited since the version that the caller names.
        Conflict: the name is already used.
    """
    given = change.model_fields_set
    if empty := [name for name in sorted(given) if getattr(change, name) is None]:
        raise Unprocessable(f"{empty[0]} cannot be empty. Nothing was changed.")
    async with system.database.transaction(scope) as tx:
        row = await _get_own_row(scope, tx, view_id)
        if change.name is not None:
            row.name = change.name
        if change.filter is not None:
            await _require_existing(scope, tx, row.project_id, change.filter)
            row.conditions = _dump(change.filter)
        if change.order is not None:
            row.list_order = change.order.value
        if change.seed is not None:
            row.seed = change.seed
        row.updated_at = func.clock_timestamp()
        await _store(tx, row)
        tx.audit(
            "change",
            "saved_view",
            row.id,
            row.project_id,
            **change.model_dump(mode="json", exclude_none=True),
        )
        return await _build_one(scope, tx, row)


async def delete_saved_view(system: AppContext, scope: Scope, view_id: UUID) -> None:
    """Delete a saved view.

    Raises:
        NotFound: the caller does not see such a saved view.
        Forbidden: another user created it, and the caller does not manage the project.
        PreconditionFailed: it was edited since the version that the caller names.
    """
    async with system.database.transaction(scope) as tx:
        row = await _get_own_row(scope, tx, view_id)
        tx.audit("delete", "saved_view", row.id, row.project_id, name=row.name)
        await tx.session.delete(row)


async def _get_own_row(scope: Scope, tx: Transaction, view_id: UUID) -> SavedViewRow:
    """Get and lock a saved view that the caller may change."""
    row = await get_saved_view_row(scope, tx, view_id, lock=True)
    if row.created_by != scope.person:
        scope.check(row.project_id, Role.MANAGER)
    scope.check_unchanged(row.updated_at)
    return row


async def _require_existing(
    scope: Scope, tx: Transaction, project_id: int, conditions: ViewConditions
) -> None:
    """Raise NotFound if a condition names something that is not in the project."""
    missing = await find_missing_condition(scope, tx, project_id, conditions)
    if missing is not None:
        raise NotFound(
            f"filter.{missing}: not found in this project, or you have no access to it. "
            "Nothing was stored."
        )


def _dump(conditions: ViewConditions) -> dict[str, Any]:
    return conditions.model_dump(mode="json", exclude_defaults=True)


async def _store(tx: Transaction, row: SavedViewRow) -> None:
    name = row.name
    try:
        async with tx.session.begin_nested():
            tx.session.add(row)
    except IntegrityError as error:
        raise Conflict(
            f"This project has a saved view named {name} already. Nothing was changed; choose "
            "another name."
        ) from error
    await tx.session.refresh(row)


async def _build_one(scope: Scope, tx: Transaction, row: SavedViewRow) -> SavedView:
    return _build(scope, row, await list_actor_names(scope, tx, [row.created_by]))


def _build(scope: Scope, row: SavedViewRow, people: Mapping[str | None, str]) -> SavedView:
    role = scope.roles.get(row.project_id)
    least = Role.REVIEWER if row.created_by == scope.person else Role.MANAGER
    return SavedView(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        filter=ViewConditions.model_validate(row.conditions),
        order=ImageOrder(row.list_order),
        seed=row.seed,
        created_by=people.get(row.created_by) if can_see_people(scope) else None,
        can_change=role is not None and RANK[role] >= RANK[least],
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
