"""Images: one stored picture each."""

from enum import StrEnum
from typing import Any

from trapline.wire.analyses import Analysis, AnalysisState
from trapline.wire.annotations import Box
from trapline.wire.values import UUID, AnyText, Count, Id, Message, Time


class CaptureTimeSource(StrEnum):
    """Where an image's capture time was read."""

    EXIF = "exif"
    FILENAME = "filename"
    MODIFIED_TIME = "modified_time"
    RECEIVED_TIME = "received_time"


class Image(Message):
    """One stored picture; sizes are upright pixels, addresses are signed and need no header."""

    id: UUID
    project_id: Id
    deployment_id: UUID
    deployment_name: AnyText
    filename: AnyText
    media_type: AnyText
    size_bytes: Count
    sha256: AnyText
    width: int
    height: int
    captured_at: Time
    captured_at_source: CaptureTimeSource
    time_zone: AnyText
    flags: list[AnyText]
    thumbnail_url: AnyText | None
    preview_url: AnyText | None
    file_url: AnyText
    analysis_state: AnalysisState | None
    classes: list[AnyText]
    boxes: list[Box]
    created_at: Time


class ImageDetail(Image):
    """An image with its EXIF, where it came from, and every analysis of it, newest first."""

    exif: dict[str, Any]
    captured_at_raw: AnyText | None
    clock_offset_s: int
    source_id: UUID | None
    source_path: AnyText | None
    analyses: list[Analysis]
    previous_id: UUID | None
    next_id: UUID | None


class UploadedFile(Message):
    """What became of one file of an upload: `imported`, `duplicate` or `refused`, and why."""

    filename: AnyText
    outcome: AnyText
    image_id: UUID | None
    detail: AnyText | None


class Upload(Message):
    """What became of each file of an upload, in the order sent."""

    imported: Count
    duplicate: Count
    refused: Count
    files: list[UploadedFile]


class ClassCount(Message):
    """A class and how many images show it."""

    class_name: AnyText
    images: Count


class ClassCounts(Message):
    """The classes found in a project, the most frequent first."""

    results: list[ClassCount]


class ImageOrder(StrEnum):
    """How a list of images is ordered."""

    NEWEST_FIRST = "-captured_at"
    OLDEST_FIRST = "captured_at"


class StateFilter(StrEnum):
    """The state of an image's newest analysis, or `none` where it was never queued."""

    NONE = "none"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
