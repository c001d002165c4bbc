"""Jobs: one run of one pipeline over a selection of images."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, model_validator

from trapline.wire.failures import FailureGroup
from trapline.wire.values import (
    UUID,
    AnyText,
    Count,
    FreeObject,
    GivenTime,
    Id,
    Message,
    Name,
    Request,
    Slug,
    Time,
)


class JobOrder(StrEnum):
    """Order of jobs: by time of request."""

    NEWEST_FIRST = "-created_at"
    OLDEST_FIRST = "created_at"


class JobState(StrEnum):
    """State of a job."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


class JobPriority(StrEnum):
    """Priority of a job; tasks of a higher priority are leased first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


PRIORITIES = (JobPriority.LOW, JobPriority.NORMAL, JobPriority.HIGH)
"""The priorities in the order of their stored numbers."""


class JobStart(StrEnum):
    """Start of a job: immediately, or when a user runs it."""

    NOW = "now"
    LATER = "later"


def reject_null(chosen: Request) -> None:
    """Reject conditions that are null, because an unset variable would select every image.

    Raises:
        ValueError: a condition is null.
    """
    if empty := sorted(name for name in chosen.model_fields_set if getattr(chosen, name) is None):
        raise ValueError(
            f"{empty[0]} must not be null: leave it out, or name the images that are meant"
        )


class Selection(Request):
    """The images of a job: IDs, a sequence, or all that match the filter.

    An empty filter selects all images.
    """

    images: Annotated[list[UUID], Field(min_length=1, max_length=100_000)] | None = None
    deployment: UUID | None = None
    captured_after: GivenTime | None = None
    captured_before: GivenTime | None = None
    sequence: UUID | None = None
    unanalysed_only: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> "Selection":
        reject_null(self)
        filters = self.deployment or self.captured_after or self.captured_before
        if sum((self.images is not None, self.sequence is not None, bool(filters))) > 1:
            raise ValueError("give only one of image ids, a sequence and a filter")
        return self


class NewJob(Request):
    """Request to run a pipeline or a preset over a selection of a project's images.

    `parameters` and `priority` override those of the preset.
    """

    project: Id
    pipeline: Slug | None = None
    preset: Slug | None = None
    name: Name | None = None
    selection: Selection = Selection()
    parameters: FreeObject = {}
    priority: JobPriority | None = None
    start: JobStart = JobStart.NOW

    @model_validator(mode="after")
    def _one_pipeline(self) -> "NewJob":
        if (self.preset is None) == (self.pipeline is None):
            raise ValueError("give exactly one of preset and pipeline")
        return self


class JobUpdate(Request):
    """Request to update a job that has not ended; omitted fields keep their values."""

    name: Name | None = None
    priority: JobPriority | None = None


class RetryRequest(Request):
    """Request to retry all failed tasks of a job, or one of these selections.

    IDs of tasks that did not fail are ignored.
    """

    reason: Annotated[AnyText, Field(max_length=10_000)] | None = None
    analyses: Annotated[list[UUID], Field(min_length=1, max_length=10_000)] | None = None
    images: Annotated[list[UUID], Field(min_length=1, max_length=10_000)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "RetryRequest":
        if sum(given is not None for given in (self.reason, self.analyses, self.images)) > 1:
            raise ValueError("give a reason, ids of analyses, or ids of images; only one of them")
        return self


class JobTransition(Message):
    """One state transition of a job, with the user or cause of it.

    `attempt` is the number of times that the job was queued.
    """

    number: int
    from_state: JobState | None
    to_state: JobState
    at: Time
    actor: AnyText
    reason: AnyText | None
    worker_id: UUID | None = None
    attempt: Count = 1


class JobProgress(Message):
    """Numbers of a job's images by state.

    `total` grows until the job is `expanded`, to about `expected`.
    """

    total: Count
    expected: Count | None = None
    queued: Count
    processing: Count
    completed: Count
    failed: Count
    canceled: Count


class Job(Message):
    """One run of one pipeline.

    `status_reason` states in one sentence what the job is doing or waiting for. A job that is
    `not_started` waits until a user runs it. `preset` and `metadata` are those of the requested
    run; `content_preview` describes its content in at most 50 characters.
    """

    id: Id
    project_id: Id
    name: AnyText
    pipeline_slug: AnyText
    pipeline_version: int
    status: JobState
    priority: JobPriority
    paused: bool
    not_started: bool
    automatic: bool
    parameters: dict[str, Any]
    selection: dict[str, Any]
    preset: AnyText | None = None
    metadata: dict[str, Any] = {}
    content_preview: AnyText = ""
    progress: JobProgress
    expanded: bool
    images_per_s: float | None
    seconds_left: float | None
    status_reason: AnyText
    requested_by: AnyText | None
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    updated_at: Time


class ProgressSummary(Message):
    """Progress in the form of Antenna: a status of its jobs, a fraction and a label."""

    status: AnyText
    progress: float
    status_label: AnyText


class StageParameter(Message):
    """One number of a stage."""

    key: AnyText
    name: AnyText
    value: Count


class ProgressStage(ProgressSummary):
    """One stage of a job: `collect`, `process` or `results`."""

    key: AnyText
    name: AnyText
    params: list[StageParameter]


class JobDetailProgress(JobProgress):
    """Numbers of images by state, with a summary and stages for clients of Antenna."""

    summary: ProgressSummary
    stages: list[ProgressStage]


class JobPipeline(Message):
    """The pipeline of a job, as it is registered now."""

    id: Id
    name: AnyText
    slug: AnyText
    version: int


class JobProject(Message):
    """The project of a job."""

    id: Id
    name: AnyText


class JobDetail(Job):
    """A job with its history, its failures by reason, and its detections by class."""

    progress: JobDetailProgress
    pipeline: JobPipeline
    project: JobProject
    transitions: list[JobTransition]
    failures: list[FailureGroup]
    classes: dict[str, int]
    annotations: Count
    nothing_found: Count
