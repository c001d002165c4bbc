"""Activity of species by hour of the day."""

import numpy as np

from trapline.server.insights.actions.surveys import FilteredSurvey, build_insight
from trapline.server.insights.rules.activity import (
    ActivityDensity,
    convert_to_radians,
    count_by_hour,
    fit_activity,
)
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.insights.rules.local_times import DAY, SECOND, to_local
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.insight_activity import LEAST_FOR_DENSITY, Activity, ActivityCurve
from trapline.wire.insights import InsightNote, NoteCode

MOST_CURVES = 20
MOST_TIMES = 1000
HOURS = 24
STEPS = 96
"""Values of a density over 24 hours."""


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
    radians = convert_to_radians(local % DAY / SECOND)
    fitted = fit_activity(radians, grid=STEPS)
    return ActivityCurve(
        name=name,
        events=len(radians),
        hours=count_by_hour(radians),
        density=fitted.density.tolist() if isinstance(fitted, ActivityDensity) else None,
        concentration=fitted.bandwidth if isinstance(fitted, ActivityDensity) else None,
        times=np.round(local[:MOST_TIMES] % DAY / DAY * HOURS, 4).tolist(),
    )
