"""Quality of models: their answers compared with those of people."""

from typing import Annotated

from pydantic import Field

from trapline.wire.insights import InsightNote, ProportionEstimate, SpeciesName
from trapline.wire.values import UUID, AnyText, Count, Fraction, Message, Name, Real, Request, Time

MOST_AUDITED = 10_000
"""Maximum number of images in a random audit sample."""


class ClassQuality(Message):
    """Precision, recall and F1 of one class.

    `precision` and `recall` are of images in random audit samples: precision also of samples of
    this class alone, recall only of samples of all images. `biased_precision` and `biased_recall`
    are of all other reviewed images, which people chose. `more_reviews` is the number of further
    random images of this class for a precision within ±5 percentage points; it is 0 if the sample
    is large enough.
    """

    name: SpeciesName
    precision: ProportionEstimate
    recall: ProportionEstimate
    f1: Fraction | None
    biased_precision: ProportionEstimate
    biased_recall: ProportionEstimate
    more_reviews: Count
    images: Count = Field(description="Images on which the model found this class.")


class DeploymentQuality(Message):
    """Precision and recall of all classes at a deployment; a pair is an image and a class."""

    deployment_id: UUID
    name: AnyText
    precision: ProportionEstimate
    recall: ProportionEstimate
    f1: Fraction | None
    biased_precision: ProportionEstimate
    biased_recall: ProportionEstimate


class ReliabilityBin(Message):
    """Confidence of a model compared with the share of correct classes, in one range."""

    low: Fraction
    high: Fraction
    mean_confidence: Fraction | None
    correct: ProportionEstimate


class ModelVersion(Message):
    """A version of a model that answered on images that people reviewed."""

    source: AnyText = Field(description="`model:` with the name and version.")
    name: AnyText
    audited: Count
    biased: Count


class AuditSample(Message):
    """A random audit sample: a review set whose images were drawn at random."""

    set_id: UUID
    name: AnyText
    class_name: AnyText | None = Field(description="Null for a sample of all images.")
    images: Count
    done: Count
    created_at: Time


class ModelQuality(Message):
    """How good a version of a model is here, by class, deployment and confidence.

    Without `source`, the version with most reviewed images is described; it is null if no image was
    reviewed.
    """

    source: AnyText | None
    versions: list[ModelVersion]
    audited: Count = Field(description="Reviewed images of random audit samples.")
    biased: Count = Field(description="Other reviewed images: people chose them.")
    classes: list[ClassQuality]
    deployments: list[DeploymentQuality]
    reliability: list[ReliabilityBin] = Field(description="Of audited images only.")
    biased_reliability: list[ReliabilityBin]
    samples: list[AuditSample]
    notes: list[InsightNote]


class ModelComparison(Message):
    """Two model versions on the same reviewed images, compared with McNemar's test.

    `only_first` and `only_second` are the images on which one of the two agrees with people. The
    test is exact (binomial) below 25 such images, and otherwise the chi-squared test with
    continuity correction.
    """

    first: AnyText
    second: AnyText
    images: Count
    audited: Count = Field(description="Those of random audit samples.")
    both: Count
    only_first: Count
    only_second: Count
    neither: Count
    statistic: Real | None
    p_value: Fraction | None
    exact: bool
    notes: list[InsightNote]


class ThresholdSuggestion(Message):
    """The detection threshold of a class with which a recall is reached on audited images.

    `class_thresholds` is the setting to send to the observation settings of the project. It
    contains the present exceptions and the suggested threshold; null without a suggestion.
    """

    source: AnyText
    name: SpeciesName
    recall: Fraction
    threshold: Fraction | None
    reached: ProportionEstimate
    precision: ProportionEstimate
    current_threshold: Fraction
    class_thresholds: dict[AnyText, Fraction] | None
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
    people: Annotated[list[UUID], Field(max_length=200)] = []
