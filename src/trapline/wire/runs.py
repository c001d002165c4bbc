"""Pipeline runs: submitted in one request, answered immediately, and polled or followed."""

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from trapline.wire.jobs import JobPriority, JobStart, Selection, reject_null
from trapline.wire.values import (
    UUID,
    AnyText,
    Count,
    FreeObject,
    GivenTime,
    Id,
    Message,
    Request,
    ShortObject,
    Slug,
    Time,
)

SHOWN = 50
"""Maximum length of a preview of the content."""


def _web_address(url: str) -> str:
    try:
        split = urlsplit(url)
        is_address = split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:
        is_address = False
    if not is_address or not url.isascii() or not url.isprintable():
        raise ValueError(
            "must be the complete URL of an image, such as https://camera.example/IMG_0001.JPG"
        )
    if split.username or split.password:
        raise ValueError("must not have a name and a password in it")
    return url


ImageUrl = Annotated[str, Field(max_length=2000), AfterValidator(_web_address)]
"""URL of an image; the rules for pull sources apply to its download."""


class PipelineRunState(StrEnum):
    """State of a job, as this interface reports it."""

    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


class RunContent(Request):
    """Content of a run: images by ID, images by URL, or a selection of the project's images.

    Exactly one of the three. A `sequence` selects its present images. Downloaded images are added
    to the `deployment`, or to the project's default one. A selection without a condition contains
    every image of the project.
    """

    image: UUID | None = None
    images: Annotated[list[UUID], Field(min_length=1, max_length=100_000)] | None = None
    url: ImageUrl | None = None
    urls: Annotated[list[ImageUrl], Field(min_length=1, max_length=100)] | None = None
    deployment: UUID | None = None
    captured_after: GivenTime | None = None
    captured_before: GivenTime | None = None
    unanalysed_only: bool = False
    sequence: UUID | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "RunContent":
        reject_null(self)
        ways = [self.image, self.images, self.url, self.urls]
        if sum(way is not None for way in ways) > 1:
            raise ValueError("give only one of image, images, url and urls")
        filters = (
            self.captured_after or self.captured_before or self.unanalysed_only or self.sequence
        )
        if any(way is not None for way in ways) and filters:
            raise ValueError("give either images, or a selection by time or sequence; not both")
        if self.sequence and (self.deployment or self.captured_after or self.captured_before):
            raise ValueError(
                "a sequence cannot be combined with a deployment or a time: leave them out"
            )
        if self.deployment and (self.image or self.images):
            raise ValueError("image IDs cannot be combined with a deployment: leave it out")
        return self

    @property
    def image_ids(self) -> list[UUID] | None:
        """The image IDs of the content, or None."""
        return [self.image] if self.image else self.images

    @property
    def image_urls(self) -> list[str] | None:
        """The image URLs of the content, or None."""
        return [self.url] if self.url else self.urls

    @property
    def selection(self) -> Selection:
        """The selection of a job for this content, without URLs."""
        if self.image_ids is not None:
            return Selection(images=self.image_ids)
        if self.image_urls is not None:
            return Selection()
        return Selection(
            **{
                name: getattr(self, name)
                for name in self.model_fields_set & Selection.model_fields.keys()
            }
        )


class NewRun(Request):
    """Request to run a preset or a pipeline over some content.

    `parameters` and `priority` override those of the preset. `project` may be omitted if the
    content determines it. `metadata` belongs to the caller and is returned with the job. With
    `start: later` no task is leased before POST /api/v2/jobs/{id}/run.
    """

    preset: Slug | None = None
    pipeline: Slug | None = None
    content: RunContent
    project: Id | None = None
    parameters: FreeObject = {}
    priority: JobPriority | None = None
    metadata: ShortObject = {}
    start: JobStart = JobStart.NOW

    @model_validator(mode="after")
    def _one_pipeline(self) -> "NewRun":
        if (self.preset is None) == (self.pipeline is None):
            raise ValueError("give exactly one of preset and pipeline")
        return self


class RunAccepted(Message):
    """Response to a submitted run, which is stored and queued."""

    status: AnyText = "queued"
    job_id: AnyText
    check_status_at: AnyText


class RunStateResult(Message):
    """Response to the cancellation or the retry of a run."""

    status: PipelineRunState
    job_id: AnyText
    check_status_at: AnyText


class StateHistoryEntry(Message):
    """One state of a job and its start.

    `metadata` has the worker, the attempt and the reason, if there are any.
    """

    state: PipelineRunState
    entered_at: Time
    metadata: dict[str, Any]


class RunProgress(Message):
    """Numbers of a job's images by state; `total` grows while images are queued, to about
    `expected`.
    """

    total: Count
    expected: Count | None = None
    queued: Count
    processing: Count
    completed: Count
    failed: Count
    canceled: Count


class RunResult(Message):
    """Result of a job that ended; `analyses` and `failures` are the URLs of the details."""

    images: Count
    completed: Count
    failed: Count
    annotations: Count
    by_class: dict[str, int]
    analyses: AnyText
    failures: AnyText


class Run(Message):
    """A job as it was requested, with its history; it has `result` and `error` when it ended."""

    job_id: AnyText
    status: PipelineRunState
    preset: AnyText | None
    pipeline: AnyText
    project: Id
    priority: JobPriority
    parameters: dict[str, Any]
    metadata: dict[str, Any]
    content_preview: AnyText
    status_reason: AnyText
    created_at: Time
    updated_at: Time
    state_history: list[StateHistoryEntry]
    progress: RunProgress
    result: RunResult | None
    error: AnyText | None


class RunSummary(Message):
    """A job in a list."""

    job_id: AnyText
    status: PipelineRunState
    preset: AnyText | None
    pipeline: AnyText
    project: Id
    content_preview: AnyText
    created_at: Time
    progress: RunProgress


class RunPage(Message):
    """One page of jobs, newest first.

    `count` is the number of jobs on the page, and `next` the cursor of the following page. `total`
    is exact up to 10,000 and an estimate beyond that.
    """

    jobs: list[RunSummary]
    limit: Count
    offset: Count
    count: Count
    next: AnyText | None
    total: Count
    total_is_estimate: bool = False


class RunEvent(Message):
    """Event of a stream: a new `state`, or the `progress`."""

    job_id: AnyText
    state: StateHistoryEntry | None = None
    progress: RunProgress | None = None
