"""Insights as CSV tables."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from trapline.server.insights.actions.activity import build_activity
from trapline.server.insights.actions.camera_health import build_camera_health
from trapline.server.insights.actions.detections import build_detection_history, build_records
from trapline.server.insights.actions.richness import build_accumulation
from trapline.server.insights.actions.summary import build_summary
from trapline.server.insights.actions.surveys import FilteredSurvey, build_insight
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Unprocessable
from trapline.wire.insight_summary import InsightSummary
from trapline.wire.insights import InsightTable
from trapline.wire.values import Message

RECORD_COLUMNS = (
    "Station", "Species", "DateTimeOriginal", "Date", "Time", "delta.time.secs", "delta.time.mins",
    "delta.time.hours", "delta.time.days", "n_images", "group_size",
)  # fmt: skip
Rows = Iterable[Sequence[Any]]


async def export_table(
    system: AppContext,
    scope: Scope,
    project_id: int,
    wanted: SurveyFilter,
    table: InsightTable,
    *,
    species: str | None,
    days: int,
    seed: int,
) -> str:
    """Export an insight as CSV. Raises NotFound, Unprocessable."""
    is_history = table in (InsightTable.DETECTION_HISTORY, InsightTable.DETECTION_EFFORT)
    if is_history and not species:
        reason = "is required for the tables of a detection history"
        raise Unprocessable(f"species: {reason}.", [("species", reason)])
    if table is InsightTable.CAMERA_HEALTH:
        wanted = SurveyFilter()

    def build(survey: FilteredSurvey) -> str:
        return _render_csv(*_list_rows(survey, table, species or "", days, seed))

    return await build_insight(system, scope, project_id, wanted, build)


def _list_rows(
    survey: FilteredSurvey, table: InsightTable, species: str, days: int, seed: int
) -> tuple[Sequence[str], Rows]:
    match table:
        case InsightTable.SPECIES:
            return _list_species(build_summary(survey, seed))
        case InsightTable.DEPLOYMENTS:
            return _list_fields(build_summary(survey, seed).deployments, {"gaps"})
        case InsightTable.SPECIES_BY_DEPLOYMENT:
            return _list_cells(build_summary(survey, seed))
        case InsightTable.ACTIVITY:
            curves = build_activity(survey).curves
            return ("species", "hour", "events"), (
                (one.name, hour, events) for one in curves for hour, events in enumerate(one.hours)
            )
        case InsightTable.ACCUMULATION:
            return _list_fields(build_accumulation(survey).steps)
        case InsightTable.RECORDS:
            return RECORD_COLUMNS, _list_records(survey)
        case InsightTable.CAMERA_HEALTH:
            return _list_fields(build_camera_health(survey).cameras)
        case InsightTable.DETECTION_HISTORY | InsightTable.DETECTION_EFFORT:
            found = build_detection_history(survey, species, days)
            is_effort = table is InsightTable.DETECTION_EFFORT
            columns = [f"o{number}" for number in range(1, len(found.occasions) + 1)]
            return ("", *columns), (
                (one.name, *(one.effort if is_effort else map(_format_cell, one.detections)))
                for one in found.sites
            )


def _format_cell(value: int | None) -> int | str:
    return "NA" if value is None else value


def _list_species(summary: InsightSummary) -> tuple[Sequence[str], Rows]:
    columns = (
        "species", "kind", "images", "events", "individuals", "rate", "rate_low", "rate_high",
        "deployments", "occupancy", "first_seen", "last_seen",
    )  # fmt: skip
    return columns, (
        (
            one.name,
            one.kind,
            one.images,
            one.events,
            one.individuals,
            one.rate,
            one.interval and one.interval.low,
            one.interval and one.interval.high,
            one.deployments,
            one.occupancy,
            one.first_seen,
            one.last_seen,
        )
        for one in summary.species
    )


def _list_cells(summary: InsightSummary) -> tuple[Sequence[str], Rows]:
    efforts = {one.deployment_id: one for one in summary.deployments}
    columns = (
        "species", "deployment", "nights", "images", "events", "individuals", "rate", "first_seen",
        "last_seen",
    )  # fmt: skip
    return columns, (
        (
            one.name,
            efforts[cell.deployment_id].name,
            efforts[cell.deployment_id].nights,
            cell.images,
            cell.events,
            cell.individuals,
            cell.rate,
            cell.first_seen,
            cell.last_seen,
        )
        for one in summary.species
        for cell in one.cells
    )


def _list_records(survey: FilteredSurvey) -> Rows:
    for one in build_records(survey, None).records:
        since = one.since_previous_s
        seconds = 0 if since is None else since
        day, _, hour = one.local_time.partition(" ")
        yield (
            one.station,
            one.name,
            one.local_time,
            day,
            hour,
            seconds,
            round(seconds / 60, 1),
            round(seconds / 3600, 1),
            round(seconds / 86_400, 1),
            one.images,
            one.group_size,
        )


def _list_fields(
    found: Sequence[Message], without: Iterable[str] = ()
) -> tuple[Sequence[str], Rows]:
    left_out = {"deployment_id", *without}
    rows = [one.model_dump(mode="json", exclude=left_out) for one in found]
    columns = list(rows[0]) if rows else []
    return columns, (list(map(_join, row.values())) for row in rows)


def _join(value: Any) -> Any:
    return " | ".join(map(str, value)) if isinstance(value, list) else value


def _render_csv(columns: Sequence[str], rows: Rows) -> str:
    """Render CSV; text that a spreadsheet would run as a formula gets an apostrophe."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_format_value(value) for value in row])
    return file.getvalue()


def _format_value(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value.isoformat() if hasattr(value, "isoformat") else value
