"""Images and their uploads."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from trapline.wire.analyses import Analysis, AnalysisState
from trapline.wire.annotations import ThumbnailBox
from trapline.wire.identifications import Identification
from trapline.wire.values import (
    UUID,
    AnyText,
    Count,
    GivenTime,
    Id,
    Message,
    Request,
    Time,
    reject_nul,
)


class CaptureTimeSource(StrEnum):
    """Where an image's capture time was read."""

    EXIF = "exif"
    FILENAME = "filename"
    MODIFIED_TIME = "modified_time"
    RECEIVED_TIME = "received_time"


class ImageDeletionInfo(Message):
    """Time, user and reason of a deletion; the image is purged at `purge_at`."""

    at: Time
    by: AnyText | None
    reason: AnyText | None
    purge_at: Time


class Image(Message):
    """Stored image; sizes are in upright pixels, URLs are signed and need no header.

    It is `reviewed` after an identification of it or of an annotation on it. `read_at` is the
    capture time that was read, if a user has replaced it. `source_path` is the path of a pulled
    file, or of an upload that was sent with its folders. The flag `no_camera_time`:
    the time is that of the file's modification or of its arrival, as `captured_at_source` states.
    The flag `truncated`: the file is a JPEG that ends before its image does; the missing rows, less
    than half, are grey.
    """

    id: UUID
    project_id: Id
    deployment_id: UUID
    deployment_name: AnyText
    filename: AnyText
    source_path: AnyText | None = None
    media_type: AnyText
    size_bytes: Count
    sha256: AnyText
    width: int
    height: int
    captured_at: Time
    captured_at_source: CaptureTimeSource
    read_at: Time | None = None
    time_zone: AnyText
    flags: list[AnyText]
    starred: bool = False
    reviewed: bool = False
    sequence_id: UUID | None = None
    tags: list[AnyText] = []
    thumbnail_url: AnyText | None
    preview_url: AnyText | None
    file_url: AnyText
    analysis_state: AnalysisState | None
    classes: list[AnyText]
    boxes: list[ThumbnailBox]
    deleted: ImageDeletionInfo | None = None
    created_at: Time


class ImageDetail(Image):
    """An image with its EXIF, where it came from, and every analysis of it, newest first.

    `identification` is what a person said that holds of it as a whole.
    """

    exif: dict[str, Any]
    captured_at_raw: AnyText | None
    clock_offset_s: int
    source_id: UUID | None
    identification: Identification | None = None
    analyses: list[Analysis]
    previous_id: UUID | None
    next_id: UUID | None


class ImageIds(Request):
    """Some images, of which all or none are changed; at most a thousand at once."""

    images: Annotated[list[UUID], Field(min_length=1, max_length=1000)]


class DeleteImagesRequest(ImageIds):
    """Delete images, and say why."""

    reason: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(reject_nul)]


def _trimmed(tag: str) -> str:
    tag = " ".join(tag.split())
    if not tag:
        raise ValueError("must not be empty")
    return tag


Tag = Annotated[str, Field(max_length=100), AfterValidator(reject_nul), AfterValidator(_trimmed)]
"""A word that a person puts on images."""

Tags = Annotated[list[Tag], Field(max_length=20)]
LONGEST_SHIFT_S = 100 * 366 * 86_400


class ImagesUpdate(ImageIds):
    """Change images; what is left out stays as it is.

    Of the last three at most one: `captured_at` puts another capture time in the place of the one
    that was read, for one image; `shift_s` shifts all times by this number of seconds; `as_read`
    restores the times that were read.
    """

    starred: bool | None = None
    add_tags: Tags = []
    remove_tags: Tags = []
    captured_at: GivenTime | None = None
    shift_s: Annotated[int, Field(ge=-LONGEST_SHIFT_S, le=LONGEST_SHIFT_S)] | None = None
    as_read: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> "ImagesUpdate":
        times = (self.captured_at is not None) + (self.shift_s is not None) + self.as_read
        if times > 1:
            raise ValueError("give only one of captured_at, shift_s and as_read")
        if self.captured_at is not None and len(set(self.images)) > 1:
            raise ValueError("captured_at is for one image; move the times of several with shift_s")
        if self.starred is None and not (self.add_tags or self.remove_tags or times):
            raise ValueError("nothing is to be changed")
        return self


class ImagesUpdateResult(Message):
    """How many images were changed, and how many were so already."""

    changed: Count
    unchanged: Count


class UploadedFile(Message):
    """Result for one file of an upload: `imported`, `duplicate` or `refused`, with the reason.

    `path` is its name with the folders that were sent, as it is stored.
    """

    filename: AnyText
    path: AnyText | None = None
    outcome: AnyText
    image_id: UUID | None
    detail: AnyText | None
    captured_at_source: CaptureTimeSource | None = None


class UploadResult(Message):
    """Result for each file of an upload, in the order sent.

    `left_out` are paths of a folder that the client did not send because they are not images by
    their names, and `hidden` is the number of hidden files; the server itself leaves out none.
    `without_camera_time` are imported images that have the time of their file.
    """

    imported: Count
    duplicate: Count
    refused: Count
    without_camera_time: Count = 0
    files: list[UploadedFile]
    left_out: list[AnyText] = []
    hidden: Count = 0


class ClassCount(Message):
    """A class and how many images show it."""

    class_name: AnyText
    images: Count


class TagCount(Message):
    """A tag and how many images have it."""

    tag: AnyText
    images: Count


class TagCounts(Message):
    """The tags of a project, the most frequent first."""

    results: list[TagCount]


class ClassCounts(Message):
    """The classes found in a project, the most frequent first."""

    results: list[ClassCount]


class ImageOrder(StrEnum):
    """How a list of images is ordered."""

    NEWEST_FIRST = "-captured_at"
    OLDEST_FIRST = "captured_at"


class AnalysisStateFilter(StrEnum):
    """The state of an image's newest analysis, or `none` where it was never queued."""

    NONE = "none"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
