"""Analyses: one run of a model on one image, by a worker of a job or an external pipeline."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from trapline.wire.annotations import Annotation
from trapline.wire.observations import SoughtKind
from trapline.wire.values import UUID, AnyText, Id, Message, Request, ShortObject, Text, Time


class AnalysisState(StrEnum):
    """State of an analysis."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


class AnalysisFormat(StrEnum):
    """File format of an exported analysis."""

    JSON = "json"
    CSV = "csv"
    COCO = "coco"


class AnalysisPriority(StrEnum):
    """Priority requested from an external pipeline."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Analysis(Message):
    """One model run over one image, with the first page of its annotations in order.

    `next` is the cursor of the following page. `is_stale` is true if an external pipeline sent
    nothing for longer than ML_STALE_AFTER_S. `simulated` marks invented results, such as those of
    `trapline simulate`: they are not observations, and exports, filters and counts leave them out.
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
    """Request to create an analysis of an external pipeline; `simulated` results are invented.

    `looks_for` declares what the pipeline looks for. It is stored for the model name in the
    project until another request declares something else; that of a simulated analysis is ignored.
    Only analyses of pipelines that look for animals, people or vehicles are observations and make
    images blank. A pipeline that never declared anything is taken for one of them.
    """

    image_id: UUID
    model_name: Annotated[str, Field(min_length=2, max_length=255, pattern=r"^[A-Za-z0-9_\-.]+$")]
    model_version: Annotated[Text, Field(min_length=1, max_length=100)]
    parameters: ShortObject = {}
    provenance: ShortObject = {}
    external_job_id: Annotated[Text, Field(min_length=1, max_length=255)] | None = None
    priority: AnalysisPriority = AnalysisPriority.NORMAL
    simulated: bool = False
    looks_for: (
        Annotated[list[SoughtKind], Field(min_length=1, max_length=len(SoughtKind))] | None
    ) = None


class StatusUpdate(Request):
    """The requested state of an analysis; only a failure has a message."""

    status: AnalysisState
    error_message: Text | None = None


class Finalization(Request):
    """The end of an analysis: completed or failed."""

    status: AnalysisState
    error_message: Text | None = None
