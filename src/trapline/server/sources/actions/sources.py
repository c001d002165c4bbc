"""Create, list, update, delete, pause and resume pull sources; list their runs and files."""

import random
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from trapline.server.images.queries.deployments import get_deployment_row
from trapline.server.images.queries.locations import list_precisions
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, Forbidden
from trapline.server.sources.actions.describe_sources import (
    describe_run,
    describe_sources,
)
from trapline.server.sources.actions.gateways import (
    build_location_key,
    validate_addresses,
)
from trapline.server.sources.actions.source_folders import require_granted
from trapline.server.sources.actions.source_settings import (
    apply_settings,
    build_row,
    resolve_deployment,
)
from trapline.server.sources.queries.pull_runs import (
    find_active_run,
    get_run_row,
    has_no_run,
    interrupt_dead_run,
    interrupt_run,
    select_runs,
)
from trapline.server.sources.queries.pulled_files import reset_files, select_files
from trapline.server.sources.queries.sources import (
    PulledFileRow,
    RunRow,
    SourceRow,
    get_source_row,
    select_sources,
)
from trapline.server.sources.rules.next_run import get_next_run
from trapline.server.sources.rules.pull_policy import FIRST_RUN_AFTER
from trapline.wire.sources import (
    FileState,
    NewSource,
    PulledFile,
    PullRun,
    RetryFilesResult,
    Source,
    SourceSettings,
)
from trapline.wire.values import Page

_chance = random.Random()  # noqa: S311 - jitter needs no secure randomness


async def create_source(system: AppContext, scope: Scope, new: NewSource) -> Source:
    """Create a pull source.

    Raises:
        NotFound: the deployment or project does not exist.
        Forbidden: the caller may not create sources, or the folder is not granted.
        Conflict: the project has a source with this name.
        Unprocessable: a setting is not valid.
    """
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Source)
        if done:
            return done
        deployment = await resolve_deployment(scope, tx, new)
        if await list_precisions(scope, tx, [deployment.project_id], [deployment.id]):
            raise Forbidden(
                "The location of this deployment is withheld from your role, and with it its pull "
                "sources. Nothing was created. An owner of the project can create the source."
            )
        row = build_row(system, deployment, new)
        validate_addresses(system, row)
        await require_granted(system, scope, tx, row)
        try:
            async with tx.session.begin_nested():
                tx.session.add(row)
        except IntegrityError as error:
            raise Conflict(
                f"This project already has a pull source named {new.name}. Nothing was created."
            ) from error
        tx.audit("create", "source", row.id, row.project_id, name=row.name)
        [source] = await describe_sources(scope, tx, [row])
        return save_response(scope, tx, source)


async def list_sources(
    system: AppContext, scope: Scope, project_id: int | None, limit: int, cursor: str | None
) -> Page[Source]:
    """List active and paused pull sources by name."""
    async with system.database.transaction(scope) as tx:
        projects = None if project_id is None else [project_id]
        statement = select_sources(scope, project_id, await list_precisions(scope, tx, projects))
        order = [(SourceRow.name, str), (SourceRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=False, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        sources = await describe_sources(scope, tx, rows)
        return Page(results=sources, next=following, count=count, count_is_estimate=estimated)


async def get_source(system: AppContext, scope: Scope, source_id: UUID) -> Source:
    """Return a pull source. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        return (await describe_sources(scope, tx, [await get_source_row(scope, tx, source_id)]))[0]


async def update_source(
    system: AppContext, scope: Scope, source_id: UUID, change: SourceSettings
) -> Source:
    """Update a pull source; omitted fields keep their values.

    Raises:
        NotFound: the source does not exist.
        Forbidden: the caller may not change sources, or the folder is not granted.
        PreconditionFailed: the source was changed since the caller read it.
        Conflict: the project has another source with the new name.
        Unprocessable: a setting is not valid.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_source_row(scope, tx, source_id, lock=True)
        scope.check_unchanged(row.updated_at)
        before = build_location_key(row)
        apply_settings(system, row, change)
        if change.model_fields_set & {"base_url", "options"}:
            validate_addresses(system, row)
            await require_granted(system, scope, tx, row)
        if build_location_key(row) != before:
            # Paths, sizes and ETags are valid for one location only. The current run is interrupted
            # because it could still record files of the old location.
            await interrupt_run(
                scope,
                tx,
                row.id,
                "the location of the source was changed; the next run uses the new one",
            )
            row.not_before = None
            row.moved_at = (await tx.session.execute(select(func.clock_timestamp()))).scalar_one()
        await _reschedule(scope, tx, row)
        try:
            await tx.session.flush()
        except IntegrityError as error:
            raise Conflict(
                "Another pull source of this project has this name. Nothing was changed."
            ) from error
        tx.audit("change", "source", row.id, row.project_id, fields=sorted(change.model_fields_set))
        [source] = await describe_sources(scope, tx, [row])
    return source


async def toggle_source(
    system: AppContext, scope: Scope, source_id: UUID, is_active: bool | None
) -> Source:
    """Pause or resume a source; if `is_active` is None, toggle it. Raises NotFound, Forbidden."""
    async with system.database.transaction(scope) as tx:
        row = await get_source_row(scope, tx, source_id, lock=True)
        scope.check_unchanged(row.updated_at)
        row.is_active = not row.is_active if is_active is None else is_active
        if row.is_active:
            await require_granted(system, scope, tx, row)
        await _reschedule(scope, tx, row)
        tx.audit("resume" if row.is_active else "pause", "source", row.id, row.project_id)
        [source] = await describe_sources(scope, tx, [row])
    return source


async def _reschedule(scope: Scope, tx: Transaction, row: SourceRow) -> None:
    deployment = await get_deployment_row(scope, tx, row.deployment_id)
    now = datetime.now(UTC)
    row.next_run_at = get_next_run(row.schedule, ZoneInfo(deployment.time_zone), now, _chance)
    if await has_no_run(scope, tx, row.id):
        row.next_run_at = min(row.next_run_at, now + FIRST_RUN_AFTER)
    row.updated_at = now


async def delete_source(system: AppContext, scope: Scope, source_id: UUID) -> None:
    """Delete a source with its file records; its images are kept.

    Raises:
        NotFound: the source does not exist.
        Forbidden: the caller may not delete sources.
        Conflict: a run of the source is in progress.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_source_row(scope, tx, source_id, lock=True)
        scope.check_unchanged(row.updated_at)
        await interrupt_dead_run(scope, tx, row.id, or_untaken=True)
        if await find_active_run(scope, tx, row.id) is not None:
            raise Conflict(
                "A run of this source is in progress. Nothing was deleted. "
                "Pause the source and delete it after the run has ended."
            )
        tx.audit("delete", "source", row.id, row.project_id, name=row.name)
        await tx.session.delete(row)


async def list_runs(
    system: AppContext, scope: Scope, source_id: UUID, limit: int, cursor: str | None
) -> Page[PullRun]:
    """List the runs of a source, newest first. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        source = await get_source_row(scope, tx, source_id)
        await interrupt_dead_run(scope, tx, source.id)
        statement = select_runs(scope, source)
        order = [(RunRow.started_at, datetime), (RunRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=True, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
    return Page(
        results=[describe_run(row) for row in rows],
        next=following,
        count=count,
        count_is_estimate=estimated,
    )


async def get_run(system: AppContext, scope: Scope, source_id: UUID, run_id: UUID) -> PullRun:
    """Return a run of a source. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        return describe_run(await get_run_row(scope, tx, source_id, run_id))


async def list_files(
    system: AppContext,
    scope: Scope,
    source_id: UUID,
    state: FileState | None,
    limit: int,
    cursor: str | None,
) -> Page[PulledFile]:
    """List the files of a source by path. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        statement = select_files(
            scope, await get_source_row(scope, tx, source_id), state.value if state else None
        )
        rows, following = await fetch_page(
            tx, statement, [(PulledFileRow.path, str)], descending=False, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
    files = [
        PulledFile(**{name: getattr(row, name) for name in PulledFile.model_fields}) for row in rows
    ]
    return Page(results=files, next=following, count=count, count_is_estimate=estimated)


async def retry_files(
    system: AppContext, scope: Scope, source_id: UUID, path: str | None = None
) -> RetryFilesResult:
    """Retry failed and quarantined files, or the one at `path`, in the next run.

    Raises NotFound, Forbidden.
    """
    async with system.database.transaction(scope) as tx:
        source = await get_source_row(scope, tx, source_id)
        released = await reset_files(scope, tx, source, path)
        tx.audit("retry", "source", source.id, source.project_id, files=released)
    return RetryFilesResult(files=released)
