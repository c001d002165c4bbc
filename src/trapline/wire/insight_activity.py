"""Activity by hour of the day, and the overlap of two species."""

from enum import StrEnum

from pydantic import Field

from trapline.wire.insights import AppliedFilter, InsightNote, Interval, SpeciesName
from trapline.wire.values import AnyText, Count, Fraction, Message, Real

LEAST_FOR_DENSITY = 10
"""Smallest number of events for a density curve."""


class DayTime(StrEnum):
    """The time of day of events: of the local clock, or of the sun.

    Solar time moves sunrise to 6:00 and sunset to 18:00, and times between them in proportion.
    """

    CLOCK = "clock"
    SOLAR = "solar"


class ActivityCurve(Message):
    """Activity of a species over the day.

    `events` have the requested time; `events_left_out` have none. `hours` counts the events by
    hour. `density` has values at equal steps from 0:00, per
    hour, so that its integral over 24 hours is 1; it is null below 10 events. `concentration` is
    that of the von Mises kernel. `times` are the hours of the events, or of every nth one if they
    are more than 1,000.
    """

    name: SpeciesName
    events: Count
    events_left_out: Count
    hours: list[Count] = Field(min_length=24, max_length=24)
    density: list[Real] | None
    concentration: Real | None
    times: list[Real]


class Activity(Message):
    """Activity of species over the day, with the most events first.

    Clock times are those in the time zone of each deployment. Solar times require a location, so
    deployments whose location is unknown, or withheld from the caller, are left out. Days without a
    sunrise or a sunset have no solar time.
    """

    filter: AppliedFilter
    time: DayTime
    deployments_left_out: Count
    step_hours: Real
    curves: list[ActivityCurve]
    species_left_out: Count
    notes: list[InsightNote]


class OverlapCoefficient(Message):
    """An estimator of the coefficient of overlap with its 95 % bootstrap interval."""

    estimator: AnyText = Field(description="`Dhat1` or `Dhat4`.")
    value: Fraction
    interval: Interval


class Overlap(Message):
    """Overlap of the activity of two species, between 0 (none) and 1 (the same activity).

    `estimates` has Dhat1 if the smaller sample has fewer than 50 events, Dhat4 from 75 events on,
    and both between them. It is empty if a species has fewer than 10 events. The bootstrap is
    seeded with `seed`.
    """

    filter: AppliedFilter
    time: DayTime
    first: ActivityCurve
    second: ActivityCurve
    step_hours: Real
    estimates: list[OverlapCoefficient]
    replicates: Count
    seed: int
    deployments_left_out: Count
    notes: list[InsightNote]
