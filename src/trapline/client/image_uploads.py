"""Upload of image files, in several requests or directly to the store."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.errors import ApiError
from trapline.client.staged_files import needs_staging, split_announcements, upload_staged_files
from trapline.client.uploads import (
    list_files,
    merge_uploads,
    name_below,
    open_form_parts,
    split_upload_batches,
    track_progress,
)
from trapline.wire.images import UploadResult


class ImageUploadApi:
    """Methods that upload images."""

    _to: ApiSession

    def upload_images(
        self,
        files: Path | str | Sequence[Path | str],
        *,
        project: int | None = None,
        deployment: UUID | None = None,
        progress: Callable[[int, int], None] | None = None,
        relative_to: Path | str | None = None,
    ) -> UploadResult:
        """Upload files, or the images of a folder, to a deployment or a project's default one.

        Images keep their paths relative to the folder, or to `relative_to`. The result lists the
        files of a folder that are not images in `left_out`.

        `progress(sent, total)` is in bytes; `sent` decreases when a request is retried. Many files
        are sent in several requests, each of which is retried after transient failures; a file
        that is sent again is not stored twice. A large set is uploaded directly to the store, and
        a repeated upload sends only what is missing. After a permanent failure the error's `sent`
        has the result of the files that were sent.
        """
        root, listed = None if relative_to is None else Path(relative_to), None
        if isinstance(files, Path | str):
            listed = list_files(Path(files))
            found = listed.images
            root = root or (Path(files) if Path(files).is_dir() else None)
        else:
            found = [Path(file) for file in files]
        fields = {"project": project, "deployment": deployment}
        given = {name: str(value) for name, value in fields.items() if value is not None}
        taken = track_progress(found, progress)
        answers: list[UploadResult] = []
        try:
            if needs_staging(found):
                for batch in split_announcements(found):
                    result = upload_staged_files(self._to, batch, given, taken, root)
                    answers.append(result)
            else:
                for batch in split_upload_batches(found):
                    result = self._send_files(batch, given, taken, root)
                    answers.append(result)
        except ApiError as failed:
            failed.sent = merge_uploads(answers)
            raise
        merged = merge_uploads(answers)
        if listed is None:
            return merged
        left_out = [name_below(path, root) for path in listed.others]
        return merged.model_copy(update={"left_out": left_out, "hidden": listed.hidden})

    def _send_files(
        self,
        files: Sequence[Path],
        fields: Mapping[str, str],
        taken: Callable[[int], None],
        root: Path | None,
    ) -> UploadResult:
        def send() -> UploadResult:
            with open_form_parts(files, taken, root) as parts:
                return self._to.send("POST", "/images", UploadResult, files=parts, fields=fields)

        return self._to.retry.run(send)
