"""Pulling: begin a run, list what is there, take each new file once, note what became of it.

Killed anywhere, the next run neither loses nor doubles a file: each file's image, its line in the ledger and the run's
counts are one transaction, which fails as a whole once the run is no longer ours.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from trapline.server.actions.gateways import open_gateway
from trapline.server.actions.import_images import Known, Place, check_image, check_room, keep_image, place_of
from trapline.server.db.base import Transaction
from trapline.server.db.chores import defer_chore
from trapline.server.db.deployments import get_deployment
from trapline.server.db.pull_runs import (
    HEARTBEAT_S,
    RunLost,
    add_run,
    add_to_run,
    beat,
    end_dead_run,
    find_running,
    finish_run,
    list_sources_of_dead,
    take_run,
)
from trapline.server.db.pulled_files import Listed, count_due, find_unknown, list_next_files, note_listed, settle_file
from trapline.server.db.sources import PulledFileRow, SourceRow, get_source, take_due_sources
from trapline.server.errors import Conflict, DatabaseAway, OutboundFailed, TraplineError
from trapline.server.gateways.port import Entry, Gateway, OpenFile
from trapline.server.imaging.decoders import Broken, Skipped
from trapline.server.rules.access import Scope
from trapline.server.rules.pulling import (
    LEFT_FOR,
    SETTLING,
    judge_path,
    next_run,
    retry_file_after,
    retry_source_after,
)
from trapline.server.store.port import Incoming
from trapline.server.system import System
from trapline.server.vault import WrongKey
from trapline.wire.sources import RunAccepted

log = structlog.get_logger(__name__)

PULL = "pull_source"
"""The name of the chore that does a run."""

DUE_AT_ONCE = 50
LISTED_AT_ONCE = 500
TAKEN_AT_ONCE = 100
# After so many files in a row that could not be fetched, it is the source that is sick.
SICK_AFTER = 5
_chance = random.Random()  # noqa: S311 - jitter is no secret


class _SourceSick(Exception):
    """The source cannot be spoken to any more; what was not taken stays for the next run."""

    def __init__(self, error: OutboundFailed) -> None:
        super().__init__(error.detail)
        self.error = error


@dataclass
class _Pull:
    """One run in the hands of this process."""

    system: System
    scope: Scope
    run_id: UUID
    source: SourceRow
    place: Place
    gateway: Gateway
    max_files: int
    last_taken: str | None = None
    failures_in_a_row: int = 0


async def start_run(system: System, scope: Scope, source_id: UUID, max_files: int | None) -> RunAccepted:
    """Begin a run by hand. Raises NotFound, Forbidden, Conflict where one is in progress."""
    async with system.database.transaction(scope) as tx:
        source = await get_source(scope, tx, source_id, lock=True)
        run_id = await begin_run(scope, tx, source, "manual", max_files)
        if run_id is None:
            running = await find_running(scope, tx, source_id)
            assert running is not None
            raise Conflict(
                f"Run {running.id} of this source is in progress already; "
                f"see /api/v2/image-pull-sources/{source_id}/runs/{running.id}. Nothing was started."
            )
        tx.audit("run", "source", source.id, source.project_id)
    return RunAccepted(run_id=run_id, check_status_at=f"/api/v2/image-pull-sources/{source_id}/runs/{run_id}")


async def begin_run(
    scope: Scope, tx: Transaction, source: SourceRow, trigger: str, max_files: int | None = None
) -> UUID | None:
    """Add a run of a locked source and ask for the chore that does it; None if one is in progress."""
    await end_dead_run(scope, tx, source.id)
    if await find_running(scope, tx, source.id) is not None:
        return None
    run = await add_run(scope, tx, source, trigger, max_files)
    await defer_chore(scope, tx, PULL, run_id=run.id)
    return run.id


async def start_due_runs(system: System, scope: Scope) -> int:
    """Begin the runs whose time has come; answers how many. Missed ones are caught up once, running ones left alone."""
    begun = 0
    async with system.database.transaction(scope) as tx:
        for source in await take_due_sources(scope, tx, DUE_AT_ONCE):
            deployment = await get_deployment(scope, tx, source.deployment_id)
            now = datetime.now(UTC)
            source.next_run_at = next_run(source.schedule, ZoneInfo(deployment.time_zone), now, _chance)
            begun += await begin_run(scope, tx, source, "schedule") is not None
    return begun


async def follow_dead_runs(system: System, scope: Scope) -> int:
    """Begin a run after each whose process gives no sign of life, so that its source goes on; answers how many."""
    async with system.database.transaction(scope) as tx:
        begun = 0
        for source_id in await list_sources_of_dead(scope, tx):
            source = await get_source(scope, tx, source_id, lock=True)
            begun += await begin_run(scope, tx, source, "resumed") is not None
    return begun


async def pull(system: System, scope: Scope, run_id: UUID) -> None:
    """Do a run, unless another process has taken it or it is over."""
    async with system.database.transaction(scope) as tx:
        run = await take_run(scope, tx, run_id)
        if run is None:
            return
        source = await get_source(scope, tx, run.source_id)
        deployment = await get_deployment(scope, tx, source.deployment_id)
    place = place_of(deployment, source.id, source.filename_time_pattern)
    max_files = source.max_files_per_run if run.max_files is None else run.max_files
    bound = log.bind(source=str(source.id), run=str(run_id))
    try:
        gateway = open_gateway(system, source)
        try:
            doing = _Pull(system, scope, run_id, source, place, gateway, max_files)
            async with _heartbeat(doing):
                await _list(doing)
                await _take(doing)
                await _finish(doing)
        finally:
            await gateway.close()
    except RunLost:
        bound.warning("a run was taken over")
    except _SourceSick as sick:
        await _fail(system, scope, run_id, sick.error)
    except DatabaseAway:
        # No fault of the source. Whoever sees that this run has fallen silent goes on with it.
        bound.warning("a run ended because the database is away")
    except (TraplineError, WrongKey) as error:
        bound.warning("a run failed", reason=str(error))
        await _fail(system, scope, run_id, error)
    except BaseException:
        # A stop, or a fault of ours: what was taken is noted; the run must not look as if it went on.
        with suppress(TraplineError, RunLost):
            await asyncio.shield(_interrupt(system, scope, run_id))
        raise


@asynccontextmanager
async def _heartbeat(pull: _Pull) -> AsyncIterator[None]:
    async def give_signs() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            with suppress(DatabaseAway):
                async with pull.system.database.transaction(pull.scope) as tx:
                    await beat(pull.scope, tx, pull.run_id)

    beating = asyncio.create_task(give_signs())
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError, RunLost):
            await beating


async def _list(pull: _Pull) -> None:
    """Compare the listing with the ledger, batch by batch; what the ledger knows is not written again."""
    batch: list[Listed] = []
    async for entry in pull.gateway.list_files():
        listed = _judge(pull.source, entry)
        if listed is not None:
            batch.append(listed)
        if len(batch) >= LISTED_AT_ONCE:
            await _note(pull, batch)
            batch = []
    await _note(pull, batch)


def _judge(source: SourceRow, entry: Entry) -> Listed | None:
    verdict = judge_path(entry.path, source.include, source.exclude)
    if not verdict.takes and verdict.reason is None:
        return None
    return Listed(entry.path, entry.size, entry.modified_at, entry.fingerprint, verdict.reason)


async def _note(pull: _Pull, batch: list[Listed]) -> None:
    if not batch:
        return
    async with pull.system.database.transaction(pull.scope) as tx:
        unknown = await find_unknown(pull.scope, tx, pull.source.id, batch)
        new = await note_listed(pull.scope, tx, pull.source, unknown, LEFT_FOR)
        skipped = sum(file.skipped is not None for file in unknown)
        await add_to_run(pull.scope, tx, pull.run_id, listed=len(batch), new=new, skipped=skipped)


async def _take(pull: _Pull) -> None:
    """Take the files whose turn it is, up to the limit of the run (0: no limit)."""
    left = pull.max_files or None
    after = ""
    while left is None or left > 0:
        wanted = TAKEN_AT_ONCE if left is None else min(TAKEN_AT_ONCE, left)
        async with pull.system.database.transaction(pull.scope) as tx:
            files = await list_next_files(pull.scope, tx, pull.source.id, after, wanted)
        for file in files:
            await check_room(pull.system)
            await _take_file(pull, file)
            after = file.path
        if left is not None:
            left -= len(files)
        if len(files) < wanted:
            return


async def _take_file(pull: _Pull, file: PulledFileRow) -> None:
    try:
        async with pull.gateway.open_file(file.path, file.etag) as opened, pull.system.store.receive() as incoming:
            if opened is None:
                await _settle(pull, file, "imported", attempts=file.attempts)
            elif (wait := _half_written(pull.source, file, opened)) is not None:
                await _settle(pull, file, "seen", attempts=file.attempts, again_after=wait)
            else:
                await _receive(pull, file, opened, incoming)
        pull.failures_in_a_row = 0
    except OutboundFailed as error:
        await _note_failure(pull, file, error)


async def _receive(pull: _Pull, file: PulledFileRow, opened: OpenFile, incoming: Incoming) -> None:
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
                image_id, is_new = await keep_image(pull.system, pull.scope, tx, checked)
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


def _half_written(source: SourceRow, file: PulledFileRow, opened: OpenFile) -> timedelta | None:
    """Tell how long to leave a file that is still being written; None if it may be taken."""
    if source.min_age_s and opened.modified_at is not None:
        age = datetime.now(UTC) - opened.modified_at
        if timedelta(0) <= age < timedelta(seconds=source.min_age_s):
            return timedelta(seconds=source.min_age_s) - age
    grew = file.size is not None and opened.size is not None and file.size != opened.size
    return LEFT_FOR if grew else None


def _is_young(modified_at: datetime | None) -> bool:
    return modified_at is not None and abs(datetime.now(UTC) - modified_at) < SETTLING


async def _note_failure(pull: _Pull, file: PulledFileRow, error: OutboundFailed) -> None:
    if error.retry_after_s is not None:
        # The server asks for patience: that is no fault of this file, nor of those that would come after it.
        wait = timedelta(seconds=error.retry_after_s)
        await _settle(pull, file, file.state, error=error.detail, attempts=file.attempts, again_after=wait)
        raise _SourceSick(error)
    await _fail_file(pull, file, error.detail)
    pull.failures_in_a_row += 1
    if pull.failures_in_a_row >= SICK_AFTER:
        raise _SourceSick(error)


async def _fail_file(pull: _Pull, file: PulledFileRow, reason: str, size: int = 0) -> None:
    attempts = file.attempts + 1
    wait = retry_file_after(attempts, _chance)
    state = "quarantined" if wait is None else "failed"
    await _settle(pull, file, state, error=reason, attempts=attempts, again_after=wait, size=size)


async def _settle(
    pull: _Pull,
    file: PulledFileRow,
    state: str,
    *,
    error: str | None = None,
    attempts: int = 0,
    again_after: timedelta | None = None,
    size: int = 0,
) -> None:
    counted = {"failed": "failed", "quarantined": "failed", "skipped": "skipped"}.get(state)
    counts = {"bytes": size} | ({counted: 1} if counted else {})
    async with pull.system.database.transaction(pull.scope) as tx:
        await settle_file(pull.scope, tx, file, state, error=error, attempts=attempts, again_after=again_after)
        await add_to_run(pull.scope, tx, pull.run_id, **counts)


async def _finish(pull: _Pull) -> None:
    async with pull.system.database.transaction(pull.scope) as tx:
        source = await get_source(pull.scope, tx, pull.source.id, lock=True)
        remaining = await count_due(pull.scope, tx, source.id)
        await finish_run(pull.scope, tx, pull.run_id, "completed", remaining=remaining)
        source.consecutive_failures = 0
        source.last_error = None
        source.last_pull_timestamp = datetime.now(UTC)
        if pull.last_taken is not None:
            source.last_pulled_filename = pull.last_taken


async def _fail(system: System, scope: Scope, run_id: UUID, error: Exception) -> None:
    """End a run that could not go on; its source is left alone for longer each time, and comes back by itself."""
    retry_after_s = error.retry_after_s if isinstance(error, OutboundFailed) else None
    with suppress(RunLost):
        async with system.database.transaction(scope) as tx:
            source_id = await finish_run(scope, tx, run_id, "failed", error=str(error))
            source = await get_source(scope, tx, source_id, lock=True)
            source.consecutive_failures += 1
            source.last_error = str(error)
            wait = retry_source_after(source.consecutive_failures, _chance)
            wait = max(wait, timedelta(seconds=retry_after_s or 0))
            not_before = datetime.now(UTC) + wait
            if source.next_run_at is None or source.next_run_at < not_before:
                source.next_run_at = not_before


async def _interrupt(system: System, scope: Scope, run_id: UUID) -> None:
    async with system.database.transaction(scope) as tx:
        error = "stopped in the middle; the next run goes on"
        source = await get_source(scope, tx, await finish_run(scope, tx, run_id, "interrupted", error=error), lock=True)
        # The tick that follows goes on, whoever does it.
        source.next_run_at = datetime.now(UTC)
