"""Images and their uploads."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from trapline.wire.analyses import Analysis, AnalysisState
from trapline.wire.annotations import Annotation, ThumbnailBox
from trapline.wire.identifications import Identification
from trapline.wire.sensitive_taxa import LocationPrecision
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
    """Source of an image's capture time."""

    EXIF = "exif"
    FILENAME = "filename"
    MODIFIED_TIME = "modified_time"
    RECEIVED_TIME = "received_time"


class ObservedName(Message):
    """A name that an image shows, with its number of individuals; null where it is unknown."""

    name: AnyText
    count: int | None


class ImageDeletionInfo(Message):
    """Time, user and reason of a deletion; the image is purged at `purge_at`."""

    at: Time
    by: AnyText | None
    reason: AnyText | None
    purge_at: Time


class ImageTiles(Message):
    """The tiles of an image with more than 30 million pixels: squares of `size` pixels.

    Level 0 has the size of the image, and each further level half the size of the one before,
    rounded up. Append `&tile=LEVEL-COLUMN-ROW` to the URL to get the JPEG of a tile. Tiles at the
    right and lower edge can be smaller. They are generated when the first one is requested.
    """

    url: AnyText
    size: int
    levels: int


class Image(Message):
    """A stored image; sizes are in upright pixels, URLs are signed and need no header.

    `reviewed` is true after an identification of the image or of an annotation on it. `read_at` is
    the capture time of the file, if a user has replaced it. `source_path` is the path of a pulled
    file, or of an upload with folders. The flag `no_camera_time`: the time is that of the file's
    modification or of its arrival, as `captured_at_source` states. The flag `truncated`: the file
    is a JPEG that ends before its image does; the missing rows, less than half, are grey.
    """

    id: UUID
    project_id: Id
    deployment_id: UUID
    deployment_name: AnyText
    filename: AnyText
    location_precision: LocationPrecision = Field(
        default=LocationPrecision.EXACT,
        description="The precision at which the caller sees the location of its deployment. If it "
        "is not exact, the names of the file and most of its EXIF are withheld.",
    )
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
    tiles: ImageTiles | None = Field(
        default=None, description="Only for images with more than 30 million pixels."
    )
    analysis_state: AnalysisState | None
    classes: list[AnyText]
    blank: bool | None = Field(
        default=None, description="Whether nothing is there; null without observations."
    )
    needs_review: bool = Field(
        default=False, description="Whether one of its observations needs review."
    )
    boxes: list[ThumbnailBox]
    observed: list[ObservedName] = Field(
        default=[], description="The names that its observations have, the most specific first."
    )
    reviewers: list[AnyText] = Field(
        default=[], description="The names of the people whose decisions its observations have."
    )
    sequence_images: Count | None = Field(
        default=None, description="The number of images of its sequence."
    )
    deleted: ImageDeletionInfo | None = None
    created_at: Time


class ImageDetail(Image):
    """An image with its EXIF, its origin and all its analyses, newest first.

    `identification` is the current statement of a person about the whole image. `boxes_by_people`
    are the boxes that people drew.
    """

    exif: dict[str, Any]
    captured_at_raw: AnyText | None
    clock_offset_s: int
    source_id: UUID | None
    identification: Identification | None = None
    analyses: list[Analysis]
    boxes_by_people: list[Annotation] = []
    previous_id: UUID | None
    next_id: UUID | None


class ImageIds(Request):
    """IDs of at most 1,000 images; all of them are changed, or none."""

    images: Annotated[list[UUID], Field(min_length=1, max_length=1000)]


class DeleteImagesRequest(ImageIds):
    """Request to delete images, with a reason."""

    reason: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(reject_nul)]


def _trimmed(tag: str) -> str:
    tag = " ".join(tag.split())
    if not tag:
        raise ValueError("must not be empty")
    return tag


Tag = Annotated[str, Field(max_length=100), AfterValidator(reject_nul), AfterValidator(_trimmed)]
"""A tag that a user adds to images."""

Tags = Annotated[list[Tag], Field(max_length=20)]
LONGEST_SHIFT_S = 100 * 366 * 86_400


class ImagesUpdate(ImageIds):
    """Request to change images; omitted fields keep their values.

    At most one of the last three fields can be given. `captured_at` replaces the capture time of
    one image. `shift_s` shifts all times by this number of seconds. `as_read` restores the times of
    the files.
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
            raise ValueError("no change was given")
        return self


class ImagesUpdateResult(Message):
    """Number of images that were changed, and of images that already had these values."""

    changed: Count
    unchanged: Count


class UploadedFile(Message):
    """Result for one file of an upload: `imported`, `duplicate` or `refused`, with the reason.

    `path` is its name with its folders, as it is stored.
    """

    filename: AnyText
    path: AnyText | None = None
    outcome: AnyText
    image_id: UUID | None
    detail: AnyText | None
    captured_at_source: CaptureTimeSource | None = None


class UploadResult(Message):
    """Result for each file of an upload, in the order sent.

    `left_out` has paths of a folder that the client did not send because their names are not those
    of images. `hidden` is the number of hidden files. The server itself leaves out no file.
    Imported images `without_camera_time` have the time of their file.
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


LARGEST_SEED = 2**31 - 1


class ImageOrder(StrEnum):
    """Order of a list of images.

    `least_certain`: by the lowest confidence of an observation of a model; images without one
    follow. `models_disagree` and `people_disagree`: open disagreements first, newest first, then
    the others. `random`: one of the orders that `seed` chooses.
    """

    NEWEST_FIRST = "-captured_at"
    OLDEST_FIRST = "captured_at"
    LEAST_CERTAIN = "least_certain"
    MODELS_DISAGREE = "models_disagree"
    PEOPLE_DISAGREE = "people_disagree"
    RANDOM = "random"


class PublicImageOrder(StrEnum):
    """Order of the images of a public project: by capture time."""

    NEWEST_FIRST = "-captured_at"
    OLDEST_FIRST = "captured_at"


class AnalysisStateFilter(StrEnum):
    """State of an image's newest analysis; `none` if it was never queued."""

    NONE = "none"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
