"""Import the files of a run in parallel: download, check and store each, record the outcome."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from trapline.server.images.actions.image_import import ExistingImage, validate_image
from trapline.server.images.actions.thumbnails import save_thumbnails
from trapline.server.platform.errors import FileGone, OutboundFailed, TraplineError
from trapline.server.platform.imaging.decoder_pool import SkippedFile, UndecodableFile
from trapline.server.platform.imaging.file_types import find_other_kind
from trapline.server.platform.network.open_file import OpenFile
from trapline.server.platform.store.object_store import IncomingFile
from trapline.server.platform.store.storage_keys import THUMBNAIL_SIZES
from trapline.server.queue.actions.file_receiver import receive_file
from trapline.server.sources.actions.batch_committer import BatchCommitter
from trapline.server.sources.actions.file_scheduler import FileScheduler
from trapline.server.sources.actions.gateways import get_timeouts
from trapline.server.sources.actions.pull_run import (
    ActivePullRun,
    SourceFailing,
    format_internal_error,
)
from trapline.server.sources.gateways.file_names import readable_name
from trapline.server.sources.queries.pull_runs import PullRunOwnershipLost
from trapline.server.sources.queries.pulled_files import FileOutcome
from trapline.server.sources.queries.sources import PulledFileRow, SourceRow
from trapline.server.sources.rules.pull_policy import (
    FILE_WITHIN,
    LEFT_FOR,
    MINUTE,
    SETTLING,
    SLOWEST_OVER,
    get_file_delay,
    get_refused_delay,
)
from trapline.wire.gateway_options import get_gateway_info

log = structlog.get_logger(__name__)

# Files that are checked and stored while others are downloaded.
AHEAD = 6
_chance = random.Random()  # noqa: S311 - jitter needs no secure randomness


async def import_files(pull: ActivePullRun) -> None:
    """Import the files that are due, as many at a time as the source allows; see FileScheduler.

    Raises:
        SourceFailing: the source no longer responds.
        SourcePaused: the source was paused during the run.
        PullRunOwnershipLost: the run is no longer this process's.
    """
    settling, turns = BatchCommitter(pull), FileScheduler(pull)
    try:
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(settling.run())
            takers = range(pull.source.concurrency + AHEAD)
            await asyncio.gather(
                *[group.create_task(_take_turns(pull, settling, turns)) for _ in takers]
            )
            writing.cancel()
        await settling.finish()
    except BaseExceptionGroup as ended:
        raise ended.exceptions[0] from None


async def _take_turns(pull: ActivePullRun, settling: BatchCommitter, turns: FileScheduler) -> None:
    while True:
        async with AsyncExitStack() as stack:
            # A file is requested only with a free download slot, so that no file is requested
            # after an error that ends the run.
            async with pull.downloads:
                turn = await turns.begin()
                if turn is None:
                    return
                stack.push_async_callback(turns.end)
                number, file = turn
                incoming = await stack.enter_async_context(pull.system.store.receive())
                fetched = await _fetch_file(pull, turns, file, incoming)
            if isinstance(fetched, FileOutcome):
                if fetched.state == "skipped":
                    turns.return_place()
                await settling.settle(fetched)
            else:
                await _import_file(pull, settling, number, file, fetched, incoming)


async def _fetch_file(
    pull: ActivePullRun, turns: FileScheduler, file: PulledFileRow, incoming: IncomingFile
) -> OpenFile | FileOutcome:
    """Download a file; returns its headers, or its outcome if no import follows."""
    try:
        return await _fetch(pull, file, incoming)
    except OutboundFailed as error:
        if error.retry_after_s is not None:
            # The server sent Retry-After, so the run ends. The files are not the cause, with two
            # exceptions: this file failed although others were imported in this run, or it was
            # refused before while the server returned the listing.
            turns.stop(SourceFailing(error))
            wait = timedelta(seconds=error.retry_after_s)
            if pull.last_taken is not None:
                return _failed(file, error.detail, at_least=wait)
            if pull.may_blame and file.error is not None:
                # Only one file per run counts a failed attempt, because the server may refuse all
                # files.
                pull.may_blame = False
                return _failed(file, error.detail, at_least=wait, retry_after=get_refused_delay)
            return _settled(
                file, file.state, error=error.detail, attempts=file.attempts, again_after=wait
            )
        if not isinstance(error, FileGone):
            # Cameras overwrite old images, so a missing file does not count against the source.
            pull.failures.append(error)
        return _failed(file, error.detail)
    except (TraplineError, OSError):
        # The cause is the disk, the object store or the database, not this file.
        raise
    except Exception as error:
        return _fail_unexpectedly(pull, file, error)


async def _fetch(
    pull: ActivePullRun, file: PulledFileRow, incoming: IncomingFile
) -> OpenFile | FileOutcome:
    within = asyncio.timeout(FILE_WITHIN.total_seconds())
    try:
        async with within, pull.gateway.open_file(file.path, file.etag) as opened:
            if opened is None:
                return _settled(file, "imported", attempts=file.attempts)
            if (left := _find_reason_to_wait(pull.source, file, opened)) is not None:
                wait, why = left
                attempts, size = file.attempts, opened.size
                return _settled(
                    file, "seen", error=why, attempts=attempts, again_after=wait, size=size
                )
            return await _receive(pull, file, opened, incoming)
    except TimeoutError as error:
        if not within.expired():
            raise
        raise OutboundFailed(
            f"the download took longer than {FILE_WITHIN // MINUTE} minutes"
        ) from error


async def _receive(
    pull: ActivePullRun, file: PulledFileRow, opened: OpenFile, incoming: IncomingFile
) -> OpenFile | FileOutcome:
    window_s = max(SLOWEST_OVER.total_seconds(), get_timeouts(pull.source).download_s)
    reason = await receive_file(
        pull.system, opened, incoming, window_s, lambda head: find_other_kind(head, file.path)
    )
    return opened if reason is None else _settled(file, "skipped", error=reason)


async def _import_file(
    pull: ActivePullRun,
    settling: BatchCommitter,
    number: int,
    file: PulledFileRow,
    opened: OpenFile,
    incoming: IncomingFile,
) -> None:
    """Check and store a downloaded file, and record its outcome."""
    try:
        await _import(pull, settling, number, file, opened, incoming)
        pull.failures.clear()
    except (TraplineError, PullRunOwnershipLost, OSError):
        raise
    except Exception as error:
        await settling.settle(_fail_unexpectedly(pull, file, error))


async def _import(
    pull: ActivePullRun,
    settling: BatchCommitter,
    number: int,
    file: PulledFileRow,
    opened: OpenFile,
    incoming: IncomingFile,
) -> None:
    system, size = pull.system, incoming.size
    async with AsyncExitStack() as stack:
        thumbnails = {
            size: await stack.enter_async_context(system.store.receive())
            for size in THUMBNAIL_SIZES
        }
        name = readable_name(
            file.path, is_encoded=get_gateway_info(pull.source.gateway).has_encoded_paths
        )
        sha256 = bytes.fromhex(incoming.sha256)
        checked = await validate_image(
            system,
            pull.scope,
            pull.place,
            incoming,
            file.path,
            opened.modified_at,
            thumbnails,
            name,
            accepts_truncated=_accepts_truncated(file, opened, sha256),
        )
        if isinstance(checked, SkippedFile):
            await settling.settle(_settled(file, "skipped", error=checked.reason), size=size)
            return
        if isinstance(checked, UndecodableFile):
            await settling.settle(_broken(file, opened, checked.reason, sha256), size=size)
            return
        row, known = (
            (None, checked.image_id) if isinstance(checked, ExistingImage) else (checked, None)
        )
        settled = _settled(file, "duplicate", sha256=sha256, etag=opened.etag, image_id=known)
        new = await settling.settle(settled, image=row, size=size)
        pull.last_taken = max(pull.last_taken or (0, ""), (number, file.path))
        if row is not None and new is not None and row.thumbnails_claimed_until is not None:
            await save_thumbnails(system, new, thumbnails)
            settling.record_thumbnails(new)


def _find_reason_to_wait(
    source: SourceRow, file: PulledFileRow, opened: OpenFile
) -> tuple[timedelta, str] | None:
    """Return how long to leave a file that is still being written, and why; None to import it.

    The next run compares with the size that the server reports now. A listing with wrong sizes
    therefore costs one more run, but no file is lost.
    """
    if source.min_age_s and opened.modified_at is not None:
        age = datetime.now(UTC) - opened.modified_at
        if timedelta(0) <= age < timedelta(seconds=source.min_age_s):
            why = f"left until it is {source.min_age_s} seconds old, the minimum age of this source"
            return timedelta(seconds=source.min_age_s) - age, why
    if file.size is not None and opened.size is not None and file.size != opened.size:
        why = (
            f"left for the next run: its size changed from {file.size:,} to {opened.size:,} bytes, "
            "as if it is still being written"
        )
        return LEFT_FOR, why
    return None


def _is_young(modified_at: datetime | None) -> bool:
    return modified_at is not None and abs(datetime.now(UTC) - modified_at) < SETTLING


def _may_be_unfinished(file: PulledFileRow, opened: OpenFile) -> bool:
    return _is_young(opened.modified_at) and file.attempts == 0 and file.error is None


def _accepts_truncated(file: PulledFileRow, opened: OpenFile, sha256: bytes) -> bool:
    """Return whether a JPEG that ends early is all that the server has of the file.

    Either the transfer's end was confirmed and the file is older than SETTLING, or an earlier
    transfer of the file had the same bytes. For a young file that transfer is SETTLING ago.
    """
    is_young = _is_young(opened.modified_at)
    if opened.is_end_confirmed and opened.modified_at is not None and not is_young:
        return True
    is_settled = not is_young or datetime.now(UTC) - file.updated_at >= SETTLING
    return is_settled and file.sha256 == sha256


def _broken(file: PulledFileRow, opened: OpenFile, reason: str, sha256: bytes) -> FileOutcome:
    if _may_be_unfinished(file, opened):
        # It may still be being written; the next run finds it complete, or still broken.
        return _settled(
            file, "seen", error=f"left for the next run: {reason}", again_after=LEFT_FOR
        )
    return _failed(file, reason, sha256=sha256)


def _fail_unexpectedly(pull: ActivePullRun, file: PulledFileRow, error: Exception) -> FileOutcome:
    log.error(
        "a file could not be imported", source=str(pull.source.id), path=file.path, exc_info=error
    )
    pull.failures.append(OutboundFailed(format_internal_error(error)))
    return _failed(file, format_internal_error(error))


def _failed(
    file: PulledFileRow,
    reason: str,
    *,
    at_least: timedelta = timedelta(0),
    sha256: bytes | None = None,
    retry_after: Callable[[int, random.Random], timedelta | None] = get_file_delay,
) -> FileOutcome:
    attempts = file.attempts + 1
    wait = retry_after(attempts, _chance)
    if wait is None:
        return _settled(file, "quarantined", error=reason, attempts=attempts, sha256=sha256)
    return _settled(
        file,
        "failed",
        error=reason,
        attempts=attempts,
        again_after=max(wait, at_least),
        sha256=sha256,
    )


def _settled(file: PulledFileRow, state: str, **fields: Any) -> FileOutcome:
    return FileOutcome(file.path, file.fingerprint, file.attempts, state, **fields)
