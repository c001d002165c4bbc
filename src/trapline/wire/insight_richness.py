"""Accumulation of species over effort, species over time, and the deployments' timeline."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from trapline.wire.insight_summary import EffortGap
from trapline.wire.insights import AppliedFilter, InsightNote, Interval, SpeciesName
from trapline.wire.values import UUID, AnyText, Count, Message, Real


class AccumulationStep(Message):
    """Species after a number of camera-nights, in the order of the survey and by rarefaction.

    `expected` is the mean over all orders of the sampling units (Mao Tau); its `interval` is of 95
    %.
    """

    units: Count
    nights: Real
    observed: Count
    expected: Real
    interval: Interval | None


class RichnessEstimate(Message):
    """The number of species, undetected ones included, estimated with Chao2."""

    value: Real
    interval: Interval | None
    observed: Count
    uniques: Count = Field(description="Species in exactly one sampling unit.")
    duplicates: Count = Field(description="Species in exactly two sampling units.")


class Accumulation(Message):
    """Accumulation of species over camera-nights; a sampling unit is a camera-night."""

    filter: AppliedFilter
    units: Count
    steps: list[AccumulationStep]
    chao2: RichnessEstimate | None
    notes: list[InsightNote]


class TimeStep(StrEnum):
    """The length of the steps of a series."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class SpeciesSeries(Message):
    """Events and rate of a species by step; a rate is null without camera-nights."""

    name: SpeciesName
    events: list[Count]
    rates: list[Real | None]


class DeploymentTimeline(Message):
    """Activity of a deployment by local day.

    `images` and `events` have one number for each day of the timeline. `inactive` are recorded
    inactive periods.
    """

    deployment_id: UUID
    name: AnyText
    start: date | None
    end: date | None
    images: list[Count]
    events: list[Count]
    gaps: list[EffortGap]
    inactive: list[EffortGap]


class Timeline(Message):
    """Species over time, and the days on which deployments recorded images.

    `days` are consecutive local days; `steps` are the first days of the steps.
    """

    filter: AppliedFilter
    step: TimeStep
    steps: list[date]
    nights: list[Real]
    species: list[SpeciesSeries]
    days: list[date]
    deployments: list[DeploymentTimeline]
    notes: list[InsightNote]
