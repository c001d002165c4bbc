"""Create, list, download, cancel, delete, resume and expire exports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.exports.actions.export_attempt import (
    FILES_KEPT_S,
    STILL_FOR_S,
    delete_folder,
    list_folders,
)
from trapline.server.exports.actions.export_locations import (
    WITHHELD_ISSUE,
    choose_audience,
    list_unreadable_exports,
)
from trapline.server.exports.formats.export_formats import FORMATS, build_file_name
from trapline.server.exports.queries.exports import (
    EXPORT_WORK,
    ExportFilterSummary,
    ExportRow,
    count_deleted,
    count_existing_images,
    expire_exports,
    get_export_row,
    list_active_exports,
    list_deployment_names,
    list_filters,
    list_project_names,
    list_stalled_exports,
    purge_unfinished_images,
    select_exports,
)
from trapline.server.exports.rules.filters import ExportFilter
from trapline.server.images.actions.image_import import require_disk_space
from trapline.server.images.queries.deployments import get_deployment_row
from trapline.server.images.queries.image_deletion import discard_files
from trapline.server.images.queries.locations import list_precisions
from trapline.server.images.queries.sequences import get_sequence_row
from trapline.server.images.rules.locations import get_shown_name
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.background_tasks import EXPORTS, enqueue_background_task
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, Forbidden, NotFound, Unprocessable
from trapline.server.projects.actions.concurrency_limits import require_capacity
from trapline.server.projects.queries.projects import get_project_row
from trapline.server.queue.queries.jobs import get_job_row
from trapline.server.review.queries.observations import is_known_reviewer
from trapline.server.review.queries.taxa import get_taxon_row
from trapline.wire.exports import (
    LIVE,
    Export,
    ExportFormat,
    ExportProblem,
    ExportSelection,
    ExportState,
    NewExport,
)
from trapline.wire.values import Page

log = structlog.get_logger(__name__)

BUILD = "build_export"
BATCH, HELD_BATCH = 100, 10_000


async def create_export(system: AppContext, scope: Scope, new: NewExport) -> Export:
    """Create an export, which a background task builds.

    Raises:
        NotFound: the selection names something that is not in the project.
        Unprocessable: the format needs a package that is not installed.
        Conflict: too many exports of the project are queued or running.
    """
    scope.check(new.project)
    if lack := FORMATS[new.format].find_missing_dependency():
        raise Unprocessable(f"format: {lack} Nothing was stored.")
    await require_disk_space(system)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Export)
        if done:
            return done
        await get_project_row(scope, tx, new.project)
        await _check_selection(scope, tx, new.project, new.selection)
        await require_capacity(scope, tx, EXPORT_WORK, new.project)
        row = ExportRow(
            project_id=new.project,
            format=new.format.value,
            selection=new.selection.model_dump(mode="json", exclude_unset=True),
            options=new.options.model_dump(mode="json", exclude_unset=True, exclude_none=True),
            content=new.content.value,
            audience=choose_audience(new.format, new.audience and new.audience.value),
            requested_by=scope.person,
        )
        tx.session.add(row)
        await tx.session.flush()
        await tx.session.refresh(row)
        await enqueue_background_task(scope, tx, BUILD, queue=EXPORTS, export_id=row.id)
        chosen = dict(row.selection)
        named = len(chosen.pop("images", ()))
        more = {"named_images": named} if named else {}
        tx.audit(
            "export", "export", row.id, row.project_id, format=row.format, selection=chosen, **more
        )
        [export] = await _describe(scope, tx, [row])
        return save_response(scope, tx, export)


async def _check_selection(
    scope: Scope, tx: Transaction, project_id: int, chosen: ExportSelection
) -> None:
    """Raise NotFound if the selection names something that is not in the project."""
    for name, getting in (
        *(("deployment", get_deployment_row(scope, tx, one)) for one in chosen.deployments),
        ("taxon", chosen.taxon and get_taxon_row(scope, tx, chosen.taxon)),
        ("job", chosen.job and get_job_row(scope, tx, chosen.job)),
        *(("sequence", get_sequence_row(scope, tx, one)) for one in chosen.sequences),
    ):
        if getting and await _find_project(getting) != project_id:
            raise _missing(name)
    if chosen.identified_by and not await is_known_reviewer(
        scope, tx, project_id, chosen.identified_by
    ):
        raise _missing("identified_by")
    if chosen.images and await count_existing_images(scope, tx, project_id, chosen.images) < len(
        set(chosen.images)
    ):
        raise _missing("images")


async def _find_project(getting: Awaitable[Any]) -> int | None:
    try:
        return int((await getting).project_id)
    except NotFound:
        return None


def _missing(name: str) -> NotFound:
    return NotFound(
        f"selection.{name}: not found in this project, or you have no access to it. "
        "Nothing was stored."
    )


async def list_exports(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: ExportFilter,
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
) -> Page[Export]:
    """List exports by creation time."""
    async with system.database.transaction(scope) as tx:
        statement = select_exports(scope, project_id, wanted)
        order = [(ExportRow.created_at, datetime), (ExportRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=descending, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        filters = await list_filters(scope, tx, [row.id for row in rows])
        # An export may have been deleted since the page was read.
        results = await _describe(scope, tx, [row for row in rows if row.id in filters], filters)
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


async def get_export(system: AppContext, scope: Scope, export_id: UUID) -> Export:
    """Return one export. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        [export] = await _describe(scope, tx, [await get_export_row(scope, tx, export_id)])
    return export


@dataclass(frozen=True)
class ExportFile:
    """The stored file of an export; `sha256` is in hexadecimal."""

    key: str
    filename: str
    media_type: str
    size: int
    sha256: str


_WHY_NOT = {
    ExportState.QUEUED: "The export is queued: wait until it is ready.",
    ExportState.GATHERING: "The export is being created: wait until it is ready.",
    ExportState.WRITING: "The export is being created: wait until it is ready.",
    ExportState.INVALID: (
        "The export is not valid in its format; `problems` lists the reasons. "
        "Correct them, and export again."
    ),
    ExportState.FAILED: "The export failed; `error` gives the reason. Export again.",
    ExportState.CANCELED: "The export was canceled. Export again.",
    ExportState.EXPIRED: "The export expired, and its file was deleted. Export again.",
}


async def get_export_file(system: AppContext, scope: Scope, export_id: UUID) -> ExportFile:
    """Return the file of an export, and record the download in the audit log.

    A client that downloads a file in parts is recorded once in a few minutes.

    Raises:
        NotFound: the export does not exist.
        Conflict: the export has no file.
        Forbidden: it shows locations more exactly than the caller may see them.
    """
    origin = scope.origin
    async with system.database.transaction(scope) as tx:
        row = await get_export_row(scope, tx, export_id)
        if row.state != ExportState.READY:
            raise Conflict(_WHY_NOT[ExportState(row.state)])
        if await list_unreadable_exports(scope, tx, [row]):
            raise Forbidden(
                "This export shows locations of sensitive taxa more exactly than your role may see "
                "them. Export again: the new file shows what your role sees."
            )
        assert row.storage_key is not None
        assert row.sha256 is not None
        if await system.store.find_size(row.storage_key) != row.size_bytes:
            raise Conflict("The file of the export is not in the store. Export again.")
        project = await get_project_row(scope, tx, row.project_id)
        known = (scope.actor, row.storage_key, origin.address)
        if not system.known.downloads.get(known):
            tx.audit("download", "export", row.id, row.project_id, format=row.format)
            tx.after_commit(lambda: system.known.downloads.keep(known, True))
        kind = FORMATS[ExportFormat(row.format)].find_kind(row.options)
        return ExportFile(
            key=row.storage_key,
            filename=build_file_name(project.name, row.created_at, kind[0]),
            media_type=kind[1],
            size=row.size_bytes or 0,
            sha256=row.sha256.hex(),
        )


def read_export_file(
    system: AppContext, file: ExportFile, first: int, length: int
) -> AsyncIterator[bytes]:
    """Read a part of the file of an export."""
    return system.store.open(file.key, first, length)


async def cancel_export(system: AppContext, scope: Scope, export_id: UUID) -> Export:
    """Cancel an export that is not finished; a canceled export is left unchanged.

    Raises NotFound, Conflict.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_export_row(scope, tx, export_id, lock=True)
        if row.state in LIVE:
            row.state = ExportState.CANCELED.value
            await _discard_file(scope, tx, row)
            row.finished_at = row.updated_at = func.clock_timestamp()
            await tx.session.flush()
            await tx.session.refresh(row)
        elif row.state != ExportState.CANCELED:
            raise Conflict(
                f"The export is {row.state}: there is nothing to cancel. Nothing was changed."
            )
        tx.audit("cancel", "export", row.id, row.project_id)
        [export] = await _describe(scope, tx, [row])
    return export


async def delete_export(system: AppContext, scope: Scope, export_id: UUID) -> None:
    """Delete an export in any state, with its file. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_export_row(scope, tx, export_id, lock=True)
        await _discard_file(scope, tx, row)
        tx.audit("delete", "export", row.id, row.project_id, format=row.format)
        await tx.session.delete(row)


async def _discard_file(scope: Scope, tx: Transaction, row: ExportRow) -> None:
    """Discard the file of an export, even while it is being stored."""
    if row.storage_key is not None:
        await discard_files(scope, tx, [(row.storage_key, row.project_id, None)], FILES_KEPT_S)
        row.storage_key = None


async def _describe(
    scope: Scope,
    tx: Transaction,
    rows: Sequence[ExportRow],
    filters: Mapping[UUID, ExportFilterSummary] | None = None,
) -> list[Export]:
    """Describe exports for the API.

    With `filters`, the selections are read from there: rows of a list are loaded without theirs.
    """
    if not rows:
        return []
    chosen = (
        filters
        if filters is not None
        else {row.id: ExportFilterSummary(row.selection, _count_named(row)) for row in rows}
    )
    names = await list_actor_names(scope, tx, {row.requested_by for row in rows})
    deleted = await count_deleted(scope, tx, [row.id for row in rows])
    called = await list_project_names(scope, tx, {row.project_id for row in rows})
    met = {
        UUID(one["deployment"])
        for row in rows
        for one in _all_problems(row)
        if one.get("deployment")
    }
    deployments = await list_deployment_names(scope, tx, met)
    hidden = await list_precisions(scope, tx, {row.project_id for row in rows}, met)
    deployments |= {key: get_shown_name(key) for key in hidden if key in deployments}
    unreadable = await list_unreadable_exports(scope, tx, rows)
    shown = set(Export.model_fields) & set(ExportRow.__table__.columns.keys())
    shown -= {"fixed", "left_out", "problems", "requested_by", "selection", "sha256"}
    return [
        Export(
            **{field: getattr(row, field) for field in shown},
            requested_by=names[row.requested_by],
            selection=ExportSelection.model_validate(chosen[row.id].filter),
            named_images=chosen[row.id].images,
            fixed=[
                _describe_problem(one, deployments, is_withheld=row.id in unreadable)
                for one in row.fixed
            ],
            left_out=[
                _describe_problem(one, deployments, is_withheld=row.id in unreadable)
                for one in row.left_out
            ],
            problems=[
                _describe_problem(one, deployments, is_withheld=row.id in unreadable)
                for one in row.problems
            ],
            filename=build_file_name(called[row.project_id], row.created_at, kind[0]),
            media_type=kind[1],
            sha256=row.sha256.hex() if row.sha256 is not None else None,
            deleted_since=deleted.get(row.id, 0),
        )
        for row in rows
        for kind in (FORMATS[ExportFormat(row.format)].find_kind(row.options),)
    ]


def _count_named(row: ExportRow) -> int | None:
    return len(row.selection["images"]) if "images" in row.selection else None


def _all_problems(row: ExportRow) -> list[dict[str, Any]]:
    return [*row.fixed, *row.left_out, *row.problems]


def _describe_problem(
    one: dict[str, Any], deployments: dict[UUID, str], *, is_withheld: bool
) -> ExportProblem:
    key = UUID(one["deployment"]) if one.get("deployment") else None
    return ExportProblem(
        what=WITHHELD_ISSUE if is_withheld else one["what"],
        count=one.get("count", 1),
        deployment_id=key,
        deployment=deployments.get(key) if key else None,
    )


async def resume_exports(system: AppContext, scope: Scope) -> None:
    """Enqueue unfinished exports again that have sent no heartbeat for a while."""
    async with system.database.transaction(scope) as tx:
        for export_id in await list_stalled_exports(scope, tx, STILL_FOR_S):
            await enqueue_background_task(scope, tx, BUILD, queue=EXPORTS, export_id=export_id)


async def purge_exports(system: AppContext, scope: Scope) -> bool:
    """Delete the files of expired exports and the remains of unfinished ones.

    Returns whether more may be left to delete.
    """
    async with system.database.transaction(scope) as tx:
        gone = await expire_exports(scope, tx, BATCH)
        if gone:
            await discard_files(
                scope, tx, [(key, project_id, None) for key, project_id in gone], FILES_KEPT_S
            )
        folders = await asyncio.to_thread(list_folders, system)
        live = await list_active_exports(scope, tx, folders)
    for export_id in set(folders) - live:
        await asyncio.to_thread(delete_folder, system, export_id)
    async with system.database.transaction(scope) as tx:
        purged = await purge_unfinished_images(scope, tx, HELD_BATCH)
    return len(gone) == BATCH or purged == HELD_BATCH
