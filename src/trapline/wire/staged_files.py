"""Staged files: images of large uploads that are announced, uploaded, and then imported."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from trapline.wire.images import CaptureTimeSource
from trapline.wire.values import (
    UUID,
    AnyText,
    Count,
    GivenTime,
    Id,
    LongText,
    Message,
    Request,
    Sha256,
    Time,
)

AT_ONCE = 1000
"""Maximum number of files per request."""


class NewStagedFile(Request):
    """Announced file: its name, size in bytes, SHA-256 and time of modification.

    The name may contain folders, such as `100RECNX/RCNX0001.JPG`. Parts that cannot be stored are
    removed.
    """

    filename: LongText
    size: Count
    sha256: Sha256
    media_type: Annotated[str, Field(max_length=100, pattern=r"^[a-z0-9.+\-]+/[a-z0-9.+\-]+$")] = (
        "application/octet-stream"
    )
    modified_at: GivenTime | None = None


class NewStagedFiles(Request):
    """Request to announce files for a deployment, or for the default deployment of a project."""

    project: Id | None = None
    deployment: UUID | None = None
    files: Annotated[list[NewStagedFile], Field(min_length=1, max_length=AT_ONCE)]

    @model_validator(mode="after")
    def _named(self) -> "NewStagedFiles":
        if self.project is None and self.deployment is None:
            raise ValueError("name a project or a deployment")
        return self


class StagedState(StrEnum):
    """Next step for an announced file: upload, import, or none if it exists or is too large."""

    SEND = "send"
    ARRIVED = "arrived"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class StagedFile(Message):
    """One announced file.

    PUT its bytes to `upload_url` with `headers`, before `expires_at`. `image_id` is the image that
    already has the same bytes; `detail` is the reason why a file is refused.
    """

    filename: AnyText
    state: StagedState
    file_id: UUID | None = None
    upload_url: AnyText | None = None
    headers: dict[str, str] = {}
    expires_at: Time | None = None
    image_id: UUID | None = None
    detail: AnyText | None = None


class StagedFiles(Message):
    """Next step for each announced file, in the order of the request."""

    files: list[StagedFile]


class StagedImportRequest(Request):
    """Uploaded files to import as images, by their `file_id`."""

    files: Annotated[list[UUID], Field(min_length=1, max_length=AT_ONCE)]


class StagedImportState(StrEnum):
    """Result for a staged file.

    Upload a `missing` file; request the import of a `waiting` file again.
    """

    IMPORTED = "imported"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    MISSING = "missing"
    WAITING = "waiting"


class ImportedFile(Message):
    """Result for one file, with the reason."""

    file_id: UUID
    filename: AnyText
    outcome: StagedImportState
    image_id: UUID | None = None
    detail: AnyText | None = None
    captured_at_source: CaptureTimeSource | None = None


class StagedImportResult(Message):
    """Result for each file, in the order of the request, and the number of each result."""

    imported: Count
    duplicate: Count
    refused: Count
    missing: Count
    waiting: Count
    files: list[ImportedFile]
