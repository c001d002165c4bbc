"""Analyses and what they found: one model run over one image, and its annotations."""

from enum import StrEnum
from typing import Any

from trapline.wire.values import UUID, AnyText, Id, Message, Time


class AnalysisState(StrEnum):
    """Where an analysis is."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"


class AnnotationType(StrEnum):
    """What kind of finding an annotation is."""

    BOUNDING_BOX = "bounding_box"
    CLASSIFICATION = "classification"
    HEATMAP = "heatmap"
    SEGMENTATION = "segmentation"
    MASK = "mask"
    KEYPOINT = "keypoint"
    CUSTOM = "custom"


class Annotation(Message):
    """One structured finding of an analysis. Boxes are in pixels of the upright original."""

    id: UUID
    analysis_id: UUID
    annotation_type: AnnotationType
    class_name: AnyText | None
    confidence: float | None
    data: dict[str, Any]
    storage_path: AnyText | None = None
    parent_id: UUID | None
    ordering: int | None
    algorithm: AnyText | None
    created_at: Time


class Analysis(Message):
    """One model run over one image, with its annotations in order."""

    id: UUID
    image_id: UUID
    job_id: Id | None
    model_name: AnyText
    model_version: AnyText
    status: AnalysisState
    error_message: AnyText | None
    created_at: Time
    started_at: Time | None
    completed_at: Time | None
    updated_at: Time
    annotation_count: int
    annotations: list[Annotation]


class Box(Message):
    """A box small enough to travel with a thumbnail: pixels of the upright original, the class that names it."""

    id: UUID
    x_min: float
    y_min: float
    x_max: float
    y_max: float
    class_name: AnyText | None
    confidence: float | None


class Scores(Message):
    """The scores of one classification over its class list, exact to single precision.

    `labels` are the classes in the order of the scores, null where no list of that length is known.
    """

    annotation_id: UUID
    class_name: AnyText | None
    algorithm: AnyText | None
    labels: list[AnyText] | None
    scores: list[float]
    logits: list[float] | None
