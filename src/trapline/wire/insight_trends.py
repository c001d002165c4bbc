"""Species over time: events by calendar period."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from trapline.wire.insights import AppliedFilter, InsightNote, SpeciesName
from trapline.wire.values import Count, Message, Real

MOST_PERIODS = 1000
"""Maximum number of periods in a response."""


class CalendarStep(StrEnum):
    """The length of a period. Weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class TrendPeriod(Message):
    """A period of local days, from `start` to `end`.

    `nights` is the effort of all deployments: the sum of the active shares of their local days.
    `species` counts those with an event in the period, and `new_species` those with their first
    event in it; names that leave the species open are not counted.
    """

    start: date
    end: date = Field(description="The last day, included.")
    nights: Real
    events: Count
    species: Count
    new_species: Count


class SpeciesTrend(Message):
    """The events of a species in each period, and their rate per 100 camera-nights.

    The rate is null in a period without effort.
    """

    name: SpeciesName
    events: list[Count]
    rates: list[Real | None]


class Trends(Message):
    """Species over time, with the most events first.

    An event belongs to the period of its local start at its deployment. Periods between the first
    and the last one are never left out, so that a gap is visible.
    """

    filter: AppliedFilter
    step: CalendarStep
    periods: list[TrendPeriod]
    species: list[SpeciesTrend]
    species_left_out: Count
    notes: list[InsightNote]
