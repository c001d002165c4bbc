"""Annotations: the findings of an analysis."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from trapline.wire.identifications import Identification, IdentificationTaxon
from trapline.wire.observations import ObservationSource
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
    """One finding of an analysis, or a box that a person drew.

    Coordinates are upright pixels. `scaled` is true if the annotation was posted for a frame of
    another size; `data.given` has the original numbers. `download_url` is a signed URL of the file
    that `storage_path` names. `identification` is the current statement of a person about the
    annotation, its box or its image. It is null if the result of the model applies, and for callers
    that are not people. A box of a person has no analysis and no confidence; `class_name` is its
    label. A point that a person drew is a `keypoint`, and a polygon a `segmentation`; their `data`
    also has the extent, `x_min` to `y_max`.
    """

    id: UUID
    analysis_id: UUID | None
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
    source: ObservationSource = ObservationSource.MODEL
    stated: IdentificationTaxon | None = Field(
        default=None, description="The taxon or label of a person's box, with details."
    )
    author: AnyText | None = Field(default=None, description="The user who drew the box.")
    author_id: UUID | None = Field(default=None, description="ID of the user who drew the box.")
    supersedes: UUID | None = Field(
        default=None, description="The annotation of a model that the box corrects."
    )
    version: int | None = Field(
        default=None, description="Version of a person's box, for If-Match; each change adds 1."
    )
    updated_at: Time | None = Field(
        default=None, description="Time of the last change of a person's box."
    )


class CreatedHumanBoxes(Message):
    """The boxes that were stored, in the order of the request."""

    annotations: list[Annotation]


class ThumbnailBox(Message):
    """A box for a thumbnail: corners in pixels of the upright original, and its class."""

    id: UUID
    x_min: float
    y_min: float
    x_max: float
    y_max: float
    class_name: AnyText | None
    confidence: float | None


class ClassificationScores(Message):
    """The scores of one classification over its class list, exact to single precision.

    `labels` are the classes in the order of the scores; null if no list of that length is known.
    """

    annotation_id: UUID
    class_name: AnyText | None
    algorithm: AnyText | None
    labels: list[AnyText] | None
    scores: list[float]
    logits: list[float] | None


class AnnotationWithImage(Annotation):
    """An annotation in a list of many images, with its image and its model."""

    project_id: Id
    image_id: UUID
    deployment_id: UUID
    captured_at: Time
    job_id: Id | None
    model_name: AnyText | None
    model_version: AnyText | None


class AnnotationOrder(StrEnum):
    """Order of annotations of many images: by the times of their images."""

    NEWEST_FIRST = "-captured_at"
    OLDEST_FIRST = "captured_at"
