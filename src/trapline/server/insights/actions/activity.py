"""Activity of species by hour of the day, and the overlap of two species."""

from collections.abc import Sequence

import numpy as np

from trapline.server.insights.actions.surveys import (
    FilteredSurvey,
    SpeciesEvents,
    build_insight,
)
from trapline.server.insights.rules.activity import (
    REPLICATES,
    ActivityDensity,
    ActivityOverlap,
    Floats,
    compute_overlap,
    count_by_hour,
    fit_activity,
)
from trapline.server.insights.rules.day_times import compute_clock_times, compute_sun_times
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Unprocessable
from trapline.wire.insight_activity import (
    LEAST_FOR_DENSITY,
    Activity,
    ActivityCurve,
    DayTime,
    Overlap,
    OverlapCoefficient,
)
from trapline.wire.insights import InsightNote, Interval, NoteCode

MOST_CURVES = 20
MOST_TIMES = 1000
HOURS = 24
STEPS = 96
"""Values of a density over 24 hours."""


async def get_activity(
    system: AppContext, scope: Scope, project_id: int, wanted: SurveyFilter, time: DayTime
) -> Activity:
    """Return the activity of the species with most events. Raises NotFound."""
    return await build_insight(
        system, scope, project_id, wanted, lambda survey: build_activity(survey, time)
    )


async def get_overlap(
    system: AppContext,
    scope: Scope,
    project_id: int,
    wanted: SurveyFilter,
    species: tuple[str, str],
    *,
    time: DayTime,
    seed: int,
) -> Overlap:
    """Return the overlap of the activity of two species. Raises NotFound, Unprocessable."""
    require_two_species(species)
    return await build_insight(
        system,
        scope,
        project_id,
        wanted,
        lambda survey: build_overlap(survey, species, time=time, seed=seed),
    )


def require_two_species(species: tuple[str | None, str | None]) -> None:
    """Require two different names. Raises Unprocessable."""
    first, second = species
    if not first or not second:
        field = "second" if first else "first"
        reason = "is required: an overlap has a first and a second species"
        raise Unprocessable(f"{field}: {reason}.", [(field, reason)])
    if first == second:
        reason = "must be another species than first"
        raise Unprocessable(f"second: {reason}.", [("second", reason)])


def build_activity(survey: FilteredSurvey, time: DayTime = DayTime.CLOCK) -> Activity:
    """Build a histogram and a density for each species."""
    shown = list(survey.species)[:MOST_CURVES]
    curves = [_build_curve(survey, name, time)[0] for name in shown]
    notes = survey.list_notes()
    few = [one.name for one in curves if one.density is None]
    if few:
        notes.append(_note_few(few))
    without = _list_without_place(survey, time)
    return Activity(
        filter=survey.describe_filter(),
        time=time,
        deployments_left_out=len(without),
        step_hours=HOURS / STEPS,
        curves=curves,
        species_left_out=len(survey.species) - len(shown),
        notes=[*notes, *_note_places(without)],
    )


def build_overlap(
    survey: FilteredSurvey, species: tuple[str, str], *, time: DayTime, seed: int
) -> Overlap:
    """Build the coefficient of overlap of two species, with its bootstrap interval."""
    (first, times), (second, others) = (_build_curve(survey, name, time) for name in species)
    found = compute_overlap(times, others, seed=seed)
    without = _list_without_place(survey, time)
    notes = survey.list_notes()
    few = [one.name for one in (first, second) if one.density is None]
    if few:
        notes.append(_note_few(few))
    estimates = found.estimates if isinstance(found, ActivityOverlap) else ()
    return Overlap(
        filter=survey.describe_filter(),
        time=time,
        first=first,
        second=second,
        step_hours=HOURS / STEPS,
        estimates=[
            OverlapCoefficient(
                estimator=one.estimator.value,
                value=min(1.0, one.value),
                interval=Interval(low=one.interval.lower, high=one.interval.upper),
            )
            for one in estimates
        ],
        replicates=REPLICATES if estimates else 0,
        seed=seed,
        deployments_left_out=len(without),
        notes=[*notes, *_note_places(without)],
    )


def _build_curve(survey: FilteredSurvey, name: str, time: DayTime) -> tuple[ActivityCurve, Floats]:
    places = survey.species.get(name, ())
    radians = _list_times(survey, places, time)
    fitted = fit_activity(radians, grid=STEPS)
    curve = ActivityCurve(
        name=name,
        events=len(radians),
        events_left_out=sum(len(one.events) for one in places) - len(radians),
        hours=count_by_hour(radians),
        density=fitted.density.tolist() if isinstance(fitted, ActivityDensity) else None,
        concentration=fitted.bandwidth if isinstance(fitted, ActivityDensity) else None,
        times=np.round(_thin(radians) * (HOURS / (2 * np.pi)), 4).tolist(),
    )
    return curve, radians


def _thin(radians: Floats) -> Floats:
    """Take times of all deployments, which the array has one after another."""
    return radians[:: max(1, -(-len(radians) // MOST_TIMES))]


def _list_times(survey: FilteredSurvey, places: Sequence[SpeciesEvents], time: DayTime) -> Floats:
    found = [np.zeros(0)]
    for one in places:
        zone, starts = survey.deployments[one.deployment].time_zone, one.events.starts
        if time is DayTime.CLOCK:
            found.append(compute_clock_times(starts, zone))
            continue
        location = survey.locations[one.deployment]
        solar = compute_sun_times(starts, zone, (location.latitude, location.longitude))
        if solar is not None:
            found.append(solar)
    return np.concatenate(found)


def _list_without_place(survey: FilteredSurvey, time: DayTime) -> list[str]:
    """List the deployments with events that have no solar time."""
    if time is DayTime.CLOCK:
        return []
    observed = {one.deployment for places in survey.species.values() for one in places}
    return sorted(
        survey.names[place]
        for place in observed
        if survey.locations[place].latitude is None or survey.locations[place].longitude is None
    )


def _note_few(names: list[str]) -> InsightNote:
    return InsightNote(
        code=NoteCode.FEW_EVENTS,
        text=f"A curve requires at least {LEAST_FOR_DENSITY} events.",
        names=names,
    )


def _note_places(names: list[str]) -> list[InsightNote]:
    if not names:
        return []
    return [
        InsightNote(
            code=NoteCode.WITHOUT_COORDINATES,
            text="Solar time requires a location. Deployments without a known location are left "
            "out.",
            names=names,
        )
    ]
