"""List the folders of imported files that match no deployment, and assign them to deployments."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher, get_close_matches
from uuid import UUID

from sqlalchemy import delete, func

from trapline.server.images.queries.image_deletion import discard_files
from trapline.server.images.queries.locations import require_exact_locations
from trapline.server.imports.actions.imports import IMPORT, describe_imports, require_deployments
from trapline.server.imports.queries.imported_results import list_deployments
from trapline.server.imports.queries.imports import (
    COUNTED,
    IMPORT_WORK,
    MOST_FAULTS,
    ImportFaultRow,
    ImportRow,
    get_import_row,
    select_faults,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.background_tasks import EXPORTS, enqueue_background_task
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Conflict, Unprocessable
from trapline.server.projects.actions.concurrency_limits import require_capacity
from trapline.wire.imports import (
    MOST_FOLDERS,
    Import,
    ImportFormat,
    ImportOptions,
    ImportState,
    NearDeployment,
    UnmatchedFolder,
    UnmatchedFolders,
)

KEPT_FOR_FOLDERS_S = 7 * 24 * 3600.0
"""How long the file of a completed import is kept if entries of it match no image."""
KEPT_FOR_RUN_S = 30 * 24 * 3600.0
MOST_NEAREST = 3
MOST_COMPARISONS = 100_000
"""The maximum number of compared pairs of folder and deployment names per list: a few seconds."""
LIKE = 0.6
"""The minimum similarity of two names, from 0 to 1."""
OF_CAMERAS = re.compile(r"dcim|\d{3}[\w-]{0,5}")
"""Matches folders that cameras create, which do not identify a deployment."""


def can_assign_folders(row: ImportRow) -> bool:
    """Return whether folders can be assigned: the import is completed and its file is kept."""
    has_unmatched = row.unknown + row.ambiguous > 0
    can_choose = row.deployment_id is None and row.format != ImportFormat.CAMTRAP_DP
    ended_at = row.ended_at
    # In the transaction that completes the import, the time is still a database expression.
    is_kept = not isinstance(ended_at, datetime) or datetime.now(UTC) - ended_at < timedelta(
        seconds=KEPT_FOR_FOLDERS_S
    )
    return row.state == ImportState.COMPLETED and has_unmatched and can_choose and is_kept


async def list_unmatched_folders(
    system: AppContext, scope: Scope, import_id: UUID
) -> UnmatchedFolders:
    """List the folders whose entries match no image or several. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_import_row(scope, tx, import_id)
        await require_exact_locations(scope, tx, row.project_id, "Folders of an import")
        names = await list_deployments(scope, tx, row.project_id)
        statement = select_faults(scope, row).where(
            ImportFaultRow.kind.in_(("unknown", "ambiguous")), ImportFaultRow.file.is_not(None)
        )
        files = [fault.file or "" for fault in await tx.session.scalars(statement)]
        is_complete, can_assign = row.faults <= MOST_FAULTS, can_assign_folders(row)
    folders, all_compared = await asyncio.to_thread(_group, files, names)
    return UnmatchedFolders(
        folders=folders, is_complete=is_complete, all_compared=all_compared, can_assign=can_assign
    )


class _Comparisons:
    """The deployment names nearest to a folder, until MOST_COMPARISONS pairs were compared."""

    def __init__(self, plain: Mapping[str, str]) -> None:
        self._plain = plain
        self._left = MOST_COMPARISONS
        self._known: dict[str, list[str]] = {}
        self.is_complete = True

    def list_nearest(self, name: str) -> list[str]:
        """List the simplified names nearest to a name; an equal name needs no comparison."""
        name = _simplify(name)
        if name in self._known:
            return self._known[name]
        if self._left < len(self._plain):
            self.is_complete = False
            return [name] if name in self._plain else []
        self._left -= len(self._plain)
        found = self._known[name] = get_close_matches(name, self._plain, MOST_NEAREST, LIKE)
        return found


def _group(files: Iterable[str], names: Mapping[str, UUID]) -> tuple[list[UnmatchedFolder], bool]:
    plain = {_simplify(name): name for name in names}
    comparisons = _Comparisons(plain)
    likest: dict[str, tuple[float, str]] = {}
    counted: Counter[str] = Counter()
    for file in files:
        parts = [part for part in file.replace("\\", "/").split("/")[:-1] if part and part != "."]
        for part in parts:
            if part not in likest:
                near = comparisons.list_nearest(part)
                likest[part] = (
                    (SequenceMatcher(None, near[0], _simplify(part)).ratio(), near[0])
                    if near
                    else (0, "")
                )
        if parts:
            counted["/".join(parts[: _choose_depth(parts, likest)])] += 1
    folders = [
        UnmatchedFolder(
            folder=folder,
            entries=count,
            nearest=[
                NearDeployment(id=names[plain[near]], name=plain[near])
                for near in comparisons.list_nearest(folder.rsplit("/", 1)[-1])
            ],
        )
        for folder, count in sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    ]
    return folders, comparisons.is_complete


def _choose_depth(parts: list[str], likest: Mapping[str, tuple[float, str]]) -> int:
    """Return how many folders of a path identify the camera.

    The path is cut after the folder most similar to a deployment's name, otherwise after the last
    folder that no camera created.
    """
    best = max(range(len(parts)), key=lambda at: likest[parts[at]][0])
    if likest[parts[best]][0] > 0:
        return best + 1
    named = [at for at, part in enumerate(parts) if not OF_CAMERAS.fullmatch(part.lower())]
    return named[-1] + 1 if named else len(parts)


def _simplify(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name).strip().casefold()


async def assign_folders(
    system: AppContext, scope: Scope, import_id: UUID, folders: Mapping[str, UUID]
) -> Import:
    """Assign folders to deployments and read the file again; stored results are kept.

    Raises:
        NotFound, Forbidden: the import does not exist, or the caller must not change it.
        Unprocessable: a deployment is not in the project, or there are too many folders.
        Conflict: the import is not completed, or its file was deleted.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_import_row(scope, tx, import_id, lock=True)
        require_deployments(folders, (await list_deployments(scope, tx, row.project_id)).values())
        if not can_assign_folders(row):
            raise Conflict(
                "Folders can be assigned for 7 days after an import with unmatched entries "
                "completed. Nothing was changed. Import the file again with its folders assigned."
            )
        await require_capacity(scope, tx, IMPORT_WORK, row.project_id)
        options = ImportOptions.model_validate(row.options)
        merged = {**options.folders, **folders}
        if len(merged) > MOST_FOLDERS:
            raise Unprocessable(
                f"With the {len(options.folders):,} folders that are assigned already, these are "
                f"{len(merged):,}; an import has at most {MOST_FOLDERS:,}. Nothing was changed. "
                "Import the file again in parts, or assign folders that contain several of these."
            )
        options = options.model_copy(update={"folders": merged})
        await _start_again(scope, tx, row, options)
        tx.audit(
            "import",
            "import",
            row.id,
            row.project_id,
            format=row.format,
            folders=len(options.folders),
        )
        await tx.session.flush()
        await tx.session.refresh(row)
        [described] = await describe_imports(scope, tx, [row])
    return described


async def _start_again(
    scope: Scope, tx: Transaction, row: ImportRow, options: ImportOptions
) -> None:
    await tx.session.execute(delete(ImportFaultRow).where(ImportFaultRow.import_id == row.id))
    for name in COUNTED:
        setattr(row, name, 0)
    row.options = options.model_dump(mode="json")
    row.state, row.attempt, row.total, row.error = ImportState.QUEUED.value, 0, None, None
    row.started_at = row.ended_at = None
    row.updated_at = func.clock_timestamp()
    await discard_files(scope, tx, [(row.storage_key, row.project_id, None)], KEPT_FOR_RUN_S)
    await enqueue_background_task(scope, tx, IMPORT, queue=EXPORTS, import_id=row.id)
