"""Methods for pull sources, their runs and their files."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.pushed_events import EventSecret
from trapline.wire.source_folders import NewSourceFolder, SourceFolder, UngrantedSource
from trapline.wire.sources import (
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


class SourceApi:
    """Methods for pull sources."""

    _to: ApiSession

    def list_sources(self, **filters: str | int | float | None) -> NotebookPage[Source]:
        """List one page of pull sources."""
        return self._to.get("/image-pull-sources", NotebookPage[Source], filters)

    def list_gateways(self) -> list[GatewayDescription]:
        """List the gateways, with the JSON schema of the options of each."""
        return self._to.get("/image-pull-sources/gateways", list[GatewayDescription])

    def create_source(self, new: NewSource) -> Source:
        """Create a pull source."""
        return self._to.send("POST", "/image-pull-sources", Source, new)

    def get_source(self, source_id: UUID) -> Source:
        """Get a pull source."""
        return self._to.get(f"/image-pull-sources/{source_id}", Source)

    def update_source(self, source_id: UUID, change: SourceSettings) -> Source:
        """Update the fields that are set in `change`."""
        return self._to.send("PATCH", f"/image-pull-sources/{source_id}", Source, change)

    def delete_source(self, source_id: UUID) -> None:
        """Delete a pull source."""
        self._to.send("DELETE", f"/image-pull-sources/{source_id}", type(None))

    def run_settings_test(self, trial: SourceTestRequest, files: int = 2) -> SourceTestResult:
        """Test settings that are not saved yet."""
        return self._to.send(
            "POST", "/image-pull-sources/test", SourceTestResult, trial, params={"files": files}
        )

    def run_source_test(self, source_id: UUID, files: int = 2) -> SourceTestResult:
        """Test a source: list new files and download a few; nothing is stored."""
        return self._to.send(
            "POST",
            f"/image-pull-sources/{source_id}/test",
            SourceTestResult,
            params={"files": files},
        )

    def toggle_source(self, source_id: UUID, *, is_active: bool) -> Source:
        """Pause or resume a source."""
        path = f"/image-pull-sources/{source_id}/toggle"
        return self._to.send("PATCH", path, Source, params={"is_active": is_active})

    def create_event_secret(self, source_id: UUID) -> EventSecret:
        """Create the secret that signs a source's pushed events; only this response has it.

        The previous secret is valid for another day.
        """
        return self._to.send("POST", f"/image-pull-sources/{source_id}/event-secret", EventSecret)

    def delete_event_secret(self, source_id: UUID) -> None:
        """Delete the event secret of a source; pushed events are rejected."""
        self._to.send("DELETE", f"/image-pull-sources/{source_id}/event-secret", type(None))

    def run_source(self, source_id: UUID, max_files: int | None = None) -> PullRunAccepted:
        """Poll a source now; 0 files means no limit."""
        path = f"/image-pull-sources/{source_id}/process"
        return self._to.send("POST", path, PullRunAccepted, params={"max_files": max_files})

    def list_source_files(
        self, source_id: UUID, **filters: str | int | float | None
    ) -> NotebookPage[PulledFile]:
        """List one page of a source's files with their states; filters are state, cursor, limit."""
        return self._to.get(
            f"/image-pull-sources/{source_id}/files", NotebookPage[PulledFile], filters
        )

    def retry_source_files(self, source_id: UUID, path: str | None = None) -> RetryFilesResult:
        """Retry the failed and quarantined files of a source, or the one at `path`."""
        return self._to.send(
            "POST",
            f"/image-pull-sources/{source_id}/files/retry",
            RetryFilesResult,
            params={"path": path},
        )

    def list_source_runs(
        self, source_id: UUID, **filters: str | int | float | None
    ) -> NotebookPage[PullRun]:
        """List one page of a source's polls, newest first; filters are cursor, limit."""
        return self._to.get(f"/image-pull-sources/{source_id}/runs", NotebookPage[PullRun], filters)

    def get_source_run(self, source_id: UUID, run_id: UUID) -> PullRun:
        """Get a poll of a source with its progress."""
        return self._to.get(f"/image-pull-sources/{source_id}/runs/{run_id}", PullRun)

    def list_source_folders(self, **filters: str | int | float | None) -> list[SourceFolder]:
        """List the folders of the server's machine that are granted to projects."""
        return self._to.list_all("/source-folders", NotebookPage[SourceFolder], filters)

    def list_ungranted_sources(self) -> list[UngrantedSource]:
        """List the sources whose folder is not granted to their project."""
        return self._to.get("/source-folders/missing", list[UngrantedSource])

    def grant_source_folder(self, new: NewSourceFolder) -> SourceFolder:
        """Grant a folder to a project."""
        return self._to.send("POST", "/source-folders", SourceFolder, new)

    def revoke_source_folder(self, folder_id: UUID) -> None:
        """Revoke a folder; the sources that read it pause."""
        self._to.send("DELETE", f"/source-folders/{folder_id}", type(None))
