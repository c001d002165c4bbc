"""Accumulation of species over camera-nights."""

from pydantic import Field

from trapline.wire.insights import AppliedFilter, InsightNote, Interval
from trapline.wire.values import Count, Message, Real


class AccumulationStep(Message):
    """Species after a number of camera-nights, in the order of the survey and by rarefaction.

    `expected` is the mean over all orders of the camera-nights (Mao Tau). `low` and `high` are the
    95 % interval of the number of species in another survey of this size.
    """

    units: Count
    observed: Count
    expected: Real
    low: Real
    high: Real


class RichnessEstimate(Message):
    """The number of species, undetected ones included, estimated with Chao2."""

    value: Real
    interval: Interval
    observed: Count
    uniques: Count = Field(description="Species on exactly one camera-night.")
    duplicates: Count = Field(description="Species on exactly two camera-nights.")


class Accumulation(Message):
    """Accumulation of species; a sampling unit is a local day of a camera, about a camera-night."""

    filter: AppliedFilter
    units: Count
    steps: list[AccumulationStep]
    chao2: RichnessEstimate | None
    notes: list[InsightNote]
