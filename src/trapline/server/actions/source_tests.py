"""Testing a pull source: list it, fetch a few files to prove it, store nothing."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from trapline.server.actions.gateways import open_feed_of, open_gateway, whereabouts_of
from trapline.server.actions.pull_run import unforeseen
from trapline.server.actions.source_folders import require_readable
from trapline.server.actions.sources import apply_settings, find_deployment, make_row
from trapline.server.db.deployments import DeploymentRow, get_deployment
from trapline.server.db.pulled_files import Listed, find_unknown
from trapline.server.db.sources import SourceRow, get_source
from trapline.server.errors import OutboundFailed, TraplineError, Unprocessable
from trapline.server.gateways.port import Entry, Gateway
from trapline.server.imaging.decoders import Broken, Skipped
from trapline.server.rules.access import Scope
from trapline.server.rules.capture_time import find_capture_time
from trapline.server.rules.pulling import MINUTE, TEST_WITHIN, judge_path
from trapline.server.system import System
from trapline.server.vault import WrongKey
from trapline.wire.sources import SourceSettings, SourceTest, SourceTrial, TestFile

log = structlog.get_logger(__name__)

SHOWN = 20
COMPARED_AT_ONCE = 500


@dataclass
class _Seen:
    """What a test has seen so far."""

    files: list[TestFile] = field(default_factory=list)
    listed: int = 0
    new: int = 0

    def failed(self, detail: str) -> SourceTest:
        """Answer with what was seen until it failed."""
        return SourceTest(ok=False, detail=detail, listed=self.listed, new=self.new, files=self.files)


async def prove_source(
    system: System, scope: Scope, source_id: UUID, files: int, change: SourceSettings | None = None
) -> SourceTest:
    """Test a source, and up to `files` of its files fetched, with a change that is not kept.

    Raises NotFound, Forbidden, and as the change would: Unprocessable, OutboundRefused.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_source(scope, tx, source_id)
        deployment = await get_deployment(scope, tx, row.deployment_id)
        if change is not None:
            # Out of the session, or the end of the transaction would store it.
            tx.session.expunge(row)
            before = whereabouts_of(row)
            apply_settings(system, row, change)
            row.moved_at = row.moved_at if whereabouts_of(row) == before else datetime.now(UTC)
        await require_readable(system, scope, tx, row)
    return await _test(system, scope, row, deployment, files)


async def try_source(system: System, scope: Scope, trial: SourceTrial, files: int) -> SourceTest:
    """Test settings before a source, and perhaps its deployment, is made of them. Raises as making it would."""
    async with system.database.transaction(scope) as tx:
        if trial.create_deployment is not None:
            scope.check(trial.create_deployment.project)
            fields = trial.create_deployment.model_dump(exclude={"project"})
            deployment = DeploymentRow(id=UUID(int=0), project_id=trial.create_deployment.project, **fields)
        else:
            deployment = await find_deployment(scope, tx, trial.source)
        row = make_row(system, deployment, trial.source)
        await require_readable(system, scope, tx, row)
    return await _test(system, scope, row, deployment, files)


async def _test(system: System, scope: Scope, row: SourceRow, deployment: DeploymentRow, files: int) -> SourceTest:
    seen = _Seen()
    within = asyncio.timeout(TEST_WITHIN.total_seconds())
    try:
        async with within:
            await _look(system, scope, row, deployment, files, seen)
    except (OutboundFailed, Unprocessable, WrongKey) as error:
        return seen.failed(str(error))
    except TraplineError:
        raise
    except Exception as error:
        if within.expired():
            return seen.failed(f"the test was not over within {TEST_WITHIN // MINUTE} minutes; a run has longer")
        log.exception("a test of a source broke", source=str(row.id))
        return seen.failed(unforeseen(error))
    shown, listed, new = seen.files, seen.listed, seen.new
    wrong = [file for file in shown if file.detail is not None]
    if wrong:
        return SourceTest(ok=False, detail=f"{wrong[0].path}: {wrong[0].detail}", listed=listed, new=new, files=shown)
    if not listed:
        detail = "The source answers, but lists no file."
    else:
        detail = f"The source lists {listed:,} files; a run would find {new:,} new ones to take."
    return SourceTest(ok=True, detail=detail, listed=listed, new=new, files=shown)


async def _look(
    system: System, scope: Scope, row: SourceRow, deployment: DeploymentRow, files: int, seen: "_Seen"
) -> None:
    gateway = open_gateway(system, row)
    try:
        if row.gateway == "websocket":
            async with open_feed_of(system, row):
                pass  # it can be connected to
        batch: list[Entry] = []
        async for entry in gateway.list_files():
            seen.listed += 1
            if judge_path(entry.path, row.include, row.exclude).takes:
                batch.append(entry)
            if len(batch) >= COMPARED_AT_ONCE:
                seen.new += await _compare(system, scope, row, batch, seen.files)
                batch = []
        seen.new += await _compare(system, scope, row, batch, seen.files)
        for at in range(min(files, len(seen.files))):
            seen.files[at] = await _fetch(system, gateway, seen.files[at], row, deployment)
    finally:
        await gateway.close()


async def _compare(system: System, scope: Scope, row: SourceRow, batch: list[Entry], shown: list[TestFile]) -> int:
    if not batch:
        return 0
    listed = [Listed(entry.path, entry.size, entry.modified_at, entry.fingerprint) for entry in batch]
    async with system.database.transaction(scope) as tx:
        unknown = await find_unknown(scope, tx, row, listed)
    shown.extend(
        TestFile(path=file.path, size=file.size, modified_at=file.modified_at)
        # By name: some servers list in no order at all, and a test is to look at the same files each time.
        for file in sorted(unknown, key=lambda one: one.path)[: max(0, SHOWN - len(shown))]
    )
    return len(unknown)


async def _fetch(
    system: System, gateway: Gateway, file: TestFile, row: SourceRow, deployment: DeploymentRow
) -> TestFile:
    limit = system.limits.image_bytes
    try:
        async with gateway.open_file(file.path) as opened, system.store.receive() as incoming:
            assert opened is not None, "without a known version every file is another one"
            async for chunk in opened.chunks:
                if incoming.size + len(chunk) > limit:
                    return _said(file, f"it is larger than the {limit // 2**20} MiB that are allowed")
                await asyncio.to_thread(incoming.write, chunk)
            picture = await system.decoders.inspect(incoming.path)
    except OutboundFailed as error:
        return _said(file, error.detail)
    if isinstance(picture, Broken | Skipped):
        return _said(file, picture.reason)
    captured = find_capture_time(
        picture.exif,
        file.path.rpartition("/")[2],
        zone=ZoneInfo(deployment.time_zone),
        clock_offset_s=deployment.clock_offset_s,
        filename_pattern=row.filename_time_pattern,
        modified_at=opened.modified_at,
        received_at=datetime.now(UTC),
    )
    return file.model_copy(
        update={
            "fetched": True,
            "size": incoming.size,
            "modified_at": opened.modified_at,
            "width": picture.width,
            "height": picture.height,
            "captured_at": captured.at,
            "captured_at_source": captured.source.value,
        }
    )


def _said(file: TestFile, detail: str) -> TestFile:
    return file.model_copy(update={"fetched": True, "detail": detail})
