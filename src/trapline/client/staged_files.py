"""Upload of a large set: announce files in batches, upload each to the store, and import it."""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.errors import ApiStatusError
from trapline.client.uploads import ProgressFile, name_below
from trapline.wire.images import CaptureTimeSource, UploadedFile, UploadResult
from trapline.wire.staged_files import (
    NewStagedFile,
    NewStagedFiles,
    StagedFile,
    StagedFiles,
    StagedImportRequest,
    StagedImportResult,
    StagedImportState,
    StagedState,
)

STAGED_FROM_FILES = 200
STAGED_FROM_BYTES = 512 * 1024 * 1024
"""Larger sets are staged, so that an interrupted upload continues without sending twice."""
ANNOUNCED_AT_ONCE = 100
SENT_AT_ONCE = 4
ATTEMPTS = 3
"""Attempts to announce and upload files if none succeeds; a file may be written to meanwhile."""
NEAR_S = 60.0
"""Seconds; a URL that expires earlier is not used, and its file is announced again."""


class StagedUploadResult(NamedTuple):
    """Result for a file, and the image with its bytes."""

    outcome: str
    image_id: UUID | None
    detail: str | None
    captured_at_source: CaptureTimeSource | None = None


def needs_staging(files: Sequence[Path]) -> bool:
    """Return whether a set of files is large enough to be staged."""
    return (
        len(files) > STAGED_FROM_FILES
        or sum(path.stat().st_size for path in files) > STAGED_FROM_BYTES
    )


def split_announcements(files: Sequence[Path]) -> list[Sequence[Path]]:
    """Split files into sets that are announced at once."""
    return [
        files[first : first + ANNOUNCED_AT_ONCE]
        for first in range(0, len(files), ANNOUNCED_AT_ONCE)
    ]


def upload_staged_files(
    to: ApiSession,
    files: Sequence[Path],
    fields: Mapping[str, str],
    taken: Callable[[int], None],
    root: Path | None = None,
) -> UploadResult:
    """Announce files, upload missing ones and import them; `taken` is called with sent bytes.

    Below `root` files are named with their folders. A repeated call continues an interrupted one.

    Raises:
        ApiStatusError: the server or the store refused a request.
        ApiConnectionError: there is no response.
        OSError: a file cannot be read.
    """
    left: dict[Path, None] = dict.fromkeys(files)
    fates: dict[Path, StagedUploadResult] = {}
    counted: dict[Path, int] = {}
    in_vain = 0
    while left:
        new = {path: _describe(path, root) for path in left}
        found = _attempt(to, new, fields, _count_once(counted, taken))
        # On a slow connection URLs expire before the last files are sent, which is not an error
        # of these files.
        if all(fate.outcome == StagedImportState.MISSING for fate in found.values()):
            in_vain += 1
        last = in_vain == ATTEMPTS
        for path, fate in found.items():
            if fate.outcome != StagedImportState.MISSING or last:
                refused = fate._replace(outcome=StagedImportState.REFUSED.value)
                fates[path] = refused if fate.outcome == StagedImportState.MISSING else fate
                del left[path]
    told = [
        UploadedFile(
            filename=path.name,
            path=name_below(path, root),
            outcome=fate.outcome,
            image_id=fate.image_id,
            detail=fate.detail,
            captured_at_source=fate.captured_at_source,
        )
        for path, fate in ((path, fates[path]) for path in files)
    ]
    count = {
        outcome: sum(one.outcome == outcome for one in told)
        for outcome in ("imported", "duplicate", "refused")
    }
    without = sum(
        one.captured_at_source in (CaptureTimeSource.MODIFIED_TIME, CaptureTimeSource.RECEIVED_TIME)
        for one in told
    )
    return UploadResult(**count, files=told, without_camera_time=without)


def _count_once(
    counted: dict[Path, int], taken: Callable[[int], None]
) -> Callable[[Path, int], None]:
    """Report the total of sent bytes of a file; a repeated upload reports a negative change."""

    lock = threading.Lock()

    def count(path: Path, now: int) -> None:
        with lock:
            taken(now - counted.get(path, 0))
            counted[path] = now

    return count


def _attempt(
    to: ApiSession,
    new: Mapping[Path, NewStagedFile],
    fields: Mapping[str, str],
    count: Callable[[Path, int], None],
) -> dict[Path, StagedUploadResult]:
    asked = NewStagedFiles.model_validate({**fields, "files": list(new.values())})
    staged = to.send("POST", "/images/presign", StagedFiles, asked, retry=to.retry).files
    found: dict[Path, StagedUploadResult] = {}
    coming: dict[UUID, list[tuple[Path, StagedFile]]] = {}
    for path, one in zip(new, staged, strict=True):
        if one.file_id is None:
            count(path, new[path].size)
            found[path] = StagedUploadResult(one.state.value, one.image_id, one.detail)
        else:
            coming.setdefault(one.file_id, []).append((path, one))
    began, now = time.monotonic(), datetime.now(UTC)

    def send(path: Path, one: StagedFile) -> str | None:
        if expires_soon(one.expires_at, now, time.monotonic() - began):
            return "its upload URL expired before the upload started"
        return _send(to, path, one, count)

    with ThreadPoolExecutor(SENT_AT_ONCE) as senders:
        firsts = [same[0] for same in coming.values()]
        sent = senders.map(lambda first: send(*first), firsts)
        refusals = dict(zip(coming, sent, strict=True))
    fates = _import(to, [file_id for file_id, refusal in refusals.items() if refusal is None])
    for file_id, same in coming.items():
        refusal = refusals[file_id]
        fate = (
            fates[file_id]
            if refusal is None
            else StagedUploadResult(StagedImportState.MISSING.value, None, refusal)
        )
        for at, (path, _) in enumerate(same):
            count(path, new[path].size)
            is_twin = at > 0 and fate.outcome == StagedImportState.IMPORTED
            found[path] = (
                fate._replace(outcome=StagedImportState.DUPLICATE.value) if is_twin else fate
            )
    return found


def expires_soon(expires_at: datetime | None, announced_at: datetime, passed_s: float) -> bool:
    """Return whether a URL expires soon, from its lifetime in seconds and its local start time.

    If it seems to have expired before it was issued, the local clock is wrong, and the URL is used.
    """
    lasts_s = (expires_at - announced_at).total_seconds() if expires_at else 0.0
    return lasts_s > 2 * NEAR_S and passed_s > lasts_s - NEAR_S


def _describe(path: Path, root: Path | None) -> NewStagedFile:
    state = path.stat()
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return NewStagedFile(
        filename=name_below(path, root),
        size=state.st_size,
        sha256=sha256,
        modified_at=datetime.fromtimestamp(state.st_mtime, UTC),
    )


def _send(
    to: ApiSession, path: Path, staged: StagedFile, count: Callable[[Path, int], None]
) -> str | None:
    """Upload a file to its URL; return the reason if it is not accepted unchanged, else None."""
    if staged.state == StagedState.ARRIVED or staged.upload_url is None:
        return None
    url = staged.upload_url

    def put() -> None:
        sent = 0

        def read(size: int) -> None:
            nonlocal sent
            sent += size
            count(path, sent)

        with BufferedReader(ProgressFile(path, read), 256 * 1024) as file:
            to.put_signed(url, file, staged.headers)

    try:
        to.retry.run(put)
    except ApiStatusError as refused:
        if refused.is_transient:
            raise
        count(path, 0)
        return refused.detail
    return None


def _import(to: ApiSession, ids: Sequence[UUID]) -> dict[UUID, StagedUploadResult]:
    """Import uploaded files; ask again for those that are not ready."""
    fates: dict[UUID, StagedUploadResult] = {}
    while waiting := [file_id for file_id in ids if file_id not in fates]:
        told = to.send(
            "POST",
            "/images/import",
            StagedImportResult,
            StagedImportRequest(files=waiting),
            retry=to.retry,
        )
        for one in told.files:
            if one.outcome != StagedImportState.WAITING:
                fates[one.file_id] = StagedUploadResult(
                    one.outcome.value, one.image_id, one.detail, one.captured_at_source
                )
    return fates
