"""Settings of observations: thresholds, pipelines, labels, and whose identification counts."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from trapline.wire.observations import SoughtKind
from trapline.wire.values import AnyText, Count, Message, Name, Real, Request, Time

MOST_PIPELINES = 1000
MOST_LABELS = 1000
Threshold = Annotated[Real, Field(ge=0, le=1)]


class DecisionRule(StrEnum):
    """The users whose identification counts: latest, expert or several in agreement."""

    LATEST = "latest"
    EXPERT = "expert"
    AGREEMENT = "agreement"


class ObservationPipeline(Message):
    """A pipeline in the order of priority; the first names what several pipelines found."""

    name: AnyText
    counts: bool = Field(description="Whether its analyses count.")
    chosen: bool | None = Field(
        description="The choice of a manager; null if what it looks for decides."
    )
    superseded: bool = Field(description="Whether another pipeline replaces it.")
    superseded_by: AnyText | None = Field(description="The pipeline that replaces it, if named.")
    looks_for: list[SoughtKind] = Field(
        description="The kinds that an external pipeline declared, or that the labels of a "
        "worker's pipeline name; empty if it declares nothing."
    )
    task_types: list[AnyText] = Field(description="The task types of its algorithms.")


class ObservationValues(Message):
    """Values of the settings of observations."""

    detection_threshold: float
    classification_threshold: float
    review_threshold: float = Field(
        description="Observations of models with a lower confidence need review."
    )
    combines: bool = Field(
        description="Whether findings of one image are combined: overlapping boxes of several "
        "pipelines are one observation, and a classification of the image names its only box."
    )
    rule: DecisionRule
    agreement: int = Field(description="The number of reviewers that must agree.")
    class_thresholds: dict[str, float] = Field(description="Detection thresholds of single labels.")
    blank_labels: list[AnyText] = Field(
        description="Labels that state that nothing is there, besides `blank` and `empty`."
    )
    pipelines: list[ObservationPipeline]


class BuildProgress(Message):
    """Progress of a change of settings: processed and total images, and the new settings."""

    derived: Count
    images: Count
    started_at: Time
    settings: ObservationValues


class ObservationSettings(ObservationValues):
    """Settings that the current observations of a project are derived with.

    `progress` is set while other settings are applied: until they are complete, lists show the
    observations of the earlier settings. `updated_at` is when the newest settings were given.
    """

    updated_at: Time
    finished_at: Time | None
    progress: BuildProgress | None


class PipelineChoice(Request):
    """Choice for one pipeline; without `counts`, what it looks for decides.

    A pipeline that another one replaces does not count.
    """

    name: Name
    counts: bool | None = None
    superseded: bool = False
    superseded_by: Name | None = None


class ObservationSettingsChange(Request):
    """Request to change settings; omitted fields keep their values."""

    detection_threshold: Threshold | None = None
    classification_threshold: Threshold | None = None
    review_threshold: Threshold | None = None
    combines: bool | None = None
    rule: DecisionRule | None = None
    agreement: Annotated[int, Field(strict=True, ge=1, le=5)] | None = None
    class_thresholds: dict[Name, Threshold] | None = None
    blank_labels: Annotated[list[Name], Field(max_length=MOST_LABELS)] | None = None
    pipelines: Annotated[list[PipelineChoice], Field(max_length=MOST_PIPELINES)] | None = None

    @field_validator("class_thresholds")
    @classmethod
    def _limit(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        if value is not None and len(value) > MOST_LABELS:
            raise ValueError(f"must have at most {MOST_LABELS:,} labels")
        return value


class ClassChange(Message):
    """Number of images of a sample with a name, now and with other settings."""

    class_name: AnyText
    before: Count
    after: Count


class ObservationPreview(Message):
    """The effect of a change of settings on a sample of the newest images.

    `changed` counts images whose names or blank state differ.
    """

    images: Count
    changed: Count
    needs_review: Count
    classes: list[ClassChange]
