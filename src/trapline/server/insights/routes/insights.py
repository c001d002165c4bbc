"""Routes of insights: rates, activity, richness, detection histories and camera health."""

from typing import Annotated

from fastapi import APIRouter, Query

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.insights.actions import (
    activity,
    camera_health,
    detections,
    richness,
    summary,
    trends,
)
from trapline.server.insights.routes.survey_parameters import ProjectQuery, Seed, SurveyFilterOf
from trapline.server.platform.http.parameters import QueryText
from trapline.wire.camera_health import CameraHealth
from trapline.wire.insight_activity import Activity, DayTime, Overlap
from trapline.wire.insight_detections import (
    LONGEST_OCCASION_DAYS,
    DetectionHistory,
    RecordTable,
)
from trapline.wire.insight_richness import Accumulation
from trapline.wire.insight_summary import InsightSummary
from trapline.wire.insight_trends import CalendarStep, Trends

router = APIRouter(prefix="/insights", tags=["insights"])

SpeciesText = Annotated[QueryText, Query(min_length=1, description="A name, or a label of it.")]
StoredName = Annotated[
    QueryText, Query(min_length=1, description="A name as other insights return it.")
]
OccasionDays = Annotated[
    int, Query(ge=1, le=LONGEST_OCCASION_DAYS, description="Length of an occasion in days.")
]


@router.get("/summary")
async def get_summary(
    system: SystemOf,
    scope: ScopeOf,
    wanted: SurveyFilterOf,
    project: ProjectQuery,
    seed: Seed = 1,
) -> InsightSummary:
    """Return events, individuals and rates by species and deployment, with the effort.

    Only animals are counted unless `kind` is given.
    """
    return await summary.get_summary(system, scope, project, wanted, seed)


@router.get("/activity")
async def get_activity(
    system: SystemOf,
    scope: ScopeOf,
    wanted: SurveyFilterOf,
    project: ProjectQuery,
    time: DayTime = DayTime.CLOCK,
) -> Activity:
    """Return the activity over the day of the 20 species with most events, or of `class`."""
    return await activity.get_activity(system, scope, project, wanted, time)


@router.get("/overlap")
async def get_overlap(
    system: SystemOf,
    scope: ScopeOf,
    wanted: SurveyFilterOf,
    project: ProjectQuery,
    first: StoredName,
    second: StoredName,
    time: DayTime = DayTime.CLOCK,
    seed: Seed = 1,
) -> Overlap:
    """Return the overlap of the activity of two species, with its bootstrap interval."""
    return await activity.get_overlap(
        system, scope, project, wanted, (first, second), time=time, seed=seed
    )


@router.get("/accumulation")
async def get_accumulation(
    system: SystemOf, scope: ScopeOf, wanted: SurveyFilterOf, project: ProjectQuery
) -> Accumulation:
    """Return the accumulation of species over camera-nights, with rarefaction and Chao2."""
    return await richness.get_accumulation(system, scope, project, wanted)


@router.get("/trends")
async def get_trends(
    system: SystemOf,
    scope: ScopeOf,
    wanted: SurveyFilterOf,
    project: ProjectQuery,
    step: CalendarStep = CalendarStep.MONTH,
) -> Trends:
    """Return species over time: the 20 with most events, by day, week, month or year."""
    return await trends.get_trends(system, scope, project, wanted, step)


@router.get("/detections")
async def get_detection_history(
    system: SystemOf,
    scope: ScopeOf,
    wanted: SurveyFilterOf,
    project: ProjectQuery,
    species: SpeciesText,
    days: OccasionDays = 7,
) -> DetectionHistory:
    """Return the detection history of a species: sites by occasions, with the effort matrix."""
    return await detections.get_detection_history(system, scope, project, wanted, species, days)


@router.get("/records")
async def list_records(
    system: SystemOf, scope: ScopeOf, wanted: SurveyFilterOf, project: ProjectQuery
) -> RecordTable:
    """List independent events as camtrapR does: at most 10,000, the CSV table has all."""
    return await detections.list_records(system, scope, project, wanted)


@router.get("/camera-health")
async def get_camera_health(
    system: SystemOf, scope: ScopeOf, project: ProjectQuery
) -> CameraHealth:
    """List cameras by the urgency of a visit, the most urgent first."""
    return await camera_health.get_camera_health(system, scope, project)
