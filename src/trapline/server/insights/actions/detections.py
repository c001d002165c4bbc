"""Detection histories and the record table, for occupancy models in R."""

from datetime import date, datetime, timedelta

import numpy as np

from trapline.server.insights.actions.surveys import FilteredSurvey, build_insight
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.insights.rules.local_times import (
    DAY,
    SECOND,
    Moments,
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


async def get_detection_history(
    system: AppContext,
    scope: Scope,
    project_id: int,
    wanted: SurveyFilter,
    species: str,
    days: int,
) -> DetectionHistory:
    """Return the detection history of a species. Raises NotFound, Unprocessable."""
    return await build_insight(
        system, scope, project_id, wanted, lambda one: build_detection_history(one, species, days)
    )


def build_detection_history(survey: FilteredSurvey, species: str, days: int) -> DetectionHistory:
    """Build the matrix of sites and occasions, and the camera-days of each cell."""
    active = [list_active_days(survey, place) for place in range(len(survey.deployments))]
    known = [one for one in active if len(one)]
    first = min((int(one[0]) for one in known), default=0)
    last = max((int(one[-1]) for one in known), default=-1)
    occasions = -(-(last - first + 1) // days)
    if occasions * len(survey.deployments) > MOST_CELLS:
        reason = f"results in more than {MOST_CELLS:,} cells: use longer occasions"
        raise Unprocessable(f"days: {reason}.", [("days", reason)])
    seen = {
        one.deployment: to_local(one.events.starts, survey.deployments[one.deployment].time_zone)
        // DAY
        for one in survey.species.get(species, ())
    }
    sites = []
    for place, present in enumerate(active):
        effort = np.bincount((present - first) // days, minlength=occasions)
        found = (seen.get(place, np.zeros(0, np.int64)) - first) // days
        detected = np.zeros(occasions, bool)
        detected[found[(found >= 0) & (found < occasions)]] = True
        sites.append(
            DetectionSite(
                deployment_id=survey.deployments[place].id,
                name=survey.names[place],
                detections=[
                    int(hit) if some or hit else None
                    for hit, some in zip(detected, effort > 0, strict=True)
                ],
                effort=[float(one) for one in effort],
            )
        )
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
        occasions=[FIRST_DAY + timedelta(days=first + days * n) for n in range(occasions)],
        sites=sites,
        detected_sites=sum(1 for one in sites if 1 in one.detections),
        notes=notes,
    )


def list_active_days(survey: FilteredSurvey, place: int) -> Moments:
    """List the local days from start to end on whose noon the camera worked."""
    one, effort = survey.deployments[place], survey.efforts[place]
    if effort.start is None or effort.end is None:
        return np.zeros(0, np.int64)
    edges = np.array([to_moment(effort.start), to_moment(effort.end)], np.int64)
    start, end = to_local(edges, one.time_zone) // DAY
    days = np.arange(start, end + 1)
    for since, until in one.inactive:
        off = np.array([_local(since, one.time_zone), _local(until, one.time_zone)])
        noon = days * DAY + DAY // 2
        days = days[(noon < off[0]) | (noon >= off[1])]
    return days


def _local(at: datetime, zone: str) -> int:
    return int(to_local(np.array([to_moment(at)], np.int64), zone)[0])


async def list_records(
    system: AppContext, scope: Scope, project_id: int, wanted: SurveyFilter
) -> RecordTable:
    """List the first independent events. Raises NotFound."""
    return await build_insight(
        system, scope, project_id, wanted, lambda one: build_records(one, MOST_RECORDS)
    )


def build_records(survey: FilteredSurvey, most: int | None) -> RecordTable:
    """Build the record table, in the order of station, species and time."""
    ordered = sorted(
        (one for places in survey.species.values() for one in places),
        key=lambda one: (survey.names[one.deployment], one.name),
    )
    records: list[InsightRecord] = []
    total = sum(len(one.events) for one in ordered)
    for one in ordered:
        if most is not None and len(records) >= most:
            break
        deployment, events = survey.deployments[one.deployment], one.events
        local = to_local(events.starts, deployment.time_zone)
        for n in range(len(events) if most is None else min(len(events), most - len(records))):
            since = int(events.starts[n] - events.ends[n - 1]) // SECOND if n else None
            records.append(
                InsightRecord(
                    deployment_id=deployment.id,
                    station=survey.names[one.deployment],
                    name=one.name,
                    started_at=to_datetime(int(events.starts[n])),
                    ended_at=to_datetime(int(events.ends[n])),
                    local_time=to_datetime(int(local[n])).strftime("%Y-%m-%d %H:%M:%S"),
                    since_previous_s=since,
                    images=int(events.images[n]),
                    group_size=int(events.sizes[n]),
                )
            )
    return RecordTable(
        filter=survey.describe_filter(),
        records=records,
        records_left_out=total - len(records),
        notes=survey.list_notes(),
    )
