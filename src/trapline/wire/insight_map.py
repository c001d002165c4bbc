"""Rates of species at the places of the deployments."""

from datetime import date

from trapline.wire.insight_richness import TimeStep
from trapline.wire.insights import AppliedFilter, InsightNote, SpeciesName
from trapline.wire.sensitive_taxa import LocationPrecision
from trapline.wire.values import UUID, AnyText, Count, Message, Real


class MapPlace(Message):
    """A deployment on the map, at the precision at which the caller may see it."""

    deployment_id: UUID
    name: AnyText
    latitude: Real | None
    longitude: Real | None
    precision: LocationPrecision
    nights: Real
    events: Count
    rate: Real | None
    species: Count


class MapSpecies(Message):
    """Events of a species by place and step: `events[place][step]`, in the order of `places`."""

    name: SpeciesName
    events: list[list[Count]]


class InsightMap(Message):
    """Deployments with their rates, by species and by period.

    `nights[place][step]` are the camera-nights. `species` has the 20 species with most events, or
    those of the filter.
    """

    filter: AppliedFilter
    places: list[MapPlace]
    step: TimeStep
    steps: list[date]
    nights: list[list[Real]]
    species: list[MapSpecies]
    species_left_out: Count
    notes: list[InsightNote]
