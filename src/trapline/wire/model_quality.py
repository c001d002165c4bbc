"""Quality of models: their answers compared with those of people."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trapline.wire.insights import InsightNote, ProportionEstimate, SpeciesName
from trapline.wire.values import UUID, AnyText, Count, Fraction, Message, Name, Real, Request, Time

MOST_AUDITED = 10_000
"""Maximum number of images in a random audit sample."""
MOST_SCORED = 20_000
"""Maximum number of reviewed images whose confidences are compared."""


class QualityTable(StrEnum):
    """The tables of model quality that can be downloaded as CSV."""

    CLASSES = "classes"
    DEPLOYMENTS = "deployments"
    RELIABILITY = "reliability"


class ModelClassQuality(Message):
    """Precision, recall and F1 of one class; an answer counts for the ancestors of its taxon, too.

    `precision`, `recall` and `f1` are of images in random audit samples: precision also of samples
    of this class alone, recall and F1 only of samples of all images. The others are of all other
    reviewed images, which people chose, so they are biased. `more_reviews` is the number of further
    random images of this class for a precision within ±5 percentage points; it is 0 if the sample
    is large enough.
    """

    name: SpeciesName
    precision: ProportionEstimate
    recall: ProportionEstimate
    f1: ProportionEstimate
    biased_precision: ProportionEstimate
    biased_recall: ProportionEstimate
    biased_f1: ProportionEstimate
    more_reviews: Count


class DeploymentQuality(Message):
    """Precision, recall and F1 of all classes at a deployment; a case is an image and a class."""

    deployment_id: UUID
    name: AnyText
    images: Count = Field(description="Reviewed images.")
    precision: ProportionEstimate
    recall: ProportionEstimate
    f1: ProportionEstimate
    biased_precision: ProportionEstimate
    biased_recall: ProportionEstimate
    biased_f1: ProportionEstimate


class ReliabilityRange(Message):
    """Confidence of a model compared with the share of correct classes, in one range."""

    low: Fraction
    high: Fraction
    mean_confidence: Fraction | None
    correct: ProportionEstimate


class ReviewedModel(Message):
    """A version of a model that answered on images that people reviewed."""

    source: AnyText = Field(description="`model:` with the name and version.")
    name: AnyText
    images: Count


class AuditSample(Message):
    """A random audit sample: a review set whose images were drawn at random."""

    set_id: UUID
    name: AnyText
    class_name: AnyText | None = Field(description="Null for a sample of all images.")
    source: AnyText | None = Field(description="The model that found the class.")
    images: Count
    done: Count
    created_at: Time


class ModelQuality(Message):
    """How good a version of a model is here, by class and deployment.

    Without `source`, the version with most reviewed images is described; it is null if no image was
    reviewed. `samples` are the open audit samples that the caller sees, the newest first.
    """

    source: AnyText | None
    versions: list[ReviewedModel]
    audited: Count = Field(description="Reviewed images of random audit samples.")
    biased: Count = Field(description="Other reviewed images: people chose them.")
    classes: list[ModelClassQuality]
    deployments: list[DeploymentQuality]
    samples: list[AuditSample]
    notes: list[InsightNote]


class ModelReliability(Message):
    """Confidence compared with the share of correct classes, in ten ranges.

    `random` is true for images of random audit samples; without such images, all reviewed ones are
    used. At most 20,000 images are compared, the newest.
    """

    source: AnyText
    random: bool
    images: Count
    ranges: list[ReliabilityRange]
    notes: list[InsightNote]


class ModelComparison(Message):
    """Two model versions on the same reviewed images, compared with McNemar's exact test.

    `only_first` and `only_second` are the images on which one of the two agrees with people.
    `random` is true for images of random audit samples; without such images, all reviewed ones are
    used.
    """

    first: AnyText
    second: AnyText
    random: bool
    images: Count
    both: Count
    only_first: Count
    only_second: Count
    neither: Count
    p_value: Fraction | None = Field(description="Two-sided; null without images.")
    notes: list[InsightNote]


class ThresholdSuggestion(Message):
    """The highest detection threshold of a class that reaches a recall on reviewed images.

    `class_thresholds` is the setting to send to the observation settings of the project. It
    contains the current exceptions and the suggested threshold; null without a suggestion. `random`
    is true for images of random audit samples; without such images, all reviewed ones are used.
    """

    source: AnyText
    name: SpeciesName
    recall: Fraction
    random: bool
    images: Count
    threshold: Fraction | None
    reached: ProportionEstimate
    precision: ProportionEstimate
    current_threshold: Fraction
    class_thresholds: dict[str, Real] | None
    notes: list[InsightNote]


class NewAuditSample(Request):
    """Request for a random audit sample: images of all, or of those that show a class.

    Images that are in an audit sample of the same kind already are not drawn again.
    """

    name: Name | None = None
    images: Annotated[int, Field(strict=True, ge=1, le=MOST_AUDITED)] = 200
    class_name: Name | None = Field(
        default=None, description="Draw only images on which `source` found this class."
    )
    source: Name | None = Field(
        default=None, description="`model:` with a name and version; required with a class."
    )
    people: Annotated[
        list[UUID],
        Field(max_length=200, description="The members to whom it is assigned; empty for all."),
    ] = []
