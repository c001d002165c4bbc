"""The route of insights as CSV."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.insights.actions import insight_tables
from trapline.server.insights.routes.survey_parameters import ProjectQuery, Seed, SurveyFilterOf
from trapline.server.platform.http.parameters import QueryText
from trapline.wire.insight_activity import DayTime
from trapline.wire.insight_detections import LONGEST_OCCASION_DAYS
from trapline.wire.insight_trends import CalendarStep
from trapline.wire.insights import InsightTable

router = APIRouter(prefix="/insights", tags=["insights"])


@router.get("/tables", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export_table(
    system: SystemOf,
    scope: ScopeOf,
    wanted: SurveyFilterOf,
    project: ProjectQuery,
    table: InsightTable,
    species: Annotated[
        QueryText | None, Query(description="Required for detection histories.")
    ] = None,
    first: Annotated[QueryText | None, Query(description="Required for an overlap.")] = None,
    second: Annotated[QueryText | None, Query(description="Required for an overlap.")] = None,
    time: DayTime = DayTime.CLOCK,
    days: Annotated[int, Query(ge=1, le=LONGEST_OCCASION_DAYS)] = 7,
    seed: Seed = 1,
    step: CalendarStep = CalendarStep.MONTH,
) -> Response:
    """Export an insight as CSV, with the same filter as the insight itself."""
    options = insight_tables.TableOptions(species, first, second, days, seed, time, step)
    text = await insight_tables.export_table(system, scope, project, wanted, table, options)
    headers = {"Content-Disposition": f'attachment; filename="{table.value}-{project}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
