"""Observations: the current answer to what an image shows."""

from enum import StrEnum

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Count, Id, Message, Time


class ObservationKind(StrEnum):
    """The kind of an observation, in the terms of Camtrap DP."""

    ANIMAL = "animal"
    HUMAN = "human"
    VEHICLE = "vehicle"
    BLANK = "blank"
    UNKNOWN = "unknown"
    UNCLASSIFIED = "unclassified"


class SoughtKind(StrEnum):
    """A target of a pipeline: animals, people, vehicles, or something else such as number plates.

    An image in which a pipeline finds nothing is blank only if the pipeline looks for one of the
    first three.
    """

    ANIMAL = "animal"
    HUMAN = "human"
    VEHICLE = "vehicle"
    OTHER = "other"


class ObservationSource(StrEnum):
    """The source of an observation: a person or a model."""

    HUMAN = "human"
    MODEL = "model"


class Observation(Message):
    """An observation of one box, or of a whole image: the current answer from models and people.

    `annotation_id` is null for the whole image. `name` is the accepted scientific name of the
    taxon, or the label where no taxon is known; it is "blank" for a blank image. `confidence` is
    null where a person decided.
    """

    id: UUID
    project_id: Id
    image_id: UUID
    sequence_id: UUID | None
    deployment_id: UUID
    captured_at: Time
    annotation_id: UUID | None
    kind: ObservationKind
    name: AnyText
    taxon_id: UUID | None
    label: AnyText | None = Field(description="The label as the model or the person gave it.")
    count: int | None = Field(description="The number of individuals; null where it is unknown.")
    sex: AnyText | None
    life_stage: AnyText | None
    behaviour: AnyText | None
    individual_id: AnyText | None
    source: ObservationSource
    confidence: float | None
    identified_by: AnyText | None
    person_id: UUID | None
    identified_at: Time | None
    identification_id: UUID | None
    analysis_id: UUID | None
    model_name: AnyText | None
    model_version: AnyText | None
    needs_review: bool


class ObservationOrder(StrEnum):
    """Order of observations: by the capture times of their images."""

    NEWEST_FIRST = "-captured_at"
    OLDEST_FIRST = "captured_at"


class ObservationGrouping(StrEnum):
    """The property by which observations are counted."""

    NAME = "name"
    KIND = "kind"
    SOURCE = "source"
    DEPLOYMENT = "deployment"
    DAY = "day"
    MONTH = "month"
    HOUR = "hour"
    PERSON = "person"


class ObservationGroup(Message):
    """Counts of the observations of one group.

    `key` is the name, kind, source, user, deployment ID, day, month or hour that they share.
    `individuals` is the sum of their counts, where an unknown count is 1.
    """

    key: AnyText
    images: Count
    individuals: Count
    needs_review: Count = Field(description="The images of the group that need review.")


class ObservationGroups(Message):
    """Counts of observations by group, the largest first; times in their order."""

    by: ObservationGrouping
    groups: list[ObservationGroup]


class Individual(Message):
    """A known individual of a project, as current observations name it."""

    individual_id: AnyText = Field(description="Its name, which is unique within the project.")
    names: list[AnyText] = Field(description="The taxa that it was identified as, usually one.")
    images: Count = Field(description="The number of images that show it.")
    first_seen: Time = Field(description="Capture time of the first image that shows it.")
    last_seen: Time = Field(description="Capture time of the last image that shows it.")
    identified_at: Time = Field(description="When a person last identified it.")


class IndividualOrder(StrEnum):
    """Order of individuals: by name, or those identified last first."""

    NAME = "individual_id"
    LAST_IDENTIFIED = "-identified_at"
