"""Activity of species by hour of the day."""

import math

import numpy as np

from trapline.server.insights.actions.surveys import FilteredSurvey, build_insight
from trapline.server.insights.rules.density import STEPS, calculate_density, select_bandwidth
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.insights.rules.local_times import DAY, to_local
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.insight_activity import LEAST_FOR_DENSITY, Activity, ActivityCurve
from trapline.wire.insights import InsightNote, NoteCode

MOST_CURVES = 20
MOST_TIMES = 1000
HOURS = 24


async def get_activity(
    system: AppContext, scope: Scope, project_id: int, wanted: SurveyFilter
) -> Activity:
    """Return the activity of the species with most events. Raises NotFound."""
    return await build_insight(system, scope, project_id, wanted, build_activity)


def build_activity(survey: FilteredSurvey) -> Activity:
    """Build a histogram and a density for each species."""
    shown = list(survey.species)[:MOST_CURVES]
    curves = [_build_curve(survey, name) for name in shown]
    notes = survey.list_notes()
    few = [one.name for one in curves if one.density is None]
    if few:
        notes.append(
            InsightNote(
                code=NoteCode.FEW_EVENTS,
                text=f"A curve requires at least {LEAST_FOR_DENSITY} events.",
                names=few,
            )
        )
    return Activity(
        filter=survey.describe_filter(),
        step_hours=HOURS / STEPS,
        curves=curves,
        species_left_out=len(survey.species) - len(shown),
        notes=notes,
    )


def _build_curve(survey: FilteredSurvey, name: str) -> ActivityCurve:
    local = np.concatenate(
        [
            to_local(one.events.starts, survey.deployments[one.deployment].time_zone)
            for one in survey.species[name]
        ]
    )
    hours = (local % DAY) / DAY * HOURS
    density = concentration = None
    if len(hours) >= LEAST_FOR_DENSITY:
        radians = hours / HOURS * 2 * math.pi
        concentration = select_bandwidth(radians)
        at = np.arange(STEPS) / STEPS * 2 * math.pi
        per_hour = calculate_density(radians, concentration, at) * 2 * math.pi / HOURS
        density = [float(one) for one in per_hour]
    return ActivityCurve(
        name=name,
        events=len(hours),
        hours=[int(one) for one in np.bincount(hours.astype(np.int64), minlength=HOURS)],
        density=density,
        concentration=concentration,
        times=[float(one) for one in np.round(hours[:MOST_TIMES], 4)],
    )
