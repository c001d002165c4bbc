"""Insights: the filter, the intervals and the notes that all figures share."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trapline.wire.observations import ObservationKind
from trapline.wire.values import UUID, AnyText, Count, Fraction, Message, Real

DEFAULT_INTERVAL_MIN = 30
LONGEST_INTERVAL_MIN = 1440
MOST_CHOSEN = 200
"""Maximum number of deployments, taxa or names in a filter."""


class EventRule(StrEnum):
    """The rule for independent events, with the names of the R package camtrapR.

    An observation belongs to the event of the previous one if it is less than the interval after
    the last observation of the event, or after the first one (the last independent one).
    """

    LAST_RECORD = "lastRecord"
    LAST_INDEPENDENT_RECORD = "lastIndependentRecord"


class NoteCode(StrEnum):
    """The reason why a figure is missing or must be read with care."""

    NO_OBSERVATIONS = "no_observations"
    NO_EFFORT = "no_effort"
    FEW_DEPLOYMENTS = "few_deployments"
    FEW_EVENTS = "few_events"
    OUTSIDE_PERIOD = "outside_period"
    WITHOUT_COORDINATES = "without_coordinates"
    ESTIMATED_EFFORT = "estimated_effort"
    NO_AUDIT_SAMPLE = "no_audit_sample"
    NO_THRESHOLD = "no_threshold"
    NOT_SPECIES = "not_species"


class InsightNote(Message):
    """A sentence that explains a missing or uncertain figure; `code` allows to translate it."""

    code: NoteCode
    text: AnyText
    names: list[AnyText] = Field(default=[], description="The species or deployments concerned.")


class AppliedFilter(Message):
    """The filter of an insight as the server applied it.

    `start` and `end` are the first and the last local day; null is unlimited.
    """

    start: date | None
    end: date | None
    deployments: list[UUID]
    taxa: list[UUID]
    names: list[AnyText]
    kind: ObservationKind
    interval_min: int
    rule: EventRule


class Interval(Message):
    """A 95 % confidence interval."""

    low: Real
    high: Real


class ProportionEstimate(Message):
    """A proportion of `part` in `whole` with its 95 % interval; null without a whole.

    Intervals are those of Wilson. F1 is computed from `part` true positives in `whole` cases.
    """

    part: Count
    whole: Count
    value: Fraction | None
    interval: Interval | None


SpeciesName = Annotated[
    AnyText, Field(description="The accepted scientific name, or the label without a taxon.")
]
"""The name under which observations of a species are stored."""


class InsightTable(StrEnum):
    """The tables that can be downloaded as CSV."""

    SPECIES = "species"
    DEPLOYMENTS = "deployments"
    SPECIES_BY_DEPLOYMENT = "species-by-deployment"
    ACTIVITY = "activity"
    OVERLAP = "overlap"
    ACCUMULATION = "accumulation"
    TRENDS = "trends"
    DETECTION_HISTORY = "detection-history"
    DETECTION_EFFORT = "detection-effort"
    RECORDS = "records"
    CAMERA_HEALTH = "camera-health"
