"""Accumulation of species over camera-nights, with rarefaction and Chao2."""

import numpy as np

from trapline.server.insights.actions.detections import list_active_days
from trapline.server.insights.actions.surveys import FilteredSurvey, build_insight
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.insights.rules.local_times import DAY, to_local
from trapline.server.insights.rules.species_accumulation import estimate_chao2, rarefy_species
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.insight_richness import Accumulation, AccumulationStep, RichnessEstimate
from trapline.wire.insights import Interval

MOST_STEPS = 100


async def get_accumulation(
    system: AppContext, scope: Scope, project_id: int, wanted: SurveyFilter
) -> Accumulation:
    """Return the accumulation of species. Raises NotFound."""
    return await build_insight(system, scope, project_id, wanted, build_accumulation)


def build_accumulation(survey: FilteredSurvey) -> Accumulation:
    """Count species by camera-day: a day of the effort, or one with a detection."""
    units = {
        (int(day), place)
        for place in range(len(survey.deployments))
        for day in list_active_days(survey, place)
    }
    found: list[set[tuple[int, int]]] = []
    for places in survey.species.values():
        days: set[tuple[int, int]] = set()
        for one in places:
            zone = survey.deployments[one.deployment].time_zone
            local = np.unique(to_local(one.events.starts, zone) // DAY)
            days.update((int(day), one.deployment) for day in local)
        found.append(days)
    ordered = sorted(units.union(*found))
    incidences = [len(days) for days in found]
    sizes = sorted({round(n) for n in np.linspace(1, len(ordered), MOST_STEPS)} if ordered else ())
    positions = {unit: n for n, unit in enumerate(ordered, 1)}
    first = np.sort([min(positions[unit] for unit in days) for days in found])
    expected = rarefy_species(incidences, len(ordered), sizes)
    chao2 = estimate_chao2(incidences, len(ordered))
    return Accumulation(
        filter=survey.describe_filter(),
        units=len(ordered),
        steps=[
            AccumulationStep(
                units=size,
                observed=int(np.searchsorted(first, size, side="right")),
                expected=mean,
            )
            for size, mean in zip(sizes, expected, strict=True)
        ],
        chao2=None
        if chao2 is None
        else RichnessEstimate(
            value=chao2.value,
            interval=Interval(low=chao2.low, high=chao2.high),
            observed=len(found),
            uniques=chao2.uniques,
            duplicates=chao2.duplicates,
        ),
        notes=survey.list_notes(),
    )
