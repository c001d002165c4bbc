"""Staged files: pictures of a large set on their way in, announced first, sent straight to the store, then imported."""

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
"""So many files are announced, or imported, by one request."""


class NewStagedFile(Request):
    """A picture that is going to be sent: its name, its size in bytes, its SHA-256 and when it was
    last changed.

    The name may have folders before it, as `100RECNX/RCNX0001.JPG`. What cannot be stored of it is
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
    """Pictures for a deployment, or for a project and there its default deployment."""

    project: Id | None = None
    deployment: UUID | None = None
    files: Annotated[list[NewStagedFile], Field(min_length=1, max_length=AT_ONCE)]

    @model_validator(mode="after")
    def _named(self) -> "NewStagedFiles":
        if self.project is None and self.deployment is None:
            raise ValueError("name a project or a deployment")
        return self


class StagedState(StrEnum):
    """What to do with a file that was announced: send it, import it, or nothing, because it is there or too large."""

    SEND = "send"
    ARRIVED = "arrived"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class StagedFile(Message):
    """One announced file. Where it is to be sent: PUT its bytes to `upload_url` with `headers`,
    until `expires_at`.

    `image_id` is the image that has these very bytes already; `detail` says why a file is refused.
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
    """What to do with each announced file, in the order told."""

    files: list[StagedFile]


class StagedImportRequest(Request):
    """Files that were sent and are to become images, by their `file_id`."""

    files: Annotated[list[UUID], Field(min_length=1, max_length=AT_ONCE)]


class StagedImportState(StrEnum):
    """What became of a file.

    One that is `missing` is to be sent, one that is `waiting` to be asked for again.
    """

    IMPORTED = "imported"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    MISSING = "missing"
    WAITING = "waiting"


class ImportedFile(Message):
    """What became of one file, and why."""

    file_id: UUID
    filename: AnyText
    outcome: StagedImportState
    image_id: UUID | None = None
    detail: AnyText | None = None
    captured_at_source: CaptureTimeSource | None = None


class StagedImportResult(Message):
    """What became of each file, in the order asked, and how many came to what."""

    imported: Count
    duplicate: Count
    refused: Count
    missing: Count
    waiting: Count
    files: list[ImportedFile]
