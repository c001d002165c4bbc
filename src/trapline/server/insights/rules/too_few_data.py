"""The result of a statistic that has too few data."""

from dataclasses import dataclass
from enum import StrEnum


class SampleUnit(StrEnum):
    """The things that a statistic counts."""

    EVENTS = "events"
    DEPLOYMENTS = "deployments"
    DEPLOYMENTS_WITH_EVENTS = "deployments with events"
    CAMERA_NIGHTS = "camera-nights"
    SAMPLING_UNITS = "sampling units"
    IMAGES = "images"
    REVIEWED_IMAGES = "reviewed images"


@dataclass(frozen=True, slots=True)
class TooFewData:
    """Reports how much data a statistic has, and how much it requires.

    >>> str(TooFewData(SampleUnit.EVENTS, 8, 10))
    '8 events. At least 10 are needed.'
    """

    unit: SampleUnit
    count: float
    minimum: float

    def __str__(self) -> str:
        return f"{self.count:g} {self.unit}. At least {self.minimum:g} are needed."
