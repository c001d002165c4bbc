"""Methods for imports of results of other programs."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.imports import (
    LIVE,
    AssignedFolders,
    Import,
    ImportFault,
    ImportFormat,
    UnmatchedFolders,
)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 2.0


class ImportApi:
    """Methods for imports."""

    _to: ApiSession

    def import_results(
        self,
        file: Path | str,
        kind: ImportFormat | str,
        *,
        project: int,
        folders: Mapping[str, UUID] | None = None,
        **options: str | int | float | None,
    ) -> Import:
        """Upload a file of results, which is imported in the background.

        A file that is uploaded again stores nothing twice.

        Options are deployment, model_name, model_version, confidence_min, nothing_is_blank.
        `folders` assigns folders of the file to the IDs of deployments.
        """
        path = Path(file)
        params: dict[str, Any] = {
            "project": project,
            "format": ImportFormat(kind).value,
            "filename": path.name,
            **options,
        }
        if folders:
            params["folder"] = [
                f"{folder}={deployment_id}" for folder, deployment_id in folders.items()
            ]
        # With the same key, a request that is sent again after a failure is one import.
        headers = {"Content-Type": "application/octet-stream", "Idempotency-Key": str(uuid4())}

        def send() -> Import:
            with path.open("rb") as content:
                return self._to.send(
                    "POST", "/imports", Import, content, params=params, headers=headers
                )

        return self._to.retry.run(send)

    def wait_for_import(
        self,
        import_id: UUID,
        *,
        timeout_s: float | None = None,
        progress: Callable[[Import], None] | None = None,
    ) -> Import:
        """Poll until an import ends or `timeout_s` seconds have passed, and return the import."""
        ends_at = None if timeout_s is None else time.monotonic() + timeout_s
        pause = FIRST_PAUSE_S
        while True:
            found = self.get_import(import_id)
            if progress is not None:
                progress(found)
            if found.state not in LIVE or (ends_at is not None and time.monotonic() > ends_at):
                return found
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_S)

    def list_imports(self, **filters: str | int | float | None) -> NotebookPage[Import]:
        """List one page of imports, newest first.

        Filters are project, format, state, cursor, limit.
        """
        return self._to.get("/imports", NotebookPage[Import], filters)

    def get_import(self, import_id: UUID) -> Import:
        """Get an import with its progress."""
        return self._to.get(f"/imports/{import_id}", Import)

    def list_import_faults(
        self, import_id: UUID, **filters: str | int | float | None
    ) -> NotebookPage[ImportFault]:
        """List one page of the entries that could not be imported; filters are cursor, limit."""
        return self._to.get(f"/imports/{import_id}/faults", NotebookPage[ImportFault], filters)

    def list_import_folders(self, import_id: UUID) -> UnmatchedFolders:
        """List the folders with ambiguous entries, and similar deployment names.

        Their entries match no image or several.
        """
        return self._to.get(f"/imports/{import_id}/folders", UnmatchedFolders)

    def assign_import_folders(self, import_id: UUID, folders: Mapping[str, UUID]) -> Import:
        """Assign folders of a file to the IDs of deployments, and import it again.

        Stored results are kept.
        """
        assigned = AssignedFolders(folders=dict(folders))
        return self._to.send("POST", f"/imports/{import_id}/folders", Import, assigned)

    def cancel_import(self, import_id: UUID) -> Import:
        """Cancel an import; imported results are kept."""
        return self._to.send("POST", f"/imports/{import_id}/cancel", Import)

    def delete_import(self, import_id: UUID) -> None:
        """Delete an import and its errors; imported annotations are kept."""
        self._to.send("DELETE", f"/imports/{import_id}", type(None))
