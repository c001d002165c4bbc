"""Species over time: events and camera-nights by calendar period."""

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from trapline.server.insights.actions.identified_species import group_by_species, list_rank_notes
from trapline.server.insights.actions.surveys import FilteredSurvey, SpeciesEvents, build_insight
from trapline.server.insights.rules.calendar_periods import (
    Numbers,
    get_first_day,
    get_last_day,
    number_periods,
)
from trapline.server.insights.rules.camera_nights import compute_effort_days
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.insights.rules.local_times import DAY, to_local
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Unprocessable
from trapline.wire.insight_trends import (
    MOST_PERIODS,
    CalendarStep,
    SpeciesTrend,
    TrendPeriod,
    Trends,
)

MOST_SPECIES = 20
PER_NIGHTS = 100


async def get_trends(
    system: AppContext, scope: Scope, project_id: int, wanted: SurveyFilter, step: CalendarStep
) -> Trends:
    """Return species over time. Raises NotFound, Unprocessable."""
    return await build_insight(
        system, scope, project_id, wanted, lambda survey: build_trends(survey, step)
    )


def build_trends(
    survey: FilteredSurvey, step: CalendarStep, *, all_species: bool = False
) -> Trends:
    """Count the events of each species by period, with the effort. Raises Unprocessable."""
    survey.require_limited_effort()
    effort = [
        compute_effort_days(one.active, place.time_zone)
        for one, place in zip(survey.efforts, survey.deployments, strict=True)
    ]
    active = number_periods(np.concatenate([np.zeros(0, np.int64), *(a for a, _ in effort)]), step)
    shares = np.concatenate([np.zeros(0), *(b for _, b in effort)])
    numbers = {
        name: number_periods(_list_days(survey, places), step)
        for name, places in survey.species.items()
    }
    present = np.concatenate([active, *numbers.values()])
    first, count = (int(present.min()), int(np.ptp(present)) + 1) if len(present) else (0, 0)
    if count > MOST_PERIODS:
        reason = f"gives {count:,} periods, and at most {MOST_PERIODS:,} are returned"
        raise Unprocessable(
            f"step: {reason}. Choose a longer step or a period.", [("step", reason)]
        )
    nights = np.asarray(np.bincount(active - first, weights=shares, minlength=count), np.float64)
    events = {name: np.bincount(some - first, minlength=count) for name, some in numbers.items()}
    species = [
        np.bincount(number_periods(_list_days(survey, places), step) - first, minlength=count)
        for places in group_by_species(survey).values()
    ]
    shown = list(events) if all_species else list(events)[:MOST_SPECIES]
    return Trends(
        filter=survey.describe_filter(),
        step=step,
        periods=_list_periods(first, step, nights, events.values(), species),
        species=[_describe_species(name, events[name], nights) for name in shown],
        species_left_out=len(events) - len(shown),
        notes=[*survey.list_notes(), *list_rank_notes(survey)],
    )


def _list_days(survey: FilteredSurvey, places: Iterable[SpeciesEvents]) -> Numbers:
    return np.concatenate(
        [
            to_local(one.events.starts, survey.deployments[one.deployment].time_zone) // DAY
            for one in places
        ]
    )


def _list_periods(
    first: int,
    step: CalendarStep,
    nights: NDArray[np.float64],
    events: Collection[Numbers],
    of_species: Collection[Numbers],
) -> list[TrendPeriod]:
    totals = np.array(list(events), np.int64).reshape(len(events), len(nights)).sum(axis=0)
    table = np.array(list(of_species), np.int64).reshape(len(of_species), len(nights))
    firsts = (table > 0).argmax(axis=1) if len(nights) else np.zeros(0, np.int64)
    new = np.bincount(firsts, minlength=len(nights))
    return [
        TrendPeriod(
            start=get_first_day(number, step),
            end=get_last_day(number, step),
            nights=effort,
            events=total,
            species=seen,
            new_species=found,
        )
        for number, (effort, total, seen, found) in enumerate(
            zip(
                nights.tolist(),
                totals.tolist(),
                (table > 0).sum(axis=0).tolist(),
                new.tolist(),
                strict=True,
            ),
            start=first,
        )
    ]


def _describe_species(name: str, events: Numbers, nights: NDArray[np.float64]) -> SpeciesTrend:
    return SpeciesTrend(
        name=name,
        events=events.tolist(),
        rates=[
            PER_NIGHTS * count / effort if effort > 0 else None
            for count, effort in zip(events.tolist(), nights.tolist(), strict=True)
        ],
    )
