"""The survey that an insight describes: cached arrays, narrowed by the filter of the request."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np

from trapline.server.images.queries.locations import list_precisions
from trapline.server.images.rules.locations import (
    Location,
    Precision,
    generalise,
    get_shown_name,
)
from trapline.server.insights.queries.surveys import (
    NameAtDeployment,
    Survey,
    SurveyDeployment,
    get_survey_version,
    load_survey,
)
from trapline.server.insights.rules.camera_nights import (
    DeploymentPeriod,
    Period,
    compute_effort,
)
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.insights.rules.local_times import SECOND, Moments, to_datetime, to_moment
from trapline.server.insights.rules.temporal_independence import IndependenceRule, find_events
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.caches import VersionedCache
from trapline.server.platform.errors import NotFound, Unprocessable
from trapline.server.projects.queries.projects import get_project_row
from trapline.server.review.queries.observations import (
    list_class_names,
    list_current_sets,
    list_taxon_names,
)
from trapline.server.review.queries.taxa import get_taxon_row
from trapline.wire.insights import AppliedFilter, InsightNote, NoteCode

Built = TypeVar("Built")
MOST_NIGHTS = 5_000_000
"""Maximum effort of a figure by day."""
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass
class InsightCaches:
    """The arrays of the projects whose insights were read last, each with its version."""

    surveys: VersionedCache[int, Survey] = field(default_factory=lambda: VersionedCache(4, 600.0))
    scored: VersionedCache[tuple[int, str], Any] = field(
        default_factory=lambda: VersionedCache(4, 600.0)
    )
    """Confidences of model versions on reviewed images."""


@dataclass(frozen=True)
class EventList:
    """Events in order of time: first and last time, images, and the largest count."""

    starts: Moments
    ends: Moments
    images: Moments
    sizes: Moments

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True)
class DeploymentNights:
    """The period of a deployment and its camera-nights, both within the period of a filter."""

    start: datetime | None
    end: datetime | None
    nights: float
    inactive_nights: float
    is_estimated: bool
    active: Sequence[Period] = ()


@dataclass(frozen=True)
class SpeciesEvents:
    """The events of a name at one deployment."""

    name: str
    deployment: int
    events: EventList


@dataclass(frozen=True)
class FilteredSurvey:
    """The deployments and events of a filter.

    `names` and `locations` are those that the caller sees.
    """

    wanted: SurveyFilter
    survey: Survey
    deployments: Sequence[SurveyDeployment]
    names: Sequence[str]
    locations: Sequence[Location]
    images: Sequence[Moments]
    efforts: Sequence[DeploymentNights]
    species: Mapping[str, Sequence[SpeciesEvents]]
    observed_images: int
    blank_images: Sequence[int]
    now: datetime

    def describe_filter(self) -> AppliedFilter:
        """Describe the filter as the response has it."""
        wanted = self.wanted
        return AppliedFilter(
            start=wanted.start,
            end=wanted.end,
            deployments=list(wanted.deployments),
            taxa=list(wanted.taxa),
            names=list(wanted.names),
            kind=wanted.kind,
            interval_min=wanted.interval_min,
            rule=wanted.rule,
        )

    def require_limited_effort(self, most: int = MOST_NIGHTS) -> None:
        """Refuse an effort that takes too long to list by day. Raises Unprocessable."""
        if sum(one.nights for one in self.efforts) > most:
            reason = f"is too early: the deployments have more than {most:,} camera-nights since"
            raise Unprocessable(
                f"start: {reason}. Choose a shorter period, or correct their dates.",
                [("start", reason)],
            )

    def list_notes(self) -> list[InsightNote]:
        """List what all insights of this survey must be read with."""
        notes = []
        if not self.species:
            notes.append(
                InsightNote(
                    code=NoteCode.NO_OBSERVATIONS, text="No observation matches this filter."
                )
            )
        estimated = [
            name
            for name, effort in zip(self.names, self.efforts, strict=True)
            if effort.is_estimated and effort.nights > 0
        ]
        if estimated:
            notes.append(
                InsightNote(
                    code=NoteCode.ESTIMATED_EFFORT,
                    text="The effort of deployments without a start or an end is estimated from "
                    "their first and last image.",
                    names=estimated,
                )
            )
        if outside := self._list_outside():
            notes.append(
                InsightNote(
                    code=NoteCode.OUTSIDE_PERIOD,
                    text="Events before the start or after the end of their deployment are counted "
                    "without effort. Check the dates of these deployments and their clocks.",
                    names=outside,
                )
            )
        if sum(one.nights for one in self.efforts) <= 0:
            notes.append(
                InsightNote(
                    code=NoteCode.NO_EFFORT,
                    text="No camera-nights in this period, so there are no rates.",
                )
            )
        return notes

    def _list_outside(self) -> list[str]:
        outside = set()
        for one in (one for places in self.species.values() for one in places):
            given = self.deployments[one.deployment]
            starts = one.events.starts
            if (given.started_at is not None and starts[0] < to_moment(given.started_at)) or (
                given.ended_at is not None and starts[-1] > to_moment(given.ended_at)
            ):
                outside.add(self.names[one.deployment])
        return sorted(outside)


async def build_insight(
    system: AppContext,
    scope: Scope,
    project_id: int,
    wanted: SurveyFilter,
    build: Callable[[FilteredSurvey], Built],
) -> Built:
    """Build an insight in a thread from the current observations. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        survey = await _get_survey(system, scope, tx, project_id)
        names = await _list_names(scope, tx, project_id, wanted)
        withheld = await list_precisions(scope, tx, [project_id])
    known = {one.id for one in survey.deployments}
    if not known.issuperset(wanted.deployments):
        raise NotFound

    def calculate() -> Built:
        return build(filter_survey(survey, wanted, names, withheld, datetime.now(UTC)))

    return await asyncio.to_thread(calculate)


async def _get_survey(system: AppContext, scope: Scope, tx: Transaction, project_id: int) -> Survey:
    # The version is read first: a change meanwhile is then part of the arrays, or makes them old.
    version = await get_survey_version(scope, tx, project_id)
    kept = system.part(InsightCaches).surveys
    return await kept.get(project_id, version, lambda: load_survey(scope, tx, project_id))


async def _list_names(
    scope: Scope, tx: Transaction, project_id: int, wanted: SurveyFilter
) -> set[str] | None:
    if not wanted.taxa and not wanted.names:
        return None
    sets = await list_current_sets(scope, tx, project_id)
    names: set[str] = set()
    for taxon in wanted.taxa:
        if (await get_taxon_row(scope, tx, taxon)).project_id != project_id:
            raise NotFound
        names.update(await list_taxon_names(scope, tx, taxon))
    for name in wanted.names:
        names.update(await list_class_names(scope, tx, sets, name))
    return names


async def resolve_species(system: AppContext, scope: Scope, project_id: int, species: str) -> str:
    """Return the stored name that a name or a label means. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        await get_project_row(scope, tx, project_id)
        sets = await list_current_sets(scope, tx, project_id)
        meant = await list_class_names(scope, tx, sets, species)
    return next((name for name in meant if name != species), species)


def filter_survey(
    survey: Survey,
    wanted: SurveyFilter,
    names: set[str] | None,
    withheld: Mapping[UUID, Precision],
    now: datetime,
) -> FilteredSurvey:
    """Narrow a survey to the deployments, period and names of a filter, and group its events."""
    shown = {
        one.id: get_shown_name(one.id) if one.id in withheld else one.name
        for one in survey.deployments
    }
    # The order of the withheld names would reveal what they begin with.
    deployments = [
        one
        for one in sorted(survey.deployments, key=lambda one: shown[one.id])
        if (one.id in wanted.deployments if wanted.deployments else _is_in_use(one))
    ]
    periods = [_get_period(wanted, one.time_zone) for one in deployments]
    places = {one.id: place for place, one in enumerate(deployments)}
    species: dict[str, list[SpeciesEvents]] = {}
    blank = [0] * len(deployments)
    chosen: list[tuple[NameAtDeployment, int, slice]] = []
    for one in survey.observed:
        place = places.get(one.deployment_id)
        if place is None:
            continue
        inside = _find_inside(one.times, periods[place])
        if inside.start == inside.stop:
            continue
        if one.kind == "blank":
            blank[place] += inside.stop - inside.start
        elif one.kind == wanted.kind and (names is None or one.name in names):
            chosen.append((one, place, inside))
    found = _list_events(
        [one.times[inside] for one, _, inside in chosen],
        [one.counts[inside] for one, _, inside in chosen],
        wanted,
    )
    for (one, place, _), events in zip(chosen, found, strict=True):
        species.setdefault(one.name, []).append(SpeciesEvents(one.name, place, events))
    images = [
        one.images[_find_inside(one.images, period)]
        for one, period in zip(deployments, periods, strict=True)
    ]
    ordered = sorted(
        species.items(), key=lambda item: (-sum(len(one.events) for one in item[1]), item[0])
    )
    return FilteredSurvey(
        wanted,
        survey,
        deployments,
        [shown[one.id] for one in deployments],
        [generalise(one.location, withheld.get(one.id, Precision.EXACT)) for one in deployments],
        images,
        [
            _compute_nights(one, period, now)
            for one, period in zip(deployments, periods, strict=True)
        ],
        dict(ordered),
        sum(inside.stop - inside.start for _, _, inside in chosen),
        blank,
        now,
    )


def _is_in_use(one: SurveyDeployment) -> bool:
    return bool(len(one.images)) or one.started_at is not None


def _get_period(wanted: SurveyFilter, zone: str) -> tuple[int | None, int | None]:
    def at_midnight(day: date) -> int:
        return to_moment(datetime.combine(day, time(), ZoneInfo(zone)))

    return (
        None if wanted.start is None else at_midnight(wanted.start),
        None if wanted.end is None else at_midnight(wanted.end + timedelta(days=1)),
    )


def _find_inside(times: Moments, period: tuple[int | None, int | None]) -> slice:
    start, end = period
    return slice(
        0 if start is None else int(np.searchsorted(times, start)),
        len(times) if end is None else int(np.searchsorted(times, end)),
    )


def _list_events(
    times: Sequence[Moments], counts: Sequence[Moments], wanted: SurveyFilter
) -> list[EventList]:
    """List the events of each group of sorted times; one call is faster than one per group."""
    if not times:
        return []
    of_all = np.concatenate(times)
    found = find_events(
        of_all / SECOND,
        np.repeat(np.arange(len(times)), [len(one) for one in times]),
        np.concatenate(counts),
        interval_s=wanted.interval_min * 60,
        rule=IndependenceRule(wanted.rule.value),
    )
    starts = of_all[found.first_row]
    ends = of_all[found.first_row + found.observations - 1]
    limits = np.searchsorted(found.groups, np.arange(len(times) + 1)).tolist()
    return [
        EventList(*(one[a:b] for one in (starts, ends, found.observations, found.group_sizes)))
        for a, b in pairwise(limits)
    ]


def _compute_nights(
    one: SurveyDeployment, period: tuple[int | None, int | None], now: datetime
) -> DeploymentNights:
    has_images = len(one.images) > 0
    times = DeploymentPeriod(
        started_at=one.started_at and one.started_at.astimezone(UTC),
        ended_at=one.ended_at and one.ended_at.astimezone(UTC),
        first_image_at=to_datetime(int(one.images[0])) if has_images else None,
        last_image_at=to_datetime(int(one.images[-1])) if has_images else None,
        inactive=[(a.astimezone(UTC), b.astimezone(UTC)) for a, b in one.inactive],
    )
    within = (
        EARLIEST if period[0] is None else to_datetime(period[0]),
        LATEST if period[1] is None else to_datetime(period[1]),
    )
    found = compute_effort(times, now, within=within)
    whole = compute_effort(replace(times, inactive=()), now, within=within)
    return DeploymentNights(
        start=whole.active[0][0] if whole.active else None,
        end=whole.active[-1][1] if whole.active else None,
        nights=found.camera_nights,
        inactive_nights=whole.camera_nights - found.camera_nights,
        is_estimated=found.is_estimated,
        active=found.active,
    )
