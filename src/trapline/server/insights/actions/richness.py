"""Accumulation of species over camera-nights, with rarefaction and Chao2."""

import numpy as np
from numpy.typing import NDArray

from trapline.server.insights.actions.identified_species import group_by_species, list_rank_notes
from trapline.server.insights.actions.surveys import FilteredSurvey, build_insight
from trapline.server.insights.rules.accumulation import (
    SpeciesAccumulation,
    SpeciesRichness,
    compute_accumulation,
)
from trapline.server.insights.rules.camera_nights import compute_effort_days
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.insights.rules.local_times import DAY, to_local
from trapline.server.insights.rules.proportions import compute_normal_quantile
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.wire.insight_richness import Accumulation, AccumulationStep, RichnessEstimate
from trapline.wire.insights import Interval

LEVEL = 0.95
MOST_STEPS = 100


async def get_accumulation(
    system: AppContext, scope: Scope, project_id: int, wanted: SurveyFilter
) -> Accumulation:
    """Return the accumulation of species. Raises NotFound."""
    return await build_insight(system, scope, project_id, wanted, build_accumulation)


def build_accumulation(survey: FilteredSurvey) -> Accumulation:
    """Count species by camera-day: a day of the effort, or one with a detection."""
    sites = len(survey.deployments)
    survey.require_limited_effort()
    # A unit is the number of its day times the number of deployments, plus that of the deployment.
    units = [
        compute_effort_days(effort.active, one.time_zone)[0] * sites + place
        for place, (effort, one) in enumerate(zip(survey.efforts, survey.deployments, strict=True))
    ]
    found = []
    for places in group_by_species(survey).values():
        days = [
            to_local(one.events.starts, survey.deployments[one.deployment].time_zone) // DAY * sites
            + one.deployment
            for one in places
        ]
        found.append(np.unique(np.concatenate(days)))
    ordered = np.unique(np.concatenate([np.zeros(0, np.int64), *units, *found]))
    first = np.sort([np.searchsorted(ordered, days[0]) + 1 for days in found])
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
        notes=[*survey.list_notes(), *list_rank_notes(survey)],
    )


def _list_steps(known: SpeciesAccumulation, first: NDArray[np.int64]) -> list[AccumulationStep]:
    halves = compute_normal_quantile(LEVEL) * known.standard_deviation
    return [
        AccumulationStep(
            units=size,
            observed=int(np.searchsorted(first, size, side="right")),
            expected=mean,
            low=max(0.0, mean - half),
            high=mean + half,
        )
        for size, mean, half in zip(
            known.units.tolist(), known.species.tolist(), halves.tolist(), strict=True
        )
    ]


def _describe_richness(known: SpeciesRichness) -> RichnessEstimate:
    return RichnessEstimate(
        value=known.chao2,
        interval=Interval(low=known.interval.lower, high=known.interval.upper),
        observed=known.observed,
        uniques=known.uniques,
        duplicates=known.duplicates,
    )
