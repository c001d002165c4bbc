"""Staged files: large uploads are announced, sent to the store, and imported from there."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from uuid import UUID

from psycopg.errors import ForeignKeyViolation

from trapline.server.images.actions.image_import import (
    ImportTarget,
    build_import_target,
    require_disk_space,
)
from trapline.server.images.actions.stored_files import list_not_intact
from trapline.server.images.actions.uploads import (
    DELETED,
    DEPLOYMENT_GONE,
    UploadTarget,
    import_received_file,
    resolve_upload_target,
)
from trapline.server.images.queries.deployments import get_deployment_row
from trapline.server.images.queries.image_deletion import discard_files
from trapline.server.images.queries.images import (
    list_deleted_ids,
    list_images_by_hash,
)
from trapline.server.images.queries.staged_files import (
    StagedFileAnnouncement,
    StagedFileOutcome,
    StagedFileRow,
    create_staged_file_rows,
    find_staged_file,
    list_staged_files,
    purge_staged_file_batch,
    record_outcome,
)
from trapline.server.images.queries.time_sources import list_time_sources
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import Conflict, NotFound, ServiceUnavailable
from trapline.server.platform.files.upload_paths import clean_path
from trapline.server.platform.store.object_store import IncomingFile
from trapline.server.platform.store.storage_keys import build_staged_key, parse_key
from trapline.wire.images import CaptureTimeSource, UploadedFile
from trapline.wire.staged_files import (
    ImportedFile,
    NewStagedFile,
    NewStagedFiles,
    StagedFile,
    StagedFiles,
    StagedImportRequest,
    StagedImportResult,
    StagedImportState,
    StagedState,
)

URL_LIFETIME_S = 3600
KEPT_S = 7 * 24 * 3600.0
"""Time from the last announcement after which a file that was not imported is deleted."""
BATCH = 1000
LOOKS_AT_ONCE = 16
IMPORTS_AT_ONCE = 4
IMPORTING_S = 15.0
"""Time in which one request starts imports; the caller repeats the request for the other files."""
NOT_SENT = "it was not uploaded yet"
OTHER_BYTES = "the upload did not match the announcement and was deleted: upload it again"


async def create_staged_files(
    system: AppContext, scope: Scope, wanted: NewStagedFiles
) -> StagedFiles:
    """Return an upload URL for each announced file that is not stored yet and not too large.

    Raises NotFound, Forbidden, InvalidRequest, and ServiceUnavailable if the disk is almost full.
    """
    await require_disk_space(system)
    place = await resolve_upload_target(
        system, scope, UploadTarget(wanted.project, wanted.deployment)
    )
    most = system.limits.image_bytes
    async with system.database.transaction(scope) as tx:
        known = await _find_known(scope, tx, place, wanted.files)
    # Files that the store lost are uploaded again. No transaction is open while files are read.
    lost = await list_not_intact(system, place.project_id, list(known))
    known = {sha256: file for sha256, file in known.items() if sha256 not in lost}
    async with system.database.transaction(scope) as tx:
        coming = [file for file in wanted.files if file.sha256 not in known and file.size <= most]
        staged = await _stage(scope, tx, place, coming)
        if staged:
            tx.audit(
                "presign", "deployment", place.deployment_id, place.project_id, files=len(staged)
            )
    urls = await _build_upload_urls(system, place, {file.sha256: file for file in coming}, staged)

    def build(file: NewStagedFile) -> StagedFile:
        named = {"filename": clean_path(file.filename)}
        if file.sha256 in known:
            return known[file.sha256].model_copy(update=named)
        if file.size > most:
            detail = f"it is larger than the {most // 2**20} MiB that are allowed"
            return StagedFile(filename=named["filename"], state=StagedState.REFUSED, detail=detail)
        return urls[file.sha256].model_copy(update=named)

    return StagedFiles(files=[build(file) for file in wanted.files])


async def _find_known(
    scope: Scope, tx: Transaction, place: ImportTarget, files: Sequence[NewStagedFile]
) -> dict[str, StagedFile]:
    keys = [(place.deployment_id, bytes.fromhex(file.sha256)) for file in files]
    images = await list_images_by_hash(scope, tx, keys)
    deleted = await list_deleted_ids(scope, tx, list(images.values()))
    return {
        sha256.hex(): StagedFile(
            filename="",
            state=StagedState.DUPLICATE,
            image_id=image_id,
            detail=DELETED if image_id in deleted else None,
        )
        for (_, sha256), image_id in images.items()
    }


async def _stage(
    scope: Scope, tx: Transaction, place: ImportTarget, files: Sequence[NewStagedFile]
) -> dict[str, tuple[UUID, bool]]:
    announced = [
        StagedFileAnnouncement(
            clean_path(it.filename), bytes.fromhex(it.sha256), it.size, it.modified_at
        )
        for it in files
    ]
    try:
        staged = await create_staged_file_rows(
            scope, tx, place.project_id, place.deployment_id, announced
        )
    except ForeignKeyViolation:
        raise NotFound(DEPLOYMENT_GONE) from None
    keys = [
        (build_staged_key(place.project_id, file_id), place.project_id, None)
        for file_id, _ in staged.values()
    ]
    await discard_files(scope, tx, keys, KEPT_S)
    return {sha256.hex(): found for sha256, found in staged.items()}


async def _build_upload_urls(
    system: AppContext,
    place: ImportTarget,
    files: Mapping[str, NewStagedFile],
    staged: Mapping[str, tuple[UUID, bool]],
) -> dict[str, StagedFile]:
    """Return the upload URL of each file by SHA-256, or that the file was uploaded before."""
    door = asyncio.Semaphore(LOOKS_AT_ONCE)

    async def give(sha256: str, file_id: UUID, is_old: bool) -> tuple[str, StagedFile]:
        file, key = files[sha256], build_staged_key(place.project_id, file_id)
        if is_old:
            async with door:
                arrived = await system.store.find_uploaded(key)
            if arrived is not None and arrived.size == file.size:
                return sha256, StagedFile(filename="", state=StagedState.ARRIVED, file_id=file_id)
        expires_at = datetime.now(UTC) + timedelta(seconds=URL_LIFETIME_S)
        signed = await system.store.sign_put(
            key,
            file.media_type,
            lifetime_s=URL_LIFETIME_S,
            size=file.size,
            sha256=sha256,
            at_most=system.limits.image_bytes,
        )
        return sha256, StagedFile(
            filename="",
            state=StagedState.SEND,
            file_id=file_id,
            upload_url=signed.url,
            headers=signed.headers,
            expires_at=expires_at,
        )

    return dict(await asyncio.gather(*[give(sha256, *one) for sha256, one in staged.items()]))


async def save_upload(
    system: AppContext, incoming: IncomingFile, key: str, media_type: str
) -> None:
    """Store an uploaded file. Raises Conflict if it is imported already or not announced."""
    async with system.database.transaction(Scope.system("upload")) as tx:
        row = await find_staged_file(tx.scope, tx, UUID(parse_key(key)[2]))
        if row is None or row.outcome is not None:
            raise Conflict(
                "This file is imported already, or its announcement has expired. "
                "Nothing was stored."
            )
    await system.store.keep(incoming, key, media_type)


async def import_files(
    system: AppContext, scope: Scope, wanted: StagedImportRequest
) -> StagedImportResult:
    """Import uploaded files; each has a separate outcome, which a repeated request returns again.

    Imports are started for IMPORTING_S seconds, or until the store or the database fails; the
    other files are waiting. Raises NotFound, Forbidden, and ServiceUnavailable if no file has an
    outcome.
    """
    async with system.database.transaction(scope) as tx:
        rows = await list_staged_files(scope, tx, wanted.files)
        deployments = {row.deployment_id for row in rows.values()}
        places = {
            one: build_import_target(await get_deployment_row(scope, tx, one))
            for one in deployments
        }
    ends_at = time.monotonic() + IMPORTING_S
    door = asyncio.Semaphore(IMPORTS_AT_ONCE)
    failed: list[ServiceUnavailable] = []

    async def take(row: StagedFileRow) -> ImportedFile:
        if row.outcome is not None:
            return _build_imported(row)
        async with door:
            if failed or time.monotonic() > ends_at:
                return _build_open(row, StagedImportState.WAITING)
            try:
                return await _import(system, scope, places[row.deployment_id], row)
            except ServiceUnavailable as error:
                failed.append(error)
                return _build_open(row, StagedImportState.WAITING, error.detail)

    taken = dict(
        zip(rows, await asyncio.gather(*[take(row) for row in rows.values()]), strict=True)
    )
    new = [
        one.image_id
        for one in taken.values()
        if one.outcome == StagedImportState.IMPORTED and one.image_id is not None
    ]
    async with system.database.transaction(scope) as tx:
        times = await list_time_sources(scope, tx, new)
    for file_id, one in taken.items():
        if one.image_id in times:
            source = CaptureTimeSource(times[one.image_id])
            taken[file_id] = one.model_copy(update={"captured_at_source": source})
    counts = Counter(one.outcome for one in taken.values())
    if failed and counts.keys() <= {StagedImportState.WAITING}:
        raise failed[0]
    return StagedImportResult(
        **{outcome.value: counts[outcome] for outcome in StagedImportState},
        files=[taken[file_id] for file_id in dict.fromkeys(wanted.files)],
    )


async def _import(
    system: AppContext, scope: Scope, place: ImportTarget, row: StagedFileRow
) -> ImportedFile:
    await require_disk_space(system)
    key = build_staged_key(row.project_id, row.id)

    async def note(tx: Transaction, taken: UploadedFile) -> None:
        await record_outcome(
            scope, tx, row.id, StagedFileOutcome(taken.outcome, taken.image_id, taken.detail)
        )

    async with system.store.receive() as incoming:
        try:
            async with aclosing(system.store.open(key)) as chunks:  # type: ignore[type-var]
                async for chunk in chunks:
                    await asyncio.to_thread(incoming.write, chunk)
                    if incoming.size > row.size:
                        break
        except NotFound:
            return await _get_outcome(system, scope, row, NOT_SENT)
        if incoming.size != row.size or incoming.sha256 != row.sha256.hex():
            await system.store.delete(key)
            return _build_open(row, StagedImportState.MISSING, OTHER_BYTES)
        await import_received_file(
            system, scope, place, incoming, row.filename, row.modified_at, note
        )
    # The key is listed as discarded, in case this fails or the client uploads again.
    await system.store.delete(key)
    return await _get_outcome(system, scope, row, NOT_SENT)


async def _get_outcome(
    system: AppContext, scope: Scope, row: StagedFileRow, missing: str
) -> ImportedFile:
    """Return the stored outcome of a file: another request may have imported it meanwhile."""
    async with system.database.transaction(scope) as tx:
        now = await find_staged_file(scope, tx, row.id)
    return (
        _build_imported(now)
        if now is not None and now.outcome
        else _build_open(row, StagedImportState.MISSING, missing)
    )


def _build_imported(row: StagedFileRow) -> ImportedFile:
    outcome = StagedImportState(row.outcome or StagedImportState.WAITING)
    return ImportedFile(
        file_id=row.id,
        filename=row.filename,
        outcome=outcome,
        image_id=row.image_id,
        detail=row.detail,
    )


def _build_open(
    row: StagedFileRow, outcome: StagedImportState, detail: str | None = None
) -> ImportedFile:
    return ImportedFile(file_id=row.id, filename=row.filename, outcome=outcome, detail=detail)


async def purge_staged_files(system: AppContext, scope: Scope) -> bool:
    """Delete a batch of files announced over KEPT_S ago; return whether more may remain."""
    async with system.database.transaction(scope) as tx:
        return await purge_staged_file_batch(scope, tx, KEPT_S, BATCH) == BATCH
