"""Annotations: what an analysis found."""

from enum import StrEnum
from typing import Any

from trapline.wire.identifications import Identification
from trapline.wire.values import UUID, AnyText, Id, Message, Time


class AnnotationType(StrEnum):
    """Kind of an annotation."""

    BOUNDING_BOX = "bounding_box"
    CLASSIFICATION = "classification"
    HEATMAP = "heatmap"
    SEGMENTATION = "segmentation"
    MASK = "mask"
    KEYPOINT = "keypoint"
    CUSTOM = "custom"


class Annotation(Message):
    """One structured finding of an analysis. Coordinates are pixels of the upright original.

    `scaled` says that it was posted for a frame of another size: the numbers as given are in
    `data.given`. `download_url` is a signed address of what `storage_path` names. `identification`
    is what a person said that holds of it, its box or its whole image; null where the model's words
    do, and for callers that are no people.
    """

    id: UUID
    analysis_id: UUID
    annotation_type: AnnotationType
    class_name: AnyText | None
    confidence: float | None
    data: dict[str, Any]
    storage_path: AnyText | None = None
    artifact_id: UUID | None = None
    download_url: AnyText | None = None
    parent_id: UUID | None
    ordering: int | None
    scaled: bool = False
    algorithm: AnyText | None
    created_at: Time
    identification: Identification | None = None


class ThumbnailBox(Message):
    """A box small enough to travel with a thumbnail: pixels of the upright original, the class that names it."""

    id: UUID
    x_min: float
    y_min: float
    x_max: float
    y_max: float
    class_name: AnyText | None
    confidence: float | None


class ClassificationScores(Message):
    """The scores of one classification over its class list, exact to single precision.

    `labels` are the classes in the order of the scores, null where no list of that length is known.
    """

    annotation_id: UUID
    class_name: AnyText | None
    algorithm: AnyText | None
    labels: list[AnyText] | None
    scores: list[float]
    logits: list[float] | None


class AnnotationWithImage(Annotation):
    """An annotation among those of many images: with the image that it is on, and the model that said it."""

    project_id: Id
    image_id: UUID
    deployment_id: UUID
    captured_at: Time
    job_id: Id | None
    model_name: AnyText
    model_version: AnyText


class AnnotationOrder(StrEnum):
    """How annotations of many images are ordered: by the times of their images."""

    NEWEST_FIRST = "-captured_at"
    OLDEST_FIRST = "captured_at"
