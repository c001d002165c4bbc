"""Activity by hour of the day."""

from pydantic import Field

from trapline.wire.insights import AppliedFilter, InsightNote, SpeciesName
from trapline.wire.values import Count, Message, Real

LEAST_FOR_DENSITY = 10
"""Smallest number of events for a density curve."""


class ActivityCurve(Message):
    """Activity of a species over the day.

    `hours` counts the events by local hour. `density` has values at equal steps from 0:00, per
    hour, so that its integral over 24 hours is 1; it is null below 10 events. `concentration` is
    that of the von Mises kernel. `times` are the hours of the first 1,000 events.
    """

    name: SpeciesName
    events: Count
    hours: list[Count] = Field(min_length=24, max_length=24)
    density: list[Real] | None
    concentration: Real | None
    times: list[Real]


class Activity(Message):
    """Activity of species over the day, with the most events first.

    Times are those of the clock in the time zone of each deployment.
    """

    filter: AppliedFilter
    step_hours: Real
    curves: list[ActivityCurve]
    species_left_out: Count
    notes: list[InsightNote]
