"""Artifacts: sign uploads, verify uploaded files, cite them, and purge unused ones."""

import asyncio
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from trapline.server.external.actions.callbacks import (
    SignatureUse,
    record_signature_use,
    require_open,
    require_standalone,
)
from trapline.server.external.queries.artifacts import (
    ArtifactRow,
    count_artifacts,
    get_artifact_row,
    list_artifact_rows,
    list_orphan_candidates,
    lock_artifact_by_path,
    select_artifacts,
)
from trapline.server.external.queries.standalone_analyses import get_analysis_row, record_contact
from trapline.server.findings.queries.analyses import AnalysisRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.backup_lock import is_backup_running
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, InvalidRequest, NotFound, PayloadTooLarge
from trapline.server.platform.store.object_store import IncomingFile, UploadedObject
from trapline.server.queue.rules.job_transitions import FINAL
from trapline.wire.artifacts import (
    Artifact,
    ArtifactState,
    ArtifactType,
    NewArtifact,
    PresignedUpload,
)
from trapline.wire.values import Page

PNG, TEXT, JSON = "image/png", "text/plain", "application/json"
MEDIA_TYPES = {
    ArtifactType.HEATMAP: PNG,
    ArtifactType.MASK: PNG,
    ArtifactType.SEGMENTATION: PNG,
    ArtifactType.LOG: TEXT,
    ArtifactType.METADATA: JSON,
}
OF_THE_ANALYSIS = frozenset({ArtifactType.LOG, ArtifactType.METADATA, ArtifactType.SEGMENTATION})
"""Types of files that belong to the analysis itself, so that no annotation needs to cite them."""
PNG_START = b"\x89PNG\r\n\x1a\n"
MOST_ARTIFACTS = 1000
ORPHANS_KEPT_S = 7 * 24 * 3600.0
BATCH = 100
DOWNLOAD_LIFETIME_S = 3600


@dataclass(frozen=True)
class StoredUpload:
    """The file in the store for an artifact, or the reason why it is not valid.

    `presigned_at` and `uploaded_at` are those of the row at that time; if they differ now, another
    upload may have arrived since.
    """

    presigned_at: datetime
    uploaded_at: datetime | None
    file: UploadedObject | None = None
    fault: str | None = None

    def is_of(self, row: ArtifactRow) -> bool:
        """Return whether nothing was presigned or uploaded since."""
        return (self.presigned_at, self.uploaded_at) == (row.presigned_at, row.uploaded_at)


def build_path(analysis_id: UUID, filename: str) -> str:
    """Return the path of an artifact in the store."""
    return f"ml_outputs/{analysis_id}/{filename}"


async def presign(
    system: AppContext, scope: Scope, analysis_id: UUID, new: NewArtifact, use: SignatureUse | None
) -> PresignedUpload:
    """Return a signed URL to upload one file to, valid for a limited time.

    A file can be requested again as long as nothing cites it.

    Raises:
        NotFound: the caller does not see such an analysis.
        PayloadTooLarge: the file is larger than the limit.
        InvalidRequest: the analysis has too many artifacts.
        Conflict: the analysis has ended, or the file is already cited.
    """
    most = system.callbacks.artifact_bytes
    if new.size is not None and new.size > most:
        raise PayloadTooLarge(f"An artifact may have at most {most:,} bytes. Nothing was changed.")
    async with system.database.transaction(scope) as tx:
        analysis = await get_analysis_row(scope, tx, analysis_id, lock=True)
        require_standalone(analysis)
        is_first = await record_signature_use(tx, analysis, use)
        if is_first:
            require_open(analysis)
        row = await _put(scope, tx, analysis, new, is_first=is_first)
        if is_first:
            tx.audit("presign", "artifact", row.id, row.project_id, filename=row.filename)
        await record_contact(tx, analysis)
    left_s = system.callbacks.address_lifetime_s
    expires_at = row.presigned_at + timedelta(seconds=left_s)
    if not is_first:
        # For a repeated request the URL expires at the same time as the first one.
        left_s = int((expires_at - datetime.now(UTC)).total_seconds())
        if left_s < 1:
            raise Conflict(
                "This request was answered before, and its URL has expired. Sign a new request."
            )
    signed = await system.store.sign_put(
        row.storage_path,
        row.media_type,
        lifetime_s=left_s,
        size=row.announced_size,
        sha256=row.announced_sha256.hex() if row.announced_sha256 else None,
        at_most=most,
    )
    return PresignedUpload(
        artifact_id=row.id,
        upload_url=signed.url,
        storage_path=row.storage_path,
        expires_at=expires_at,
        headers=signed.headers,
    )


async def _put(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, new: NewArtifact, *, is_first: bool
) -> ArtifactRow:
    path = build_path(analysis.id, new.filename)
    found = await list_artifact_rows(scope, tx, analysis, [path])
    if not found:
        if await count_artifacts(scope, tx, analysis) >= MOST_ARTIFACTS:
            raise InvalidRequest(
                f"An analysis may have at most {MOST_ARTIFACTS:,} artifacts. Nothing was changed."
            )
        row = ArtifactRow(
            project_id=analysis.project_id, analysis_id=analysis.id, storage_path=path
        )
        tx.session.add(row)
    else:
        [row] = found
        if row.state == ArtifactState.CITED:
            raise Conflict(
                f"An annotation already refers to {new.filename}, which was not changed. "
                "Choose another filename."
            )
    if is_first:
        row.artifact_type = new.artifact_type.value
        row.media_type = MEDIA_TYPES[new.artifact_type]
        row.filename = new.filename
        row.state = ArtifactState.PRESIGNED.value
        row.announced_size = new.size
        row.announced_sha256 = bytes.fromhex(new.sha256) if new.sha256 else None
        row.size = row.sha256 = row.uploaded_at = None
        row.presigned_at = datetime.now(UTC)
    await tx.session.flush()
    await tx.session.refresh(row)
    return row


async def list_uploads(
    system: AppContext, scope: Scope, analysis_id: UUID, paths: Collection[str] | None = None
) -> dict[str, StoredUpload]:
    """Look up the uploaded files of an analysis in the store: all new ones, or those of `paths`.

    This runs outside a transaction, so that a slow store does not block other requests. A file that
    differs from its announcement is returned with the reason; one that is too large is deleted.

    Raises:
        NotFound: the caller does not see such an analysis.
    """
    async with system.database.transaction(scope) as tx:
        rows = await list_artifact_rows(
            scope, tx, await get_analysis_row(scope, tx, analysis_id), paths
        )
    return {
        row.storage_path: await _look(system, row)
        for row in rows
        if row.state != ArtifactState.CITED
    }


async def _look(system: AppContext, row: ArtifactRow) -> StoredUpload:
    found = await system.store.find_uploaded(row.storage_path)
    fault = "was not uploaded yet" if found is None else await _find_fault(system, row, found)
    return StoredUpload(row.presigned_at, row.uploaded_at, found if fault is None else None, fault)


async def _find_fault(system: AppContext, row: ArtifactRow, found: UploadedObject) -> str | None:
    most = system.callbacks.artifact_bytes
    if found.size > most:
        await system.store.delete(row.storage_path)
        return f"had {found.size:,} bytes, more than the {most:,} that are allowed, and was deleted"
    if row.announced_size is not None and found.size != row.announced_size:
        return f"has {found.size:,} bytes; the announced size is {row.announced_size:,}"
    if row.announced_sha256 is not None:
        # Some S3 servers store no checksum; then the file is read to compute it.
        sha256 = found.sha256 or await _hash(system, row.storage_path)
        if sha256 != row.announced_sha256.hex():
            return "has another SHA-256 than was announced"
    if row.media_type == PNG:
        start = b"".join(
            [chunk async for chunk in system.store.open(row.storage_path, 0, len(PNG_START))]
        )
        if start != PNG_START:
            return "is not a PNG image"
    return None


async def _hash(system: AppContext, path: str) -> str:
    digest = hashlib.sha256()
    async for chunk in system.store.open(path):
        await asyncio.to_thread(digest.update, chunk)
    return digest.hexdigest()


def record_upload(row: ArtifactRow, seen: StoredUpload, state: ArtifactState) -> None:
    """Record the uploaded file in the row of its artifact."""
    assert seen.file is not None, "only a stored file can be recorded"
    row.state = state.value
    row.size = seen.file.size
    known = bytes.fromhex(seen.file.sha256) if seen.file.sha256 else row.announced_sha256
    row.sha256 = known
    row.uploaded_at = row.uploaded_at or datetime.now(UTC)


async def cite_own_artifacts(
    scope: Scope, tx: Transaction, analysis: AnalysisRow, arrived: Mapping[str, StoredUpload]
) -> None:
    """At the end of an analysis, record its uploaded files; cite those that belong to it."""
    if not arrived:
        return
    for row in await list_artifact_rows(scope, tx, analysis, list(arrived)):
        seen = arrived[row.storage_path]
        if seen.file is not None and row.state != ArtifactState.CITED and seen.is_of(row):
            record_upload(row, seen, _state_of(row))
    await tx.session.flush()


async def list_artifacts(
    system: AppContext, scope: Scope, analysis_id: UUID, limit: int, cursor: str | None
) -> Page[Artifact]:
    """List the artifacts of an analysis, oldest first.

    Raises:
        NotFound: the caller does not see such an analysis.
    """
    async with system.database.transaction(scope) as tx:
        statement = select_artifacts(scope, await get_analysis_row(scope, tx, analysis_id))
        rows, following = await fetch_page(
            tx,
            statement,
            [(ArtifactRow.created_at, datetime), (ArtifactRow.id, UUID)],
            descending=False,
            limit=limit,
            cursor=cursor,
        )
        count, estimated = await count_rows(tx, statement)
    return Page(
        results=[_describe(row) for row in rows],
        next=following,
        count=count,
        count_is_estimate=estimated,
    )


def _describe(row: ArtifactRow) -> Artifact:
    return Artifact(
        id=row.id,
        analysis_id=row.analysis_id,
        artifact_type=ArtifactType(row.artifact_type),
        filename=row.filename,
        media_type=row.media_type,
        storage_path=row.storage_path,
        state=ArtifactState(row.state),
        size=row.size,
        sha256=row.sha256.hex() if row.sha256 else None,
        created_at=row.created_at,
        uploaded_at=row.uploaded_at,
    )


async def get_download_url(system: AppContext, scope: Scope, artifact_id: UUID) -> str:
    """Return the signed URL of an artifact.

    Raises:
        NotFound: the caller does not see such an artifact, or its file was not uploaded.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_artifact_row(scope, tx, artifact_id)
        scope.check(row.project_id)
    if await system.store.find_uploaded(row.storage_path) is None:
        raise NotFound("This artifact was never uploaded.")
    inline = row.media_type == PNG
    return await system.store.sign_get(
        row.storage_path, lifetime_s=DOWNLOAD_LIFETIME_S, filename=None if inline else row.filename
    )


async def purge_orphans(system: AppContext, scope: Scope) -> bool:
    """Delete a batch of artifacts that were unused for a week; return whether there may be more.

    The file is deleted before its row. After a crash the row is found again; a file without a row
    would not be.
    """
    async with system.database.transaction(scope) as tx:
        if await is_backup_running(scope, tx):
            return False  # the rows of a backup refer to the files
        idle = await list_orphan_candidates(scope, tx, ORPHANS_KEPT_S, BATCH)
        for row, state in idle:
            seen = (
                await _look(system, row)
                if state in FINAL
                else StoredUpload(row.presigned_at, row.uploaded_at)
            )
            if seen.file is not None:
                # The file was uploaded, but the analysis ended before the upload was recorded.
                record_upload(row, seen, _state_of(row))
                continue
            await system.store.delete(row.storage_path)
            await tx.session.delete(row)
            tx.audit("delete orphan", "artifact", row.id, row.project_id)
    return len(idle) == BATCH


def _state_of(row: ArtifactRow) -> ArtifactState:
    """Return the final state of a file that no annotation cites."""
    return ArtifactState.CITED if row.artifact_type in OF_THE_ANALYSIS else ArtifactState.UPLOADED


async def save_upload(
    system: AppContext, incoming: IncomingFile, key: str, media_type: str
) -> None:
    """Store a file that was uploaded to one of our URLs.

    Raises:
        Conflict: the file would replace a cited one, or its analysis has ended.
    """
    scope = Scope.system("upload")
    async with system.database.transaction(scope) as tx:
        found = await lock_artifact_by_path(scope, tx, key)
        if found is not None:
            row, state = found
            if row.state == ArtifactState.CITED or state in FINAL:
                raise Conflict(
                    "An annotation already refers to this file, or its analysis has ended "
                    f"({state}). Nothing was stored; the existing file was not changed."
                )
            row.uploaded_at = datetime.now(UTC)
        await system.store.keep(incoming, key, media_type)
