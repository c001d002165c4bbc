"""Analyses: one run of a model on one image, by a worker of a job or an external pipeline."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from trapline.wire.annotations import Annotation
from trapline.wire.values import UUID, AnyText, Id, Message, Request, ShortObject, Text, Time


class AnalysisState(StrEnum):
    """Where an analysis is."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


class AnalysisFormat(StrEnum):
    """The forms in which an analysis is given as a file."""

    JSON = "json"
    CSV = "csv"
    COCO = "coco"


class AnalysisPriority(StrEnum):
    """Priority requested from an external pipeline."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Analysis(Message):
    """One model run over one image, with the first page of its annotations in order; `next` is the
    cursor of the rest.

    `is_stale` is true if an external pipeline sent nothing for longer than
    ML_STALE_AFTER_S. `simulated` marks invented results, such as those of `trapline simulate`: they
    are not observations, and exports, filters and counts leave them out.
    """

    id: UUID
    image_id: UUID
    job_id: Id | None
    model_name: AnyText
    model_version: AnyText
    status: AnalysisState
    parameters: dict[str, Any]
    provenance: dict[str, Any]
    external_job_id: AnyText | None
    priority: AnalysisPriority
    error_message: AnyText | None
    is_stale: bool
    simulated: bool = False
    requested_by_id: UUID | None
    created_at: Time
    started_at: Time | None
    completed_at: Time | None
    updated_at: Time
    annotation_count: int
    annotations: list[Annotation]
    next: str | None = None


class CreatedAnalysis(Analysis):
    """A new analysis, with the secret that signs its callbacks: 64 characters, shown only here."""

    callback_secret: AnyText


class NewAnalysis(Request):
    """Request to create an analysis of an external pipeline; `simulated` results are invented."""

    image_id: UUID
    model_name: Annotated[str, Field(min_length=2, max_length=255, pattern=r"^[A-Za-z0-9_\-.]+$")]
    model_version: Annotated[Text, Field(min_length=1, max_length=100)]
    parameters: ShortObject = {}
    provenance: ShortObject = {}
    external_job_id: Annotated[Text, Field(min_length=1, max_length=255)] | None = None
    priority: AnalysisPriority = AnalysisPriority.NORMAL
    simulated: bool = False


class StatusUpdate(Request):
    """The state that an analysis is to move to; the message belongs to a failure."""

    status: AnalysisState
    error_message: Text | None = None


class Finalization(Request):
    """The end of an analysis: completed or failed."""

    status: AnalysisState
    error_message: Text | None = None
