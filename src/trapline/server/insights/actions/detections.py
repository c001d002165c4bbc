"""Detection histories and the record table, for occupancy models in R."""

from datetime import date, timedelta

import numpy as np

from trapline.server.insights.actions.surveys import (
    FilteredSurvey,
    SpeciesEvents,
    build_insight,
    resolve_species,
)
from trapline.server.insights.rules.camera_nights import compute_daily_effort
from trapline.server.insights.rules.detection_histories import MOST_OCCASIONS, FirstDay
from trapline.server.insights.rules.detection_histories import (
    build_detection_history as build_occasions,
)
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.insights.rules.local_times import (
    DAY,
    SECOND,
    to_datetime,
    to_local,
    to_moment,
)
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Unprocessable
from trapline.wire.insight_detections import (
    MOST_RECORDS,
    DetectionHistory,
    DetectionSite,
    InsightRecord,
    RecordTable,
)
from trapline.wire.insights import InsightNote, NoteCode

FIRST_DAY = date(2000, 1, 1)
MOST_CELLS = 1_000_000
MOST_DAYS = 1_000_000
"""Maximum effort of a detection history in camera-nights."""


async def get_detection_history(
    system: AppContext,
    scope: Scope,
    project_id: int,
    wanted: SurveyFilter,
    species: str,
    days: int,
) -> DetectionHistory:
    """Return the detection history of a species. Raises NotFound, Unprocessable."""
    name = await resolve_species(system, scope, project_id, species)
    return await build_insight(
        system, scope, project_id, wanted, lambda one: build_detection_history(one, name, days)
    )


def build_detection_history(survey: FilteredSurvey, species: str, days: int) -> DetectionHistory:
    """Build the matrix of sites and occasions, and the camera-days of each cell."""
    found = [
        (one.deployment, FIRST_DAY + timedelta(days=day))
        for one in survey.species.get(species, ())
        for day in (
            to_local(one.events.starts, survey.deployments[one.deployment].time_zone) // DAY
        ).tolist()
    ]
    occasions = -(-_count_days(survey) // days)
    if occasions * len(survey.deployments) > MOST_CELLS or occasions > MOST_OCCASIONS:
        reason = f"results in more than {MOST_CELLS:,} cells: use longer occasions"
        raise Unprocessable(f"days: {reason}.", [("days", reason)])
    survey.require_limited_effort(MOST_DAYS)
    daily = list_daily_effort(survey)
    first_day = min((day for effort in daily for day in effort), default=FIRST_DAY)
    matrix = build_occasions(daily, found, occasion_days=days, first_day=FirstDay.SURVEY)
    sites = [
        DetectionSite(deployment_id=one.id, name=name, detections=detections, effort=effort)
        for one, name, detections, effort in zip(
            survey.deployments,
            survey.names,
            matrix.to_binary(),
            matrix.effort.round(6).tolist(),
            strict=True,
        )
    ]
    notes = survey.list_notes()
    if species not in survey.species and survey.species:
        notes.append(
            InsightNote(
                code=NoteCode.NO_OBSERVATIONS,
                text="This species has no observation in the filter.",
                names=[species],
            )
        )
    return DetectionHistory(
        filter=survey.describe_filter(),
        name=species,
        occasion_days=days,
        occasions=[first_day + timedelta(days=days * n) for n in range(occasions)],
        sites=sites,
        detected_sites=sum(1 for one in sites if 1 in one.detections),
        notes=notes,
    )


def _count_days(survey: FilteredSurvey) -> int:
    """Count the local days from the first to the last effort, without listing them."""
    ends = [
        to_local(np.array([to_moment(one.active[0][0]), to_moment(one.active[-1][1]) - 1]), zone)
        for one, zone in zip(
            survey.efforts, (each.time_zone for each in survey.deployments), strict=True
        )
        if one.active
    ]
    if not ends:
        return 0
    return int(max(one[1] for one in ends) // DAY - min(one[0] for one in ends) // DAY) + 1


def list_daily_effort(survey: FilteredSurvey) -> list[dict[date, float]]:
    """List the active share of each local day by deployment."""
    return [
        compute_daily_effort(effort.active, one.time_zone)
        for effort, one in zip(survey.efforts, survey.deployments, strict=True)
    ]


async def list_records(
    system: AppContext, scope: Scope, project_id: int, wanted: SurveyFilter
) -> RecordTable:
    """List the first independent events. Raises NotFound."""
    return await build_insight(
        system, scope, project_id, wanted, lambda one: build_records(one, MOST_RECORDS)
    )


def order_events(survey: FilteredSurvey) -> list[SpeciesEvents]:
    """List the events of each species and deployment in the order of the record table."""
    return sorted(
        (one for places in survey.species.values() for one in places),
        key=lambda one: (survey.names[one.deployment], one.name),
    )


def list_record_times(
    survey: FilteredSurvey, one: SpeciesEvents
) -> tuple[list[str], list[int | None]]:
    """List the local time of each event, and the seconds since the end of the previous one."""
    local = to_local(one.events.starts, survey.deployments[one.deployment].time_zone)
    seconds = np.datetime64(FIRST_DAY, "s") + (local // SECOND).astype("timedelta64[s]")
    times = np.char.replace(np.datetime_as_string(seconds), "T", " ").tolist()
    since = (one.events.starts[1:] - one.events.ends[:-1]) // SECOND
    return times, [None, *since.tolist()]


def build_records(survey: FilteredSurvey, most: int) -> RecordTable:
    """Build the first rows of the record table."""
    records: list[InsightRecord] = []
    total = 0
    for one in order_events(survey):
        events, listed = one.events, min(len(one.events), most - len(records))
        total += len(events)
        if not listed:
            continue
        times, since = list_record_times(survey, one)
        records.extend(
            InsightRecord(
                deployment_id=survey.deployments[one.deployment].id,
                station=survey.names[one.deployment],
                name=one.name,
                started_at=to_datetime(int(events.starts[n])),
                ended_at=to_datetime(int(events.ends[n])),
                local_time=times[n],
                since_previous_s=since[n],
                images=int(events.images[n]),
                group_size=int(events.sizes[n]),
            )
            for n in range(listed)
        )
    return RecordTable(
        filter=survey.describe_filter(),
        records=records,
        records_left_out=total - len(records),
        notes=survey.list_notes(),
    )
