"""Grant, list and revoke folders of projects; decide whether a folder source may run."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import AddressNotAllowed, Conflict, Forbidden, Unprocessable
from trapline.server.projects.queries.projects import ProjectRow
from trapline.server.sources.gateways.folder_gateway import resolve_folder
from trapline.server.sources.queries.pull_runs import interrupt_run
from trapline.server.sources.queries.source_folders import (
    SourceFolderRow,
    get_folder,
    list_folder_sources,
    list_granted_paths,
    list_project_names,
    select_folders,
)
from trapline.server.sources.queries.sources import SourceRow
from trapline.wire.source_folders import NewSourceFolder, SourceFolder, UngrantedSource
from trapline.wire.values import Page

FOLDER = "folder"
UNGRANTED = (
    "An operator has not granted this folder to the project. An operator can grant it with "
    "`trapline source grant PATH --project PROJECT` or on the page under Settings, People; then "
    "resume the source."
)


async def require_granted(
    system: AppContext, scope: Scope, tx: Transaction, row: SourceRow
) -> None:
    """Require that the folder of a source is granted to its project.

    A call of an operator grants the folder.

    Raises:
        Forbidden: the source reads a folder that is not granted to its project.
    """
    if row.gateway != FOLDER:
        return
    folder = _resolve(system, row)
    if _lies_in(folder, await list_granted_paths(scope, tx, row.project_id)):
        return
    _require_operator(scope)
    tx.session.add(_make_row(scope, row.project_id, str(folder)))
    tx.audit("grant", "source folder", row.id, row.project_id, path=str(folder))


async def require_readable(
    system: AppContext, scope: Scope, tx: Transaction, row: SourceRow
) -> Path | None:
    """Require that a test of a source may read its folder, without granting it.

    Returns the resolved folder, or None for other gateways.

    Raises:
        Forbidden: the folder is not granted, and the caller is not an operator.
    """
    if row.gateway != FOLDER:
        return None
    folder = _resolve(system, row)
    if not _lies_in(folder, await list_granted_paths(scope, tx, row.project_id)):
        _require_operator(scope)
    return folder


def _require_operator(scope: Scope) -> None:
    if not (scope.is_operator or scope.everything):
        raise Forbidden(f"{UNGRANTED} Nothing was changed.")


async def require_granted_for_run(
    system: AppContext, scope: Scope, tx: Transaction, row: SourceRow
) -> Path | None:
    """Return the resolved folder that a run may read, or None for other gateways.

    Raises:
        AddressNotAllowed: the folder is not granted to the project of the source.
    """
    if row.gateway != FOLDER:
        return None
    folder = _resolve(system, row)
    if not _lies_in(folder, await list_granted_paths(scope, tx, row.project_id)):
        raise AddressNotAllowed(UNGRANTED)
    return folder


def _resolve(system: AppContext, row: SourceRow) -> Path:
    return resolve_folder(row.base_url, system.source_folders, system.own_folders)


def _lies_in(folder: Path, granted: Sequence[str]) -> bool:
    # Granted paths are not resolved again, because a path that was replaced by a link leads to
    # another folder.
    return any(folder.is_relative_to(path) for path in granted)


def _make_row(scope: Scope, project_id: int, path: str) -> SourceFolderRow:
    now = datetime.now(UTC)
    return SourceFolderRow(
        id=uuid7(), project_id=project_id, path=path, granted_by=scope.person, created_at=now
    )


async def grant_folder(system: AppContext, scope: Scope, new: NewSourceFolder) -> SourceFolder:
    """Grant a folder to a project.

    Raises:
        Unprocessable: the path is not absolute, or the project does not exist.
        AddressNotAllowed: no source may read this folder.
        Conflict: the folder is already granted to the project.
    """
    path = new.path.removeprefix("file://")
    if not path.startswith("/"):
        raise Unprocessable(
            "The folder must be an absolute path. Nothing was granted.",
            [("path", "is not an absolute path")],
        )
    folder = resolve_folder(Path(path).as_uri(), system.source_folders, system.own_folders)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, SourceFolder)
        if done:
            return done
        project = await tx.session.get(ProjectRow, new.project)
        if project is None or project.deleted_at is not None:
            raise Unprocessable(
                "This project does not exist. Nothing was granted.", [("project", "does not exist")]
            )
        row = _make_row(scope, project.id, str(folder))
        try:
            async with tx.session.begin_nested():
                tx.session.add(row)
        except IntegrityError as error:
            raise Conflict(
                "This folder is already granted to the project. Nothing was changed."
            ) from error
        tx.audit("grant", "source folder", row.id, row.project_id, path=row.path)
        [granted] = await _describe(scope, tx, [row])
        return save_response(scope, tx, granted, projects=())


async def list_folders(
    system: AppContext, scope: Scope, project_id: int | None, limit: int, cursor: str | None
) -> Page[SourceFolder]:
    """List granted folders, for operators those of all projects, for others of their own."""
    async with system.database.transaction(scope) as tx:
        statement = select_folders(scope, project_id)
        order = [(SourceFolderRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=False, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        results = await _describe(scope, tx, rows)
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


async def list_ungranted_sources(system: AppContext, scope: Scope) -> list[UngrantedSource]:
    """List the folder sources of all projects whose folder is not granted to their project."""
    async with system.database.transaction(scope) as tx:
        rows = [
            row
            for row in await list_folder_sources(scope, tx)
            if not await _may_run(system, scope, tx, row)
        ]
        names = await list_project_names(scope, tx, {row.project_id for row in rows})
    return [
        UngrantedSource(
            source_id=row.id,
            name=row.name,
            project_id=row.project_id,
            project_name=names[row.project_id],
            base_url=row.base_url,
            is_active=row.is_active,
            detail=row.last_error,
        )
        for row in rows
    ]


async def revoke_folder(system: AppContext, scope: Scope, folder_id: UUID) -> None:
    """Revoke a folder, pause the sources that read it and stop their runs; images are kept.

    Raises NotFound.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_folder(scope, tx, folder_id)
        await tx.session.delete(row)
        await tx.session.flush()
        paused = 0
        for source in await list_folder_sources(scope, tx, row.project_id):
            await tx.session.refresh(source, with_for_update={"key_share": True})
            if not source.is_active or await _may_run(system, scope, tx, source):
                continue
            await interrupt_run(scope, tx, source.id, UNGRANTED)
            source.is_active = False
            source.last_error = UNGRANTED
            source.updated_at = datetime.now(UTC)
            paused += 1
        tx.audit("revoke", "source folder", row.id, row.project_id, path=row.path, paused=paused)


async def _may_run(system: AppContext, scope: Scope, tx: Transaction, row: SourceRow) -> bool:
    try:
        return _lies_in(_resolve(system, row), await list_granted_paths(scope, tx, row.project_id))
    except AddressNotAllowed:
        return False


async def _describe(
    scope: Scope, tx: Transaction, rows: list[SourceFolderRow]
) -> list[SourceFolder]:
    names = await list_project_names(scope, tx, {row.project_id for row in rows})
    return [
        SourceFolder(
            id=row.id,
            project_id=row.project_id,
            project_name=names[row.project_id],
            path=row.path,
            granted_by=row.granted_by,
            created_at=row.created_at,
        )
        for row in rows
    ]
