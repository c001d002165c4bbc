"""Routes for pull sources, their runs and their files."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.http.parameters import Cursor, Limit, ProjectFilter, set_etag
from trapline.server.sources.actions import pull_run_starts, source_tests, sources
from trapline.wire import gateway_options
from trapline.wire.sources import (
    FileState,
    GatewayDescription,
    NewSource,
    PulledFile,
    PullRun,
    PullRunAccepted,
    RetryFilesResult,
    Source,
    SourceSettings,
    SourceTestRequest,
    SourceTestResult,
)
from trapline.wire.values import Page, Text

router = APIRouter(prefix="/image-pull-sources", tags=["pull sources"])

TestFiles = Annotated[int, Query(ge=0, le=20, description="Number of files to fetch in the test.")]
FilePath = Annotated[
    Text | None, Query(max_length=1000, description="Path of one file; without it, all files.")
]
MaxFiles = Annotated[
    int | None, Query(ge=0, le=1_000_000, description="Maximum number of files; 0 means no limit.")
]


@router.get("")
async def list_sources(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Source]:
    """List active and paused pull sources by name."""
    return await sources.list_sources(system, scope, project, limit, cursor)


@router.post("", status_code=201)
async def create_source(
    system: SystemOf, scope: ScopeOf, new: NewSource, response: Response
) -> Source:
    """Create a pull source."""
    source = await sources.create_source(system, scope, new)
    response.headers["Location"] = f"/api/v2/image-pull-sources/{source.id}"
    return source


@router.get("/gateways")
async def list_gateways(_scope: ScopeOf) -> list[GatewayDescription]:
    """List the gateways, with the JSON schema of the options of each."""
    return gateway_options.list_gateways()


@router.post("/test")
async def run_settings_test(
    system: SystemOf, scope: ScopeOf, trial: SourceTestRequest, files: TestFiles = 2
) -> SourceTestResult:
    """Test settings without creating a source: list, fetch a few files, store nothing."""
    return await source_tests.run_settings_test(system, scope, trial, files)


@router.get("/{source_id}")
async def get_source(
    system: SystemOf, scope: ScopeOf, source_id: UUID, response: Response
) -> Source:
    """Return a pull source; secrets are never returned."""
    source = await sources.get_source(system, scope, source_id)
    set_etag(response, source.updated_at)
    return source


@router.patch("/{source_id}")
async def update_source(
    system: SystemOf, scope: ScopeOf, source_id: UUID, change: SourceSettings, response: Response
) -> Source:
    """Update a pull source; omitted fields keep their values."""
    source = await sources.update_source(system, scope, source_id, change)
    set_etag(response, source.updated_at)
    return source


@router.delete("/{source_id}", status_code=204)
async def delete_source(system: SystemOf, scope: ScopeOf, source_id: UUID) -> None:
    """Delete a pull source; its images are kept."""
    await sources.delete_source(system, scope, source_id)


@router.post("/{source_id}/test")
async def run_source_test(
    system: SystemOf,
    scope: ScopeOf,
    source_id: UUID,
    change: SourceSettings | None = None,
    files: TestFiles = 2,
) -> SourceTestResult:
    """Test a pull source, with changed settings if a body is given.

    The test lists the source, fetches a few files and stores nothing.
    """
    return await source_tests.run_source_test(system, scope, source_id, files, change)


@router.post("/{source_id}/process", status_code=202)
async def process_source(
    system: SystemOf,
    scope: ScopeOf,
    source_id: UUID,
    response: Response,
    max_files: MaxFiles = None,
) -> PullRunAccepted:
    """Start a run; returns 409 with the ID of the current run if one is in progress."""
    accepted = await pull_run_starts.start_run(system, scope, source_id, max_files)
    response.headers["Location"] = accepted.check_status_at
    return accepted


@router.patch("/{source_id}/toggle")
async def toggle_source(
    system: SystemOf, scope: ScopeOf, source_id: UUID, is_active: bool | None = None
) -> Source:
    """Pause or resume a pull source; without `is_active`, toggle it."""
    return await sources.toggle_source(system, scope, source_id, is_active)


@router.get("/{source_id}/runs")
async def list_runs(
    system: SystemOf, scope: ScopeOf, source_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> Page[PullRun]:
    """List the runs of a pull source, newest first."""
    return await sources.list_runs(system, scope, source_id, limit, cursor)


@router.get("/{source_id}/runs/{run_id}")
async def get_run(system: SystemOf, scope: ScopeOf, source_id: UUID, run_id: UUID) -> PullRun:
    """Return one run."""
    return await sources.get_run(system, scope, source_id, run_id)


@router.get("/{source_id}/files")
async def list_files(
    system: SystemOf,
    scope: ScopeOf,
    source_id: UUID,
    state: FileState | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PulledFile]:
    """List the files of a pull source with the state of each and the reason."""
    return await sources.list_files(system, scope, source_id, state, limit, cursor)


@router.post("/{source_id}/files/retry", status_code=202)
async def retry_files(
    system: SystemOf, scope: ScopeOf, source_id: UUID, path: FilePath = None
) -> RetryFilesResult:
    """Retry failed and quarantined files, or one of them, in the next run."""
    return await sources.retry_files(system, scope, source_id, path)
