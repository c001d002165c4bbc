"""Accumulation of species over camera-nights, with rarefaction and Chao2."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

from trapline.server.insights.actions.detections import list_daily_effort
from trapline.server.insights.actions.surveys import FilteredSurvey, build_insight
from trapline.server.insights.rules.accumulation import (
    SpeciesAccumulation,
    SpeciesRichness,
    compute_accumulation,
)
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.insights.rules.local_times import DAY, to_local
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.insight_richness import Accumulation, AccumulationStep, RichnessEstimate
from trapline.wire.insights import Interval

FIRST_DAY = date(2000, 1, 1)
MOST_STEPS = 100


async def get_accumulation(
    system: AppContext, scope: Scope, project_id: int, wanted: SurveyFilter
) -> Accumulation:
    """Return the accumulation of species. Raises NotFound."""
    return await build_insight(system, scope, project_id, wanted, build_accumulation)


def build_accumulation(survey: FilteredSurvey) -> Accumulation:
    """Count species by camera-day: a day of the effort, or one with a detection."""
    units = {
        ((day - FIRST_DAY).days, place)
        for place, shares in enumerate(list_daily_effort(survey))
        for day in shares
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
    positions = {unit: n for n, unit in enumerate(ordered, 1)}
    first = np.sort([min(positions[unit] for unit in days) for days in found])
    computed = compute_accumulation(
        np.array([len(days) for days in found], np.int64),
        len(ordered),
        sum(one.nights for one in survey.efforts),
        points=MOST_STEPS,
    )
    known = computed if isinstance(computed, SpeciesAccumulation) else None
    return Accumulation(
        filter=survey.describe_filter(),
        units=len(ordered),
        steps=_list_steps(known, first) if known is not None else [],
        chao2=_describe_richness(known.richness) if known is not None and found else None,
        notes=survey.list_notes(),
    )


def _list_steps(known: SpeciesAccumulation, first: NDArray[np.int64]) -> list[AccumulationStep]:
    return [
        AccumulationStep(
            units=size,
            observed=int(np.searchsorted(first, size, side="right")),
            expected=mean,
        )
        for size, mean in zip(known.units.tolist(), known.species.tolist(), strict=True)
    ]


def _describe_richness(known: SpeciesRichness) -> RichnessEstimate:
    return RichnessEstimate(
        value=known.chao2,
        interval=Interval(low=known.interval.lower, high=known.interval.upper),
        observed=known.observed,
        uniques=known.uniques,
        duplicates=known.duplicates,
    )
