"""Effort and rates: the table of species and deployments."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from trapline.wire.insights import AppliedFilter, InsightNote, Interval, SpeciesName
from trapline.wire.observations import ObservationKind
from trapline.wire.values import UUID, AnyText, Count, Fraction, Message, Real, Time


class DeploymentState(StrEnum):
    """Whether a deployment records images, sends none, or has ended."""

    ACTIVE = "active"
    SILENT = "silent"
    FINISHED = "finished"
    EMPTY = "empty"


class EffortGap(Message):
    """Local days without any image, first and last included."""

    start: date
    end: date
    days: Count


class DeploymentEffort(Message):
    """Effort of a deployment within the period of the filter.

    `nights` is the number of camera-nights: from start to end without the inactive periods.
    `estimated` is true if the first image is the start, or the last image the end, as a time is
    missing or in the future. `suggested_end` is the time of the last image if it has no end and no
    image has arrived for three days: importing a memory card proposes it as the end.
    """

    deployment_id: UUID
    name: AnyText
    state: DeploymentState
    start: Time | None
    end: Time | None
    nights: Real
    inactive_nights: Real
    estimated: bool
    gaps: list[EffortGap]
    gap_days: Count
    images: Count
    first_image_at: Time | None
    last_image_at: Time | None
    suggested_end: Time | None
    events: Count
    species: Count


class SpeciesAtDeployment(Message):
    """Figures of a species at a deployment; `rate` is null without camera-nights."""

    deployment_id: UUID
    images: Count
    events: Count
    individuals: Count = Field(description="The sum of the group sizes of the events.")
    rate: Real | None = Field(description="Events per 100 camera-nights.")
    first_seen: Time
    last_seen: Time


class SpeciesSummary(Message):
    """Figures of a species at all deployments of the filter.

    `interval` is the 95 % bootstrap interval of `rate` over deployments; it is null below 10
    deployments with events. `occupancy` is the naive occupancy: the share of the deployments with
    camera-nights that have an event. `cells` has the deployments with an event only.
    """

    name: SpeciesName
    taxon_id: UUID | None
    kind: ObservationKind
    is_species: bool = Field(description="False for a name that leaves the species open.")
    images: Count
    events: Count
    individuals: Count
    rate: Real | None
    interval: Interval | None
    deployments: Count = Field(description="The deployments with an event.")
    occupancy: Fraction | None
    first_seen: Time
    last_seen: Time
    cells: list[SpeciesAtDeployment]


class InsightSummary(Message):
    """Events, species and effort of a survey, by species and by deployment.

    Names are listed with the most events first; `species_count` counts those that are species.
    `sentence` states the totals in English. The bootstrap is seeded with `seed`, so that the same
    data gives the same intervals.
    """

    sentence: AnyText
    filter: AppliedFilter
    events: Count
    species_count: Count
    nights: Real
    deployments_count: Count
    images: Count = Field(description="All images in the filter's deployments and period.")
    observed_images: Count = Field(
        description="Images of the filter's species; an image of two species counts twice."
    )
    reviewed_images: Count = Field(description="Images that a person reviewed, in any period.")
    hours: list[Count] = Field(
        min_length=24,
        max_length=24,
        description="Independent events by the local hour of their first observation.",
    )
    species: list[SpeciesSummary]
    deployments: list[DeploymentEffort]
    seed: int
    notes: list[InsightNote]
