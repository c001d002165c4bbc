"""Test a pull source: list it, fetch a few files, store nothing."""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from trapline.server.images.actions.deployments import build_deployment
from trapline.server.images.queries.deployments import DeploymentRow, get_deployment_row
from trapline.server.images.rules.capture_time import get_capture_time
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import OutboundFailed, TraplineError, Unprocessable
from trapline.server.platform.imaging.decoder_pool import SkippedFile, UndecodableFile
from trapline.server.platform.imaging.file_types import HEAD_BYTES, find_other_kind
from trapline.server.platform.vault import DecryptionError
from trapline.server.sources.actions.gateways import (
    build_location_key,
    open_gateway,
    open_source_feed,
)
from trapline.server.sources.actions.listed_starts import mark_non_images
from trapline.server.sources.actions.pull_run import format_internal_error
from trapline.server.sources.actions.source_folders import require_readable
from trapline.server.sources.actions.source_health import describe_backlog, describe_left_out
from trapline.server.sources.actions.source_settings import (
    apply_settings,
    build_row,
    resolve_deployment,
)
from trapline.server.sources.gateways.file_names import readable_name
from trapline.server.sources.gateways.gateway import Gateway, RemoteFile, Walk
from trapline.server.sources.queries.pulled_files import ListedFile, list_unknown_files
from trapline.server.sources.queries.sources import SourceRow, get_source_row
from trapline.server.sources.rules.pull_policy import (
    MINUTE,
    TEST_WITHIN,
    find_exclusion,
    find_folder_exclusion,
)
from trapline.wire.gateway_options import get_gateway_info
from trapline.wire.sources import (
    SourceSettings,
    SourceTestFile,
    SourceTestRequest,
    SourceTestResult,
)

log = structlog.get_logger(__name__)

SHOWN = 20
COMPARED_AT_ONCE = 500


@dataclass
class _Progress:
    """Intermediate results of a test."""

    files: list[SourceTestFile] = field(default_factory=list)
    listed: int = 0
    new: int = 0
    known: int = 0
    fetched_s: float = 0.0
    not_images: list[str] = field(default_factory=list)
    walk: Walk = field(default_factory=Walk)

    def describe_rest(self) -> dict[str, Any]:
        """Return what the listing left out, as fields of the test result."""
        return {"left_out": dict(self.walk.left_out), "unlisted_folders": len(self.walk.folders)}

    def answer(self, ok: bool, detail: str, health: str) -> SourceTestResult:
        """Build the test result from the intermediate results."""
        return SourceTestResult(
            ok=ok,
            health=health,
            detail=detail,
            listed=self.listed,
            new=self.new,
            files=self.files,
            **self.describe_rest(),
        )


async def run_source_test(
    system: AppContext,
    scope: Scope,
    source_id: UUID,
    files: int,
    change: SourceSettings | None = None,
) -> SourceTestResult:
    """Test a source with unsaved changes to its settings, fetching up to `files` files.

    Raises:
        NotFound: the source does not exist.
        Forbidden: the caller may not test sources, or the folder is not granted.
        Unprocessable: a setting is not valid.
        AddressNotAllowed: the policy forbids the address.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_source_row(scope, tx, source_id)
        deployment = await get_deployment_row(scope, tx, row.deployment_id)
        if change is not None:
            # The row is detached, otherwise the end of the transaction would store the changes.
            tx.session.expunge(row)
            before = build_location_key(row)
            apply_settings(system, row, change)
            row.moved_at = row.moved_at if build_location_key(row) == before else datetime.now(UTC)
        folder = await require_readable(system, scope, tx, row)
    return await _test(system, scope, row, deployment, files, folder)


async def run_settings_test(
    system: AppContext, scope: Scope, trial: SourceTestRequest, files: int
) -> SourceTestResult:
    """Test settings for a new source, and for its new deployment if given.

    Raises the same errors as creating the source.
    """
    async with system.database.transaction(scope) as tx:
        if trial.create_deployment is not None:
            scope.check(trial.create_deployment.project)
            fields = trial.create_deployment.model_dump(exclude={"project"})
            deployment = build_deployment(
                trial.create_deployment.project, fields | {"id": UUID(int=0)}
            )
        else:
            deployment = await resolve_deployment(scope, tx, trial.source)
        row = build_row(system, deployment, trial.source)
        folder = await require_readable(system, scope, tx, row)
    return await _test(system, scope, row, deployment, files, folder)


async def _test(
    system: AppContext,
    scope: Scope,
    row: SourceRow,
    deployment: DeploymentRow,
    files: int,
    folder: Path | None,
) -> SourceTestResult:
    progress = _Progress()
    within = asyncio.timeout(TEST_WITHIN.total_seconds())
    try:
        async with within:
            await _look(system, scope, row, deployment, files, progress, folder)
    except (OutboundFailed, Unprocessable, DecryptionError) as error:
        return progress.answer(False, str(error), "failing")
    except TraplineError:
        raise
    except Exception as error:
        if within.expired():
            detail = (
                f"the test took longer than {TEST_WITHIN // MINUTE} minutes; a run has more time"
            )
            return progress.answer(False, detail, "failing")
        log.exception("a test of a source failed unexpectedly", source=str(row.id))
        return progress.answer(False, format_internal_error(error), "failing")
    return _conclude(row, progress)


def _conclude(row: SourceRow, progress: _Progress) -> SourceTestResult:
    """Build the test result with the health that the source would have after its first run."""
    fetched = [file for file in progress.files if file.fetched]
    wrong = [file for file in fetched if file.detail is not None]
    health = "ok"
    if not progress.known and fetched and len(progress.not_images) == len(fetched) == progress.new:
        health = "no_images"
    elif not progress.known and fetched and len(wrong) == len(fetched):
        health = "all_failing"
    if wrong:
        return progress.answer(False, f"{wrong[0].path}: {wrong[0].detail}", health)
    if not progress.listed:
        detail = "The source responds, but lists no files."
    else:
        detail = (
            f"The source lists {progress.listed:,} files; "
            f"a run would import {progress.new:,} new ones."
        )
    if not progress.known and not progress.new and row.gateway != "websocket":
        health = "no_images"
        detail += (
            f" No image: {describe_left_out(progress.walk.left_out, len(progress.walk.folders))}."
        )
    elif 0 < row.max_files_per_run < progress.new:
        health = "behind"
        pace_s = progress.fetched_s / len(fetched) if fetched else None
        detail += (
            f" After its first run it is {describe_backlog(progress.new, pace_s)}; "
            "further runs follow immediately."
        )
    if progress.walk.folders:
        first = progress.walk.folders[0]
        detail += (
            f" {len(progress.walk.folders):,} folders cannot be listed, "
            f"such as {first.path}: {first.reason}."
        )
    return progress.answer(True, detail, health)


async def _look(
    system: AppContext,
    scope: Scope,
    row: SourceRow,
    deployment: DeploymentRow,
    files: int,
    progress: "_Progress",
    folder: Path | None,
) -> None:
    gateway = open_gateway(system, row, folder)
    try:
        if row.gateway == "websocket":
            async with open_source_feed(system, row):
                pass  # only test that the connection opens
        batch: list[RemoteFile] = []
        walk = Walk(lambda path: find_folder_exclusion(path, row.include, row.exclude))
        progress.walk = walk
        async for entry in gateway.list_files(walk):
            progress.listed += 1
            if (reason := find_exclusion(entry.path, row.include, row.exclude)) is None:
                batch.append(entry)
            else:
                walk.leave_out(reason)
            if len(batch) >= COMPARED_AT_ONCE:
                progress.new += await _compare(system, scope, row, gateway, batch, progress)
                batch = []
        progress.new += await _compare(system, scope, row, gateway, batch, progress)
        began_at = time.monotonic()
        for at in range(min(files, len(progress.files))):
            progress.files[at] = await _fetch(
                system, gateway, progress, progress.files[at], row, deployment
            )
        progress.fetched_s = time.monotonic() - began_at
    finally:
        await gateway.close()


async def _compare(
    system: AppContext,
    scope: Scope,
    row: SourceRow,
    gateway: Gateway,
    batch: list[RemoteFile],
    progress: "_Progress",
) -> int:
    if not batch:
        return 0
    listed = [
        ListedFile(entry.path, entry.size, entry.modified_at, entry.fingerprint) for entry in batch
    ]
    async with system.database.transaction(scope) as tx:
        unknown = await list_unknown_files(scope, tx, row, listed)
    progress.known += len(listed) - len(unknown)
    checked = await mark_non_images(gateway, unknown)
    progress.walk.left_out.update(file.skipped for file in checked if file.skipped is not None)
    unknown = [file for file in checked if file.skipped is None]
    shown = progress.files
    shown.extend(
        SourceTestFile(path=file.path, size=file.size, modified_at=file.modified_at)
        # Sorted by path, so that repeated tests fetch the same files from servers that list in
        # random order.
        for file in sorted(unknown, key=lambda one: one.path)[: max(0, SHOWN - len(shown))]
    )
    return len(unknown)


async def _fetch(
    system: AppContext,
    gateway: Gateway,
    progress: _Progress,
    file: SourceTestFile,
    row: SourceRow,
    deployment: DeploymentRow,
) -> SourceTestFile:
    limit = system.limits.image_bytes
    try:
        async with gateway.open_file(file.path) as opened, system.store.receive() as incoming:
            assert opened is not None, "without a known ETag, a file is always returned"
            head = b""
            async for chunk in opened.chunks:
                if incoming.size + len(chunk) > limit:
                    return _add_detail(file, f"it is larger than the limit of {limit // 2**20} MiB")
                head += chunk[: HEAD_BYTES - len(head)]
                await asyncio.to_thread(incoming.write, chunk)
            if (reason := find_other_kind(head, file.path)) is not None:
                progress.not_images.append(file.path)
                return _add_detail(file, reason)
            decoded = await system.decoders.inspect(incoming.path, project_id=row.project_id)
    except OutboundFailed as error:
        return _add_detail(file, error.detail)
    if isinstance(decoded, SkippedFile):
        progress.not_images.append(file.path)
    if isinstance(decoded, UndecodableFile | SkippedFile):
        return _add_detail(file, decoded.reason)
    captured = get_capture_time(
        decoded.exif,
        readable_name(file.path, is_encoded=get_gateway_info(row.gateway).has_encoded_paths),
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
            "width": decoded.width,
            "height": decoded.height,
            "captured_at": captured.at,
            "captured_at_source": captured.source.value,
        }
    )


def _add_detail(file: SourceTestFile, detail: str) -> SourceTestFile:
    return file.model_copy(update={"fetched": True, "detail": detail})
