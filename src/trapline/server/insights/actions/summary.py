"""Effort and rates: events, individuals and rates by species and deployment."""

from datetime import date, timedelta

import numpy as np

from trapline.server.images.actions.deployments import is_silent
from trapline.server.insights.actions.identified_species import group_by_species, list_rank_notes
from trapline.server.insights.actions.surveys import (
    FilteredSurvey,
    SpeciesEvents,
    build_insight,
)
from trapline.server.insights.queries.surveys import SurveyDeployment
from trapline.server.insights.rules.event_rates import (
    FEWEST_DEPLOYMENTS,
    EventRate,
    compute_rates,
)
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.insights.rules.local_times import DAY, Moments, to_datetime, to_local
from trapline.server.insights.rules.proportions import ConfidenceInterval
from trapline.server.insights.rules.species_names import get_species
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.insight_summary import (
    DeploymentEffort,
    DeploymentState,
    EffortGap,
    InsightSummary,
    SpeciesAtDeployment,
    SpeciesSummary,
)
from trapline.wire.insights import InsightNote, Interval, NoteCode

HOUR = DAY // 24
FIRST_DAY = date(2000, 1, 1)


async def get_summary(
    system: AppContext, scope: Scope, project_id: int, wanted: SurveyFilter, seed: int
) -> InsightSummary:
    """Return the table of species and deployments. Raises NotFound."""
    return await build_insight(
        system, scope, project_id, wanted, lambda survey: build_summary(survey, seed)
    )


def build_summary(survey: FilteredSurvey, seed: int) -> InsightSummary:
    """Build the table of species and deployments."""
    nights = np.array([one.nights for one in survey.efforts])
    species = _list_species(survey, nights, seed)
    found: list[list[SpeciesEvents]] = [[] for _ in survey.deployments]
    for one in (each for places in survey.species.values() for each in places):
        found[one.deployment].append(one)
    deployments = [_describe_deployment(survey, *each) for each in enumerate(found)]
    events = sum(one.events for one in species)
    effort = float(nights.sum())
    active = sum(1 for one in deployments if one.nights > 0)
    count = len(group_by_species(survey))
    notes = [*survey.list_notes(), *list_rank_notes(survey)]
    if species and all(one.interval is None for one in species):
        notes.append(
            InsightNote(
                code=NoteCode.FEW_DEPLOYMENTS,
                text=f"Rates have no interval below {FEWEST_DEPLOYMENTS} deployments with events.",
            )
        )
    return InsightSummary(
        sentence=f"{_count(events, 'event')} of {count:,} species in "
        f"{_count(round(effort), 'camera-night')} at {_count(active, 'deployment')}.",
        filter=survey.describe_filter(),
        events=events,
        species_count=count,
        nights=effort,
        deployments_count=active,
        images=sum(len(one) for one in survey.images),
        observed_images=survey.observed_images,
        reviewed_images=survey.survey.reviewed,
        hours=_count_hours(survey),
        species=species,
        deployments=deployments,
        seed=seed,
        notes=notes,
    )


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _list_species(
    survey: FilteredSurvey, nights: "np.ndarray[tuple[int], np.dtype[np.float64]]", seed: int
) -> list[SpeciesSummary]:
    events = np.zeros((len(nights), len(survey.species)), np.int64)
    for column, places in enumerate(survey.species.values()):
        for one in places:
            events[one.deployment, column] = len(one.events)
    rates = compute_rates(events, nights, seed=seed)
    summaries = []
    for (name, places), found in zip(survey.species.items(), rates, strict=True):
        cells = [_describe_cell(survey, one) for one in places]
        rate = found if isinstance(found, EventRate) else None
        summaries.append(
            SpeciesSummary(
                name=name,
                taxon_id=survey.survey.taxa.get(name),
                kind=survey.wanted.kind,
                is_species=get_species(name, survey.survey.specificities) is not None,
                images=sum(one.images for one in cells),
                events=sum(one.events for one in cells),
                individuals=sum(one.individuals for one in cells),
                rate=rate and rate.per_100_nights,
                interval=rate and _describe_interval(rate),
                deployments=len(cells),
                occupancy=rate and rate.naive_occupancy.estimate,
                first_seen=min(one.first_seen for one in cells),
                last_seen=max(one.last_seen for one in cells),
                cells=cells,
            )
        )
    return summaries


def _describe_interval(rate: EventRate) -> Interval | None:
    if not isinstance(rate.interval, ConfidenceInterval):
        return None
    return Interval(low=rate.interval.lower, high=rate.interval.upper)


def _describe_cell(survey: FilteredSurvey, one: SpeciesEvents) -> SpeciesAtDeployment:
    events, nights = one.events, survey.efforts[one.deployment].nights
    return SpeciesAtDeployment(
        deployment_id=survey.deployments[one.deployment].id,
        images=int(events.images.sum()),
        events=len(events),
        individuals=int(events.sizes.sum()),
        rate=100 * len(events) / nights if nights > 0 else None,
        first_seen=to_datetime(int(events.starts[0])),
        last_seen=to_datetime(int(events.ends[-1])),
    )


def _count_hours(survey: FilteredSurvey) -> list[int]:
    hours = np.zeros(24, np.int64)
    for places in survey.species.values():
        for one in places:
            local = to_local(one.events.starts, survey.deployments[one.deployment].time_zone)
            hours += np.bincount(local // HOUR % 24, minlength=24)
    return [int(one) for one in hours]


def _describe_deployment(
    survey: FilteredSurvey, place: int, found: list[SpeciesEvents]
) -> DeploymentEffort:
    one, effort, images = survey.deployments[place], survey.efforts[place], survey.images[place]
    last = to_datetime(int(one.images[-1])) if len(one.images) else None
    state = get_state(one, survey)
    names = {get_species(each.name, survey.survey.specificities) for each in found}
    gaps = list_gaps(images, one)
    is_proposed = one.ended_at is None and state is DeploymentState.SILENT
    return DeploymentEffort(
        deployment_id=one.id,
        name=survey.names[place],
        state=state,
        start=effort.start,
        end=effort.end,
        nights=effort.nights,
        inactive_nights=effort.inactive_nights,
        estimated=effort.is_estimated,
        gaps=gaps,
        gap_days=sum(gap.days for gap in gaps),
        images=len(images),
        first_image_at=to_datetime(int(images[0])) if len(images) else None,
        last_image_at=to_datetime(int(images[-1])) if len(images) else None,
        suggested_end=last if is_proposed else None,
        events=sum(len(each.events) for each in found),
        species=len(names - {None}),
    )


def get_state(one: SurveyDeployment, survey: FilteredSurvey) -> DeploymentState:
    """Return whether a deployment is active, silent, finished, or has no images."""
    last = to_datetime(int(one.images[-1])) if len(one.images) else None
    if one.ended_at is not None and one.ended_at <= survey.now:
        return DeploymentState.FINISHED
    if last is None:
        return DeploymentState.EMPTY
    if is_silent(last, one.ended_at, survey.now):
        return DeploymentState.SILENT
    return DeploymentState.ACTIVE


def list_gaps(images: Moments, one: SurveyDeployment) -> list[EffortGap]:
    """List the local days without an image between the first and the last image."""
    days = np.unique(to_local(images, one.time_zone) // DAY)
    places = np.flatnonzero(np.diff(days) > 1)
    return [
        EffortGap(
            start=FIRST_DAY + timedelta(days=int(days[place]) + 1),
            end=FIRST_DAY + timedelta(days=int(days[place + 1]) - 1),
            days=int(days[place + 1] - days[place] - 1),
        )
        for place in places
    ]
