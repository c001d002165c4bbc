"""Receive, create, list, cancel and delete imports of result files, and list their faults."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.images.actions.image_import import require_disk_space
from trapline.server.images.queries.deployments import require_deployment
from trapline.server.images.queries.image_deletion import discard_files
from trapline.server.images.queries.locations import list_precisions, require_exact_locations
from trapline.server.imports.queries.imported_results import list_deployments
from trapline.server.imports.queries.imports import (
    IMPORT_WORK,
    ImportFaultRow,
    ImportRow,
    create_import_row,
    finish_import,
    get_import_row,
    select_faults,
    select_imports,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.background_tasks import EXPORTS, enqueue_background_task
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    StatementTimeout,
    Unprocessable,
)
from trapline.server.platform.store.storage_keys import build_import_key
from trapline.server.projects.actions.concurrency_limits import require_capacity
from trapline.wire.imports import (
    LIVE,
    Import,
    ImportFault,
    ImportFormat,
    ImportOptions,
    ImportState,
)
from trapline.wire.values import Page

IMPORT = "take_import"
MOST_BYTES = 4 << 30
KEPT_S = 30 * 24 * 3600.0
"""How long a received file is kept if its import does not complete, in seconds."""


class ImportRequest(NamedTuple):
    """Parameters of an import: project, deployment, and the file's format, name and options."""

    project_id: int
    deployment_id: UUID | None
    format: ImportFormat
    filename: str
    options: ImportOptions


async def describe_imports(
    scope: Scope, tx: Transaction, rows: Sequence[ImportRow]
) -> list[Import]:
    """Build the responses of imports.

    Names of files and errors are withheld from callers who may not see locations.
    """
    names = await list_actor_names(scope, tx, {row.requested_by for row in rows}) if rows else {}
    shown = set(Import.model_fields) - {"sha256", "options", "requested_by"}
    # The names of files and folders are often those of places, and errors name them.
    withheld = {
        project_id
        for project_id in {row.project_id for row in rows}
        if await list_precisions(scope, tx, [project_id])
    }
    return [
        Import(
            **{field: getattr(row, field) for field in shown}
            | (_hide_names(row) if row.project_id in withheld else {}),
            sha256=bytes(row.sha256).hex(),
            options=ImportOptions.model_validate(
                {**row.options, "folders": {}} if row.project_id in withheld else row.options
            ),
            requested_by=names[row.requested_by],
        )
        for row in rows
    ]


def _hide_names(row: ImportRow) -> dict[str, str | None]:
    error = None if row.error is None else "Withheld from your role. An owner can read the error."
    return {"filename": str(row.id), "error": error}


class ReceivedFile(NamedTuple):
    """A stored file without an import."""

    id: UUID
    key: str
    size: int
    sha256: str


async def receive_file(
    system: AppContext, scope: Scope, new: ImportRequest, chunks: AsyncIterator[bytes]
) -> ReceivedFile:
    """Receive a file into the store.

    Raises:
        NotFound, Forbidden: the project or the deployment is not accessible.
        InvalidRequest: the file is empty.
        PayloadTooLarge: the file exceeds MOST_BYTES.
        ServiceUnavailable: the store or the database is not available.
    """
    await require_disk_space(system)
    import_id = uuid7()
    key = build_import_key(new.project_id, import_id)
    async with system.database.transaction(scope) as tx:
        scope.check(new.project_id)
        await require_deployment(scope, tx, new.deployment_id, new.project_id)
        if new.options.folders:
            require_deployments(
                new.options.folders, (await list_deployments(scope, tx, new.project_id)).values()
            )
        # The file is deleted after this time in any case.
        await discard_files(scope, tx, [(key, new.project_id, None)], KEPT_S)
    async with system.store.receive() as incoming:
        async for chunk in chunks:
            if incoming.size + len(chunk) > MOST_BYTES:
                raise PayloadTooLarge(
                    f"A file may have at most {MOST_BYTES >> 30} GiB. Nothing was stored; "
                    "send the file in parts."
                )
            await asyncio.to_thread(incoming.write, chunk)
        if not incoming.size:
            raise InvalidRequest("The file is empty. Nothing was stored.")
        stored = await system.store.keep(incoming, key)
    return ReceivedFile(import_id, key, stored.size, stored.sha256)


async def create_import(
    system: AppContext, scope: Scope, new: ImportRequest, file: ReceivedFile
) -> Import:
    """Create an import of a received file.

    The file is deleted if the request is rejected or repeated. If the outcome of the commit is
    unknown (DatabaseUnavailable), the file is kept.

    Raises:
        NotFound, Forbidden: the project or the deployment is not accessible.
        Conflict: the idempotency key belongs to another request, or too many imports are running.
    """
    try:
        taken = await _create(system, scope, new, file)
    except (Conflict, StatementTimeout, Forbidden, NotFound):
        await system.store.delete(file.key)
        raise
    # After any other error the outcome of the commit is unknown. The import may need the file; if
    # not, the file is deleted later.
    if taken.id != file.id:
        await system.store.delete(file.key)  # the request came again
    return taken


async def _create(
    system: AppContext, scope: Scope, new: ImportRequest, file: ReceivedFile
) -> Import:
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Import)
        if done:
            return done
        await require_deployment(scope, tx, new.deployment_id, new.project_id)
        await require_capacity(scope, tx, IMPORT_WORK, new.project_id)
        row = ImportRow(
            id=file.id,
            project_id=new.project_id,
            deployment_id=new.deployment_id,
            format=new.format.value,
            filename=new.filename,
            size_bytes=file.size,
            sha256=bytes.fromhex(file.sha256),
            storage_key=file.key,
            options=new.options.model_dump(mode="json"),
            requested_by=scope.person,
        )
        await create_import_row(scope, tx, row)
        await enqueue_background_task(scope, tx, IMPORT, queue=EXPORTS, import_id=row.id)
        tx.audit(
            "import", "import", row.id, row.project_id, format=row.format, filename=row.filename
        )
        [described] = await describe_imports(scope, tx, [row])
        return save_response(scope, tx, described)


def require_deployments(folders: Mapping[str, UUID], there: Iterable[UUID]) -> None:
    """Raise Unprocessable if a folder is assigned to a deployment that is not in the project."""
    known = set(there)
    if wrong := [folder for folder, deployment_id in folders.items() if deployment_id not in known]:
        raise Unprocessable(
            "Nothing was imported. Assign each folder to the ID of a deployment of this project.",
            [
                (f"folder {folder}", "this project has no deployment with this ID")
                for folder in wrong[:100]
            ],
        )


async def list_imports(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    kind: ImportFormat | None,
    state: ImportState | None,
    limit: int,
    cursor: str | None,
) -> Page[Import]:
    """List imports, newest first."""
    async with system.database.transaction(scope) as tx:
        statement = select_imports(scope, project_id, kind and kind.value, state and state.value)
        order = [(ImportRow.created_at, datetime), (ImportRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=True, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        found = await describe_imports(scope, tx, rows)
    return Page(results=found, next=following, count=count, count_is_estimate=estimated)


async def get_import(system: AppContext, scope: Scope, import_id: UUID) -> Import:
    """Return one import. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        [described] = await describe_imports(
            scope, tx, [await get_import_row(scope, tx, import_id)]
        )
    return described


async def list_faults(
    system: AppContext, scope: Scope, import_id: UUID, limit: int, cursor: str | None
) -> Page[ImportFault]:
    """List the entries that were not imported, in the file's order; the first 10,000 are stored.

    Raises NotFound.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_import_row(scope, tx, import_id)
        await require_exact_locations(scope, tx, row.project_id, "Entries of an import")
        statement = select_faults(scope, row)
        order = [(ImportFaultRow.number, int)]
        rows, following = await fetch_page(
            tx, statement, order, descending=False, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        shown = set(ImportFault.model_fields)
        found = [ImportFault(**{field: getattr(row, field) for field in shown}) for row in rows]
    return Page(results=found, next=following, count=count, count_is_estimate=estimated)


async def cancel_import(system: AppContext, scope: Scope, import_id: UUID) -> Import:
    """Cancel an import; stored results are kept. Raises NotFound, Forbidden, Conflict."""
    async with system.database.transaction(scope) as tx:
        row = await get_import_row(scope, tx, import_id, lock=True)
        if row.state != ImportState.CANCELED:
            if row.state not in LIVE:
                raise Conflict(f"This import is {row.state} already. Nothing was changed.")
            await _end_early(scope, tx, row)
            tx.audit("cancel", "import", row.id, row.project_id)
            await tx.session.flush()
            await tx.session.refresh(row)
        [described] = await describe_imports(scope, tx, [row])
    return described


async def delete_import(system: AppContext, scope: Scope, import_id: UUID) -> None:
    """Delete an import with its faults, and cancel it if it is running; stored results are kept.

    Raises NotFound.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_import_row(scope, tx, import_id, lock=True)
        if row.state in LIVE:
            await _end_early(scope, tx, row)
        else:
            await discard_files(scope, tx, [(row.storage_key, row.project_id, None)], 0)
        tx.audit("delete", "import", row.id, row.project_id, filename=row.filename)
        await tx.session.delete(row)


async def _end_early(scope: Scope, tx: Transaction, row: ImportRow) -> None:
    finish_import(row, ImportState.CANCELED)
    await discard_files(scope, tx, [(row.storage_key, row.project_id, None)], 3600.0)
