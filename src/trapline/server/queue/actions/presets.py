"""Create, list, get, update and delete presets."""

from sqlalchemy import func
from sqlalchemy.exc import IntegrityError

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, Unprocessable
from trapline.server.queue.queries.pipelines import find_pipeline
from trapline.server.queue.queries.presets import PresetRow, get_preset_row, select_presets
from trapline.server.queue.rules.list_filters import PresetFilter
from trapline.wire.jobs import PRIORITIES
from trapline.wire.presets import NewPreset, Preset, PresetUpdate
from trapline.wire.values import Page


def _describe(row: PresetRow) -> Preset:
    shown = set(Preset.model_fields) - {"pipeline", "priority"}
    return Preset(
        **{field: getattr(row, field) for field in shown},
        pipeline=row.pipeline_slug,
        priority=PRIORITIES[row.priority],
    )


async def create_preset(system: AppContext, scope: Scope, new: NewPreset) -> Preset:
    """Create a preset.

    Raises:
        Unprocessable: the pipeline is not registered.
        Conflict: the name is already used.
    """
    scope.check(new.project)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Preset)
        if done:
            return done
        await _check_pipeline(scope, tx, new.project, new.pipeline)
        row = PresetRow(
            project_id=new.project,
            name=new.name,
            pipeline_slug=new.pipeline,
            description=new.description,
            parameters=new.parameters,
            priority=PRIORITIES.index(new.priority),
        )
        await _keep(tx, row)
        tx.audit("create", "preset", row.id, row.project_id, name=row.name)
        return save_response(scope, tx, _describe(row))


async def list_presets(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: PresetFilter,
    *,
    descending: bool = False,
    limit: int,
    cursor: str | None,
) -> Page[Preset]:
    """List presets by name."""
    async with system.database.transaction(scope) as tx:
        statement = select_presets(scope, project_id, wanted)
        order = [(PresetRow.name, str), (PresetRow.id, int)]
        rows, following = await fetch_page(
            tx, statement, order, descending=descending, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        found = [_describe(row) for row in rows]
        return Page(results=found, next=following, count=count, count_is_estimate=estimated)


async def get_preset(system: AppContext, scope: Scope, preset_id: int) -> Preset:
    """Get one preset.

    Raises:
        NotFound: the caller does not see such a preset.
    """
    async with system.database.transaction(scope) as tx:
        return _describe(await get_preset_row(scope, tx, preset_id))


async def update_preset(
    system: AppContext, scope: Scope, preset_id: int, change: PresetUpdate
) -> Preset:
    """Update a preset; omitted fields are kept.

    Raises:
        NotFound: the caller does not see such a preset.
        PreconditionFailed: the preset was edited since the version that the caller names.
        Unprocessable: the pipeline is not registered.
        Conflict: the name is already used.
    """
    given = change.model_dump(exclude_unset=True, mode="json")
    if empty := [name for name, value in given.items() if value is None]:
        raise Unprocessable(f"{empty[0]} cannot be empty. Nothing was changed.")
    async with system.database.transaction(scope) as tx:
        row = await get_preset_row(scope, tx, preset_id, lock=True)
        scope.check_unchanged(row.updated_at)
        values = dict(given)
        if "pipeline" in given:
            await _check_pipeline(scope, tx, row.project_id, given["pipeline"])
            row.pipeline_slug = values.pop("pipeline")
        if "priority" in given:
            row.priority = PRIORITIES.index(values.pop("priority"))
        for field, value in values.items():
            setattr(row, field, value)
        row.updated_at = func.clock_timestamp()
        await _keep(tx, row)
        tx.audit("change", "preset", row.id, row.project_id, **given)
        return _describe(row)


async def delete_preset(system: AppContext, scope: Scope, preset_id: int) -> None:
    """Delete a preset; its runs are kept.

    Raises:
        NotFound: the caller does not see such a preset.
        PreconditionFailed: the preset was edited since the version that the caller names.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_preset_row(scope, tx, preset_id, lock=True)
        scope.check_unchanged(row.updated_at)
        tx.audit("delete", "preset", row.id, row.project_id, name=row.name)
        await tx.session.delete(row)


async def _keep(tx: Transaction, row: PresetRow) -> None:
    name = row.name
    try:
        async with tx.session.begin_nested():
            tx.session.add(row)
    except IntegrityError as error:
        raise Conflict(
            f"This project has a preset named {name} already. Nothing was changed; choose another "
            "name."
        ) from error
    await tx.session.refresh(row)


async def _check_pipeline(scope: Scope, tx: Transaction, project_id: int, slug: str) -> None:
    if await find_pipeline(scope, tx, project_id, slug) is None:
        raise Unprocessable(
            f"No pipeline {slug} is registered in this project. Nothing was changed. "
            "Start a worker that offers it, or run `trapline register` where it is installed."
        )
