"""Methods for exports of a project to one file."""

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

from trapline.client.api_session import ApiSession
from trapline.client.errors import ApiStatusError
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.exports import LIVE, Export, ExportFormatDescription, NewExport

FIRST_LOOK_S, LONGEST_LOOK_S = 0.2, 3.0


class ExportApi:
    """Methods for exports."""

    _to: ApiSession

    def list_export_formats(self) -> list[ExportFormatDescription]:
        """List the formats of exports, with the options that each accepts."""
        return self._to.get("/exports/formats", list[ExportFormatDescription])

    def list_exports(self, **filters: str | int | float | None) -> NotebookPage[Export]:
        """List one page of exports, newest first.

        Filters are project, format, state, order, cursor, limit.
        """
        return self._to.get("/exports", NotebookPage[Export], filters)

    def create_export(self, new: NewExport, *, key: str | None = None) -> Export:
        """Create an export, which is built in the background; `wait_for_export` waits for it.

        `key` is the Idempotency-Key: the same key returns the same export. Each call has one, and
        is retried.
        """
        headers = {"Idempotency-Key": key or str(uuid4())}
        return self._to.send("POST", "/exports", Export, new, headers=headers, retry=self._to.retry)

    def get_export(self, export_id: UUID) -> Export:
        """Get an export with its progress and its problems."""
        return self._to.get(f"/exports/{export_id}", Export)

    def cancel_export(self, export_id: UUID) -> Export:
        """Cancel an export that is being built."""
        return self._to.send("POST", f"/exports/{export_id}/cancel", Export)

    def delete_export(self, export_id: UUID) -> None:
        """Delete an export and its file, in any state."""
        self._to.send("DELETE", f"/exports/{export_id}", type(None))

    def wait_for_export(
        self,
        export_id: UUID,
        *,
        timeout_s: float | None = None,
        progress: Callable[[Export], object] | None = None,
    ) -> Export:
        """Wait until an export is ready or has failed, and return it.

        `progress` is called with the export while it is built.

        Raises:
            TimeoutError: it takes longer than `timeout_s`; the export continues, and you can wait
                again.
        """
        ends = None if timeout_s is None else time.monotonic() + timeout_s
        pause = FIRST_LOOK_S
        while True:
            export = self.get_export(export_id)
            if progress is not None:
                progress(export)
            if export.state not in LIVE:
                return export
            if ends is not None and time.monotonic() + pause > ends:
                raise TimeoutError(
                    f"The export {export_id} is not ready after {timeout_s:g} s; it continues."
                )
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_LOOK_S)

    def download_export(
        self,
        export: Export,
        into: Path | str,
        *,
        progress: Callable[[int, int], object] | None = None,
    ) -> Path:
        """Download the file of a ready export to a file or into a folder; return its path.

        An interrupted download continues where it ended, also in a later call: the partial file is
        next to the target, as `.part`. The target is created when the download is complete.
        `progress(received, total)` is in bytes.
        """
        place = Path(into)
        place = place / export.filename if place.is_dir() else place
        part = place.with_name(f"{place.name}.{(export.sha256 or 'none')[:12]}.part")
        total = export.size_bytes or 0

        def receive() -> None:
            received = part.stat().st_size if part.exists() else 0
            if total and received >= total:
                return
            headers = {"Accept": "*/*"}
            if received:
                headers |= {"Range": f"bytes={received}-", "If-Range": f'"{export.sha256}"'}
            with (
                self._to.stream(
                    f"/exports/{export.id}/download", headers=headers, silent_s=60.0
                ) as answer,
                part.open("ab" if answer.status_code == 206 else "wb") as file,
            ):
                for piece in answer.iter_bytes(1 << 18):
                    file.write(piece)
                    if progress is not None:
                        progress(file.tell(), total)

        self._to.retry.run(receive)
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != export.sha256:
            part.unlink()
            raise ApiStatusError(
                502, "the downloaded file differs from the export; download it again"
            )
        part.replace(place)
        return place
