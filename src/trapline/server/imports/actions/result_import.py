"""The background task that imports a file of results in batches.

Each batch and the progress of the import are stored in the same transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import structlog

from trapline.server.findings.queries.current_findings import refresh_findings
from trapline.server.images.queries.image_deletion import discard_files
from trapline.server.imports.actions.import_deployments import PackageDeployments
from trapline.server.imports.actions.import_events import EventImport, group_event_images
from trapline.server.imports.actions.import_folders import KEPT_FOR_FOLDERS_S, can_assign_folders
from trapline.server.imports.actions.import_identifications import (
    create_identifications,
    star_favorites,
    tag_images,
    write_package_ids,
)
from trapline.server.imports.actions.import_taxa import import_taxa
from trapline.server.imports.actions.imports import IMPORT
from trapline.server.imports.formats.image_index import ImageIndex, IndexedImage, split_folder
from trapline.server.imports.formats.import_formats import open_reader
from trapline.server.imports.formats.import_records import (
    MOST_ENTRIES,
    DeploymentReference,
    EntryFault,
    FormatReader,
    UnreadableFile,
    sanitise_text,
)
from trapline.server.imports.formats.imported_rows import ImportBatch, build_batches
from trapline.server.imports.queries.imported_results import (
    create_results,
    list_deployments,
    list_existing_results,
    list_image_names,
    lock_existing_images,
)
from trapline.server.imports.queries.imports import (
    ImportRow,
    NewFault,
    claim_stalled_imports,
    create_faults,
    find_import,
    finish_import,
    record_heartbeat,
    record_progress,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.background_tasks import EXPORTS, enqueue_background_task
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.deadlock_retry import retry_on_deadlock
from trapline.server.platform.errors import NotFound, ServiceUnavailable, StatementTimeout
from trapline.server.review.queries.derivation import (
    refresh_observations,
    refresh_stated_observations,
)
from trapline.wire.imports import ImportFormat, ImportOptions, ImportState

log = structlog.get_logger(__name__)

NAMES_AT_ONCE = 20_000
STILL_FOR_S, BEAT_S = 600.0, 60.0
NOTHING = "Nothing was imported."
MOST_ATTEMPTS = 10
"""Limits the restarts of an import that kills its process each time without progress."""


class ImportOwnershipLost(Exception):
    """The import was canceled or deleted, or another process continued it."""


async def run_import(
    system: AppContext, scope: Scope, import_id: UUID, *, beat_s: float = BEAT_S
) -> None:
    """Import a file, or continue where an earlier attempt stopped.

    A fault of the file ends the import with a reason. A heartbeat is sent each `beat_s` seconds,
    because reading a large file takes longer than the time after which another process may claim
    the import.

    Raises:
        ServiceUnavailable: the database or the store is not available; the task is retried.
    """
    row = await _begin(system, scope, import_id)
    if row is None:
        return
    keeps_file = False
    try:
        async with (
            _beating(system, scope, import_id, beat_s),
            system.store.local_path(row.storage_key) as path,
        ):
            keeps_file = await _import_file(system, scope, row, path)
    except ImportOwnershipLost:
        return
    except ServiceUnavailable as error:
        if not isinstance(error, StatementTimeout):
            await _uncount_attempt(system, scope, import_id)
        raise
    except NotFound:
        await _fail(system, scope, import_id, "The file is not in the store: send it again.")
    except UnreadableFile as error:
        await _fail(system, scope, import_id, str(error))
    except Exception:
        why = "The import stopped because of an unexpected error; see the server's log."
        await _fail(system, scope, import_id, why)
        raise
    if not keeps_file:
        await system.store.delete(row.storage_key)


@asynccontextmanager
async def _beating(
    system: AppContext, scope: Scope, import_id: UUID, every_s: float
) -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            await asyncio.sleep(every_s)
            with suppress(ServiceUnavailable):
                async with system.database.transaction(scope) as tx:
                    await record_heartbeat(scope, tx, import_id)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


async def _begin(system: AppContext, scope: Scope, import_id: UUID) -> ImportRow | None:
    async with system.database.transaction(scope) as tx:
        row = await find_import(scope, tx, import_id, lock=True)
        if row is None or row.state not in (ImportState.QUEUED, ImportState.READING):
            return None
        row.attempt += 1
        if row.attempt > MOST_ATTEMPTS:
            why = f"The import was started {MOST_ATTEMPTS} times without progress."
            finish_import(row, ImportState.FAILED, f"{why} {_describe_progress(row)}")
            await discard_files(scope, tx, [(row.storage_key, row.project_id, None)], 0)
            return None
        row.state = ImportState.READING.value
        row.started_at = row.started_at or datetime.now(UTC)
        record_progress(row)
        await tx.session.flush()
        await tx.session.refresh(row)
        return row


async def _uncount_attempt(system: AppContext, scope: Scope, import_id: UUID) -> None:
    """Do not count an attempt that failed because the database or the store was not available."""
    with suppress(ServiceUnavailable):
        async with system.database.transaction(scope) as tx:
            row = await find_import(scope, tx, import_id, lock=True)
            if row is not None and row.attempt:
                row.attempt -= 1


def _describe_progress(row: ImportRow) -> str:
    return f"{row.done:,} entries were imported before, and are kept." if row.done else NOTHING


async def _fail(system: AppContext, scope: Scope, import_id: UUID, why: str) -> None:
    async with system.database.transaction(scope) as tx:
        row = await find_import(scope, tx, import_id, lock=True)
        if row is not None and row.state == ImportState.READING:
            finish_import(row, ImportState.FAILED, f"{why} {_describe_progress(row)}")


async def _import_file(system: AppContext, scope: Scope, row: ImportRow, path: Path) -> bool:
    """Import the entries of a file; return whether the file is kept to assign folders."""
    options = ImportOptions.model_validate(row.options)
    reader = await asyncio.to_thread(open_reader, ImportFormat(row.format), path, options)
    catalogue = ImageIndex()
    catalogue.add_folders(options.folders)
    try:
        total = await asyncio.to_thread(_scan_entries, reader, catalogue)
        described = list(await asyncio.to_thread(reader.deployments))
        described += _list_unused_folders(catalogue, options)
        described += reader.lost.list_faults()
        taxa = reader.taxa()
        described += [
            *taxa.faults,
            *await retry_on_deadlock(
                lambda: import_taxa(system, scope, row, taxa), after_twins=True
            ),
        ]
        places = await retry_on_deadlock(
            lambda: _resolve_deployments(system, scope, row, reader, described, total),
            after_twins=True,
        )
        reader.place_deployments(places)
        catalogue.add_places(places)
        await _gather_images(system, scope, row, catalogue)
        batches = build_batches(reader, catalogue, row.done)
        done = row.done
        # The next batch is built while the database stores the current one.
        coming = asyncio.create_task(asyncio.to_thread(_next, batches))
        try:
            while (batch := await coming) is not None:
                coming = asyncio.create_task(asyncio.to_thread(_next, batches))
                storing = partial(_store, system, scope, row.id, done, batch)
                done = await retry_on_deadlock(storing, after_twins=True)
        finally:
            await asyncio.gather(coming, return_exceptions=True)
        return await _complete(system, scope, row.id)
    finally:
        catalogue.close()
        reader.close()


def _scan_entries(reader: FormatReader, catalogue: ImageIndex) -> int:
    """Read the whole file before any entry is stored, and return its number of entries."""
    total = 0
    for path, place in reader.paths():
        total += 1
        if total > MOST_ENTRIES:
            raise UnreadableFile(f"The file has more than {MOST_ENTRIES:,} entries.")
        if path:
            catalogue.add_entry(path, place)
    return total


def _list_unused_folders(catalogue: ImageIndex, options: ImportOptions) -> list[EntryFault]:
    unused = set(catalogue.list_unused_folders())
    return [
        EntryFault(
            "folders",
            f"the folder {folder} has no entry of the file: compare it with the paths in the file",
        )
        for folder in options.folders
        if split_folder(folder) in unused
    ]


def _next(batches: Iterator[ImportBatch]) -> ImportBatch | None:
    return next(batches, None)


async def _resolve_deployments(
    system: AppContext,
    scope: Scope,
    row: ImportRow,
    reader: FormatReader,
    described: Sequence[DeploymentReference | EntryFault],
    total: int,
) -> dict[str, UUID]:
    """Return the deployments of the file by their keys; fill their empty fields."""
    faults = [one for one in described if isinstance(one, EntryFault)]
    named = [one for one in described if not isinstance(one, EntryFault)]
    async with system.database.transaction(scope) as tx:
        locked = await _lock(scope, tx, row.id)
        deployments = PackageDeployments(scope, tx, row)
        await deployments.resolve(named)
        locked.deployments += deployments.filled
        if locked.total is None:
            locked.left_out += reader.left_out
            faults += deployments.faults
            await create_faults(scope, tx, locked, [_plain(fault) for fault in faults])
        locked.total = total
        record_progress(locked)
    return deployments.places


async def _gather_images(
    system: AppContext, scope: Scope, row: ImportRow, catalogue: ImageIndex
) -> None:
    if row.deployment_id is None:
        async with system.database.transaction(scope) as tx:
            for name, key in (await list_deployments(scope, tx, row.project_id)).items():
                catalogue.add_deployment(key, name)
    last = UUID(int=0)
    while True:
        async with system.database.transaction(scope) as tx:
            found = await list_image_names(scope, tx, row, last, NAMES_AT_ONCE)
        if not found:
            break
        last = found[-1].id
        await asyncio.to_thread(catalogue.add, [IndexedImage(*one) for one in found])
    await asyncio.to_thread(catalogue.complete)


async def _lock(
    scope: Scope, tx: Transaction, import_id: UUID, done: int | None = None
) -> ImportRow:
    """Lock the import.

    Raises:
        ImportOwnershipLost: the import has ended, or another process continued it.
    """
    row = await find_import(scope, tx, import_id, lock=True)
    if row is None or row.state != ImportState.READING or (done is not None and row.done != done):
        raise ImportOwnershipLost
    return row


async def _store(
    system: AppContext, scope: Scope, import_id: UUID, done: int, batch: ImportBatch
) -> int:
    """Store a batch; return the number of processed entries. Raises ImportOwnershipLost."""
    await group_event_images(system, scope, batch.events)
    async with system.database.transaction(scope) as tx:
        row = await _lock(scope, tx, import_id, done)
        results = list({one.id: one for one in batch.results}.values())
        about = {one.image_id for one in results} | {one.image_id for one in batch.said}
        about |= set(batch.ids).union(*(one.images for one in batch.events))
        there = await lock_existing_images(scope, tx, row.project_id, about)
        results = [one for one in results if one.image_id in there]
        present = await list_existing_results(scope, tx, results)
        new = [one for one in results if one.id not in present]
        await create_results(scope, tx, row, new)
        stated = [one for one in batch.said if one.image_id in there]
        said = await create_identifications(scope, tx, row, stated)
        await star_favorites(scope, tx, batch.favorites & there)
        tags = {image_id: tags for image_id, tags in batch.tags.items() if image_id in there}
        await tag_images(scope, tx, tags)
        await write_package_ids(scope, tx, row, batch, there, {one.id for one in new})
        changed = {one.image_id for one in new if one.error is None}
        await refresh_findings(scope, tx, changed)
        events = EventImport(scope, tx, row)
        said += await events.store(batch.events) if batch.events else 0
        identified = {one.image_id for one in stated} | events.images
        changed |= identified
        refresh = refresh_stated_observations if identified else refresh_observations
        await refresh(scope, tx, row.project_id, changed)
        faults = batch.list_faults(there) + events.faults
        await create_faults(scope, tx, row, [_plain(fault) for fault in faults])
        row.done += batch.entries
        row.stored += len(new)
        row.unchanged += len(present)
        row.annotations += sum(len(one.findings) for one in new)
        row.identifications += said
        row.model_failures += sum(one.error is not None for one in new)
        row.left_out += batch.left_out
        row.attempt = 0
        record_progress(row)
        return row.done


def _plain(fault: EntryFault) -> NewFault:
    file = None if fault.file is None else sanitise_text(fault.file)
    return NewFault(
        fault.kind.value, sanitise_text(fault.place), file, sanitise_text(fault.message)
    )


async def _complete(system: AppContext, scope: Scope, import_id: UUID) -> bool:
    async with system.database.transaction(scope) as tx:
        row = await _lock(scope, tx, import_id)
        finish_import(row, ImportState.COMPLETED)
        keeps_file = can_assign_folders(row)
        if keeps_file:
            await discard_files(
                scope, tx, [(row.storage_key, row.project_id, None)], KEPT_FOR_FOLDERS_S
            )
        log.info("an import is done", imported=str(row.id), stored=row.stored, faults=row.faults)
    return keeps_file


async def resume_imports(system: AppContext, scope: Scope) -> None:
    """Enqueue imports again that made no progress for a while; they continue where they stopped."""
    async with system.database.transaction(scope) as tx:
        for import_id in await claim_stalled_imports(scope, tx, STILL_FOR_S):
            await enqueue_background_task(scope, tx, IMPORT, queue=EXPORTS, import_id=import_id)
