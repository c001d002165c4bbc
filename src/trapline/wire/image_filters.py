"""The filter of a list of images, as exports, saved views and other requests store it."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from trapline.wire.day_counts import GivenDay
from trapline.wire.identifications import LARGEST_COUNT
from trapline.wire.images import AnalysisStateFilter
from trapline.wire.observations import ObservationKind, ObservationSource
from trapline.wire.values import UUID, Fraction, GivenTime, Id, Request, Text

MOST_DEPLOYMENTS = 100
MOST_SEQUENCES = 100
PEOPLE = "people"
"""The source of the answers of all people together."""


class ComparisonKind(StrEnum):
    """Kind of a comparison: model versions, a model with people, or two people."""

    MODELS = "models"
    MODEL_PEOPLE = "model_people"
    PEOPLE = "people"


class DisagreementFilter(StrEnum):
    """Kind of an open disagreement; `any` for all kinds."""

    MODELS = "models"
    MODEL_PEOPLE = "model_people"
    PEOPLE = "people"
    ANY = "any"


class ComparisonState(StrEnum):
    """Whether two answers agree or differ; `open` if they differ and no person decided since."""

    AGREE = "agree"
    DIFFER = "differ"
    OPEN = "open"


FilterText = Annotated[Text, Field(min_length=1, max_length=1000)]


class ImageConditions(Request):
    """Conditions on images, all of which an image meets; without one, all images match.

    They are those of the list of images. `deployment` and `sequence` can be lists, of which an
    image is in one. `hour_from` to `hour_to` are hours of the day at the deployment, the latter not
    included: 22 to 4 is from 22:00 to 3:59. Equal hours are a whole day. `disagreement` finds open
    disagreements. `source_a` and `source_b` name two sources that both answered: `model:` with name
    and version, `people`, or `user:` with the ID of a user.
    """

    deployment: (
        UUID | Annotated[list[UUID], Field(min_length=1, max_length=MOST_DEPLOYMENTS)] | None
    ) = None
    class_name: FilterText | None = None
    taxon: UUID | None = None
    analysis_state: AnalysisStateFilter | None = None
    captured_after: GivenTime | None = None
    captured_before: GivenTime | None = None
    day_after: GivenDay | None = None
    day_before: GivenDay | None = None
    hour_from: Annotated[int, Field(strict=True, ge=0, le=23)] | None = None
    hour_to: Annotated[int, Field(strict=True, ge=0, le=24)] | None = None
    confidence_min: Fraction | None = None
    confidence_max: Fraction | None = None
    blank: bool | None = None
    reviewed: bool | None = None
    commented: bool | None = None
    job: Id | None = None
    tag: FilterText | None = None
    starred: bool | None = None
    sequence: (
        UUID | Annotated[list[UUID], Field(min_length=1, max_length=MOST_SEQUENCES)] | None
    ) = None
    camera_time: bool | None = None
    truncated: bool | None = None
    kind: ObservationKind | None = None
    source: ObservationSource | None = None
    identified_by: UUID | None = None
    needs_review: bool | None = None
    individual: FilterText | None = None
    count_min: Annotated[int, Field(strict=True, ge=1, le=LARGEST_COUNT)] | None = None
    model_class: FilterText | None = None
    disagreement: DisagreementFilter | None = None
    source_a: FilterText | None = None
    source_b: FilterText | None = None
    answer_a: FilterText | None = None
    answer_b: FilterText | None = None
    comparison: ComparisonState | None = None

    @property
    def deployments(self) -> tuple[UUID, ...]:
        """The deployments of which an image is in one; empty if it can be in any."""
        return _list_given(self.deployment)

    @property
    def sequences(self) -> tuple[UUID, ...]:
        """The sequences of which an image is in one; empty if it can be in any or none."""
        return _list_given(self.sequence)

    @model_validator(mode="after")
    def _has_both_sources(self) -> "ImageConditions":
        validate_sources(self)
        return self


def _list_given(given: UUID | list[UUID] | None) -> tuple[UUID, ...]:
    if given is None:
        return ()
    return tuple(dict.fromkeys(given if isinstance(given, list) else [given]))


def validate_sources(given: ImageConditions) -> None:
    """Validate that a comparison names its two sources; raises ValueError."""
    if (given.source_a is None) != (given.source_b is None):
        raise ValueError("give both source_a and source_b, or neither")
    is_compared = given.answer_a or given.answer_b or given.comparison
    if is_compared and given.source_a is None:
        raise ValueError("answer_a, answer_b and comparison require source_a and source_b")
