"""Activity by hour of the day, and the overlap of two species."""

from enum import StrEnum

from pydantic import Field

from trapline.wire.insights import AppliedFilter, InsightNote, Interval, SpeciesName
from trapline.wire.values import AnyText, Count, Fraction, Message, Real

LEAST_FOR_DENSITY = 10
"""Smallest number of events for a density curve."""


class DayTime(StrEnum):
    """The time of day of events: of the clock in the local zone, or of the sun.

    Solar time is scaled so that sunrise is 6:00 and sunset is 18:00.
    """

    CLOCK = "clock"
    SOLAR = "solar"


class ActivityCurve(Message):
    """Activity of a species over the day.

    `hours` counts the events by hour. `density` has values at equal steps from 0:00, per hour, so
    that its integral over 24 hours is 1; it is null below 10 events. `bandwidth` is the
    concentration of the von Mises kernel. `times` are the hours of the events, at most 1,000 in
    the order of time.
    """

    name: SpeciesName
    events: Count
    used: Count = Field(description="Events that have the requested kind of time.")
    hours: list[Count] = Field(min_length=24, max_length=24)
    density: list[Real] | None
    bandwidth: Real | None
    times: list[Real]


class Activity(Message):
    """Activity of species over the day, with the most events first."""

    filter: AppliedFilter
    time: DayTime
    step_hours: Real
    curves: list[ActivityCurve]
    species_left_out: Count
    notes: list[InsightNote]


class OverlapEstimate(Message):
    """An estimator of the coefficient of overlap with its 95 % bootstrap interval."""

    estimator: AnyText = Field(description="`Dhat1` or `Dhat4`.")
    value: Fraction
    interval: Interval | None


class Overlap(Message):
    """Overlap of the activity of two species.

    `estimates` has Dhat1 if the smaller sample has fewer than 50 events, Dhat4 from 75 events, and
    both between them. It is empty with fewer than 10 events of a species.
    """

    filter: AppliedFilter
    time: DayTime
    first: ActivityCurve
    second: ActivityCurve
    estimates: list[OverlapEstimate]
    step_hours: Real
    replicates: Count
    seed: int
    notes: list[InsightNote]
