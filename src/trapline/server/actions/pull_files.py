"""Taking the files of a run: each new one once, what becomes of it noted in one transaction with the run's counts."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from trapline.server.actions.import_images import Known, Place, check_image, check_room, keep_image
from trapline.server.db.pull_runs import RunLost, add_to_run
from trapline.server.db.pulled_files import list_fresh_files, list_tried_files, settle_file
from trapline.server.db.pushed_files import list_pushed_files
from trapline.server.db.sources import PulledFileRow, SourceRow, is_active
from trapline.server.errors import FileGone, OutboundFailed, TraplineError
from trapline.server.gateways.port import Gateway, OpenFile
from trapline.server.imaging.decoders import Broken, Skipped
from trapline.server.rules.access import Scope
from trapline.server.rules.pulling import FILE_WITHIN, LEFT_FOR, MINUTE, RUN_WITHIN, SETTLING, retry_file_after
from trapline.server.store.port import Incoming
from trapline.server.system import System

log = structlog.get_logger(__name__)

TAKEN_AT_ONCE = 100
# After so many files in a row that could not be fetched, it is the source that is sick.
SICK_AFTER = 5
_chance = random.Random()  # noqa: S311 - jitter is no secret


class SourceSick(Exception):
    """The source cannot be spoken to any more; what was not taken stays for the next run."""

    def __init__(self, error: OutboundFailed) -> None:
        super().__init__(error.detail)
        self.error = error


@dataclass
class Pull:
    """One run in the hands of this process."""

    system: System
    scope: Scope
    run_id: UUID
    source: SourceRow
    place: Place
    gateway: Gateway
    max_files: int
    began_at: datetime
    only_pushed: bool = False
    until: float = field(default_factory=lambda: time.monotonic() + RUN_WITHIN.total_seconds())
    last_taken: str | None = None
    failures_in_a_row: int = 0


class Paused(Exception):
    """The source was paused while its run went on."""


def unforeseen(error: Exception) -> str:
    """Say in words that something of ours broke; what it says itself may be long, and stands in the log."""
    return f"something happened that Trapline did not foresee ({type(error).__name__}); its log says more"


async def take_files(pull: Pull) -> None:
    """Take the files whose turn it is, fresh ones first, up to the limit of the run (0: no limit) and its time.

    Raises SourceSick where the source cannot be spoken to any more, and Paused.
    """
    left = None if pull.only_pushed else pull.max_files or None
    after: str | None = ""
    while (left is None or left > 0) and time.monotonic() < pull.until:
        wanted = TAKEN_AT_ONCE if left is None else min(TAKEN_AT_ONCE, left)
        async with pull.system.database.transaction(pull.scope) as tx:
            if pull.only_pushed:
                files = await list_pushed_files(pull.scope, tx, pull.source, wanted)
                if not files:
                    return
            elif after is not None:
                files = await list_fresh_files(pull.scope, tx, pull.source, after, wanted)
                after = files[-1].path if len(files) == wanted else None
            else:
                files = await list_tried_files(pull.scope, tx, pull.source, pull.began_at, wanted)
                if not files:
                    return
        for file in files:
            await _check_wanted(pull)
            await check_room(pull.system)
            await _take_file(pull, file)
            if time.monotonic() >= pull.until:
                return
        if left is not None:
            left -= len(files)


async def _check_wanted(pull: Pull) -> None:
    """Raise Paused where the source was paused since the run began; a run by hand of a paused one goes on."""
    if pull.source.is_active:
        async with pull.system.database.transaction(pull.scope) as tx:
            if not await is_active(pull.scope, tx, pull.source.id):
                raise Paused


async def _take_file(pull: Pull, file: PulledFileRow) -> None:
    within = asyncio.timeout(FILE_WITHIN.total_seconds())
    try:
        async with within:
            await _open_file(pull, file)
        pull.failures_in_a_row = 0
    except OutboundFailed as error:
        await _note_failure(pull, file, error)
    except (TraplineError, RunLost):
        raise
    except Exception as error:
        if within.expired():
            reason = f"it was not received within {FILE_WITHIN // MINUTE} minutes"
        elif isinstance(error, OSError):
            # The disk, the store or the database: no fault of this file.
            raise
        else:
            log.exception("a file could not be dealt with", source=str(pull.source.id), path=file.path)
            reason = unforeseen(error)
        await _note_failure(pull, file, OutboundFailed(reason))


async def _open_file(pull: Pull, file: PulledFileRow) -> None:
    async with pull.gateway.open_file(file.path, file.etag) as opened, pull.system.store.receive() as incoming:
        if opened is None:
            await _settle(pull, file, "imported", attempts=file.attempts)
        elif (left := _half_written(pull.source, file, opened)) is not None:
            wait, why = left
            attempts, size = file.attempts, opened.size
            await _settle(pull, file, "seen", error=why, attempts=attempts, again_after=wait, told_size=size)
        else:
            await _receive(pull, file, opened, incoming)


async def _receive(pull: Pull, file: PulledFileRow, opened: OpenFile, incoming: Incoming) -> None:
    limit = pull.system.limits.image_bytes
    async for chunk in opened.chunks:
        if incoming.size + len(chunk) > limit:
            await _settle(pull, file, "skipped", error=f"it is larger than the {limit // 2**20} MiB that are allowed")
            return
        await asyncio.to_thread(incoming.write, chunk)
    if opened.size is not None and incoming.size != opened.size:
        raise OutboundFailed("the transfer ended before the length that the server had announced")
    checked = await check_image(pull.system, pull.scope, pull.place, incoming, file.path, opened.modified_at)
    if isinstance(checked, Skipped):
        await _settle(pull, file, "skipped", error=checked.reason, size=incoming.size)
    elif isinstance(checked, Broken):
        if _is_young(opened.modified_at) and file.attempts == 0 and file.error is None:
            # Perhaps it is still being written: the next run sees it whole, or broken for good.
            await _settle(pull, file, "seen", error=f"left for the next run: {checked.reason}", again_after=LEFT_FOR)
        else:
            await _fail_file(pull, file, checked.reason, size=incoming.size)
    else:
        async with pull.system.database.transaction(pull.scope) as tx:
            if isinstance(checked, Known):
                image_id, is_new = checked.image_id, False
            else:
                image_id, is_new = await keep_image(pull.scope, tx, checked)
            state = "imported" if is_new else "duplicate"
            await settle_file(
                pull.scope,
                tx,
                file,
                state,
                sha256=bytes.fromhex(incoming.sha256),
                etag=opened.etag,
                image_id=image_id,
            )
            await add_to_run(pull.scope, tx, pull.run_id, **{state: 1}, bytes=incoming.size)
        pull.last_taken = file.path


def _half_written(source: SourceRow, file: PulledFileRow, opened: OpenFile) -> tuple[timedelta, str] | None:
    """Tell how long to leave a file that is still being written, and why; None if it may be taken.

    The size that the server gives now is what the next run compares with, so that a listing whose sizes are never
    right costs one more run and no file.
    """
    if source.min_age_s and opened.modified_at is not None:
        age = datetime.now(UTC) - opened.modified_at
        if timedelta(0) <= age < timedelta(seconds=source.min_age_s):
            why = f"left until it is {source.min_age_s} seconds old, as this source's settings say"
            return timedelta(seconds=source.min_age_s) - age, why
    if file.size is not None and opened.size is not None and file.size != opened.size:
        why = (
            f"left for the next run: it had {file.size:,} bytes and now has {opened.size:,}, as if still being written"
        )
        return LEFT_FOR, why
    return None


def _is_young(modified_at: datetime | None) -> bool:
    return modified_at is not None and abs(datetime.now(UTC) - modified_at) < SETTLING


async def _note_failure(pull: Pull, file: PulledFileRow, error: OutboundFailed) -> None:
    if error.retry_after_s is not None:
        # The server asks for patience: that is no fault of this file, nor of those that would come after it.
        wait = timedelta(seconds=error.retry_after_s)
        await _settle(pull, file, file.state, error=error.detail, attempts=file.attempts, again_after=wait)
        raise SourceSick(error)
    await _fail_file(pull, file, error.detail)
    if isinstance(error, FileGone):
        # A camera writes over its oldest pictures: that says nothing of the source.
        return
    pull.failures_in_a_row += 1
    if pull.failures_in_a_row >= SICK_AFTER:
        raise SourceSick(error)


async def _fail_file(pull: Pull, file: PulledFileRow, reason: str, size: int = 0) -> None:
    attempts = file.attempts + 1
    wait = retry_file_after(attempts, _chance)
    state = "quarantined" if wait is None else "failed"
    await _settle(pull, file, state, error=reason, attempts=attempts, again_after=wait, size=size)


async def _settle(
    pull: Pull,
    file: PulledFileRow,
    state: str,
    *,
    error: str | None = None,
    attempts: int = 0,
    again_after: timedelta | None = None,
    size: int = 0,
    told_size: int | None = None,
) -> None:
    counted = {"failed": "failed", "quarantined": "failed", "skipped": "skipped"}.get(state)
    counts = {"bytes": size} | ({counted: 1} if counted else {})
    async with pull.system.database.transaction(pull.scope) as tx:
        await settle_file(
            pull.scope, tx, file, state, error=error, attempts=attempts, again_after=again_after, size=told_size
        )
        await add_to_run(pull.scope, tx, pull.run_id, **counts)
