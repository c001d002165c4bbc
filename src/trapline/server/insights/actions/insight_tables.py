"""Insights as CSV tables."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trapline.server.insights.actions.activity import (
    build_activity,
    build_overlap,
    require_two_species,
)
from trapline.server.insights.actions.camera_health import build_camera_health
from trapline.server.insights.actions.detections import (
    build_detection_history,
    list_record_times,
    order_events,
)
from trapline.server.insights.actions.richness import build_accumulation
from trapline.server.insights.actions.summary import build_summary
from trapline.server.insights.actions.surveys import (
    FilteredSurvey,
    build_insight,
    resolve_species,
)
from trapline.server.insights.actions.trends import build_trends
from trapline.server.insights.rules.filters import SurveyFilter
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import Unprocessable
from trapline.wire.insight_activity import DayTime
from trapline.wire.insight_summary import InsightSummary
from trapline.wire.insight_trends import CalendarStep
from trapline.wire.insights import InsightTable
from trapline.wire.values import Message

RECORD_COLUMNS = (
    "Station", "Species", "DateTimeOriginal", "Date", "Time", "delta.time.secs", "delta.time.mins",
    "delta.time.hours", "delta.time.days", "n_images", "group_size",
)  # fmt: skip
Rows = Iterable[Sequence[Any]]


@dataclass(frozen=True)
class TableOptions:
    """The parameters of single tables: species, occasions, times, and the bootstrap."""

    species: str | None = None
    first: str | None = None
    second: str | None = None
    days: int = 7
    seed: int = 1
    time: DayTime = DayTime.CLOCK
    step: CalendarStep = CalendarStep.MONTH


async def export_table(
    system: AppContext,
    scope: Scope,
    project_id: int,
    wanted: SurveyFilter,
    table: InsightTable,
    options: TableOptions,
) -> str:
    """Export an insight as CSV. Raises NotFound, Unprocessable."""
    is_history = table in (InsightTable.DETECTION_HISTORY, InsightTable.DETECTION_EFFORT)
    if table is InsightTable.OVERLAP:
        require_two_species((options.first, options.second))
    if is_history and not options.species:
        reason = "is required for the tables of a detection history"
        raise Unprocessable(f"species: {reason}.", [("species", reason)])
    if is_history and options.species:
        name = await resolve_species(system, scope, project_id, options.species)
        options = replace(options, species=name)
    if table is InsightTable.CAMERA_HEALTH:
        wanted = SurveyFilter()

    def build(survey: FilteredSurvey) -> str:
        return render_csv(*_list_rows(survey, table, options))

    return await build_insight(system, scope, project_id, wanted, build)


def _list_rows(
    survey: FilteredSurvey, table: InsightTable, options: TableOptions
) -> tuple[Sequence[str], Rows]:
    match table:
        case InsightTable.SPECIES:
            return _list_species(build_summary(survey, options.seed))
        case InsightTable.DEPLOYMENTS:
            return _list_fields(build_summary(survey, options.seed).deployments, {"gaps"})
        case InsightTable.SPECIES_BY_DEPLOYMENT:
            return _list_cells(build_summary(survey, options.seed))
        case InsightTable.ACTIVITY:
            curves = build_activity(survey, options.time).curves
            return ("species", "hour", "events"), (
                (one.name, hour, events) for one in curves for hour, events in enumerate(one.hours)
            )
        case InsightTable.OVERLAP:
            return _list_overlap(survey, options)
        case InsightTable.ACCUMULATION:
            return _list_fields(build_accumulation(survey).steps)
        case InsightTable.TRENDS:
            return _list_trends(survey, options.step)
        case InsightTable.RECORDS:
            return RECORD_COLUMNS, _list_records(survey)
        case InsightTable.CAMERA_HEALTH:
            return _list_fields(build_camera_health(survey).cameras)
        case InsightTable.DETECTION_HISTORY | InsightTable.DETECTION_EFFORT:
            found = build_detection_history(survey, options.species or "", options.days)
            is_effort = table is InsightTable.DETECTION_EFFORT
            columns = [f"o{number}" for number in range(1, len(found.occasions) + 1)]
            return ("", *columns), (
                (one.name, *(one.effort if is_effort else map(_format_cell, one.detections)))
                for one in found.sites
            )


def _list_overlap(survey: FilteredSurvey, options: TableOptions) -> tuple[Sequence[str], Rows]:
    found = build_overlap(
        survey, (options.first or "", options.second or ""), time=options.time, seed=options.seed
    )
    columns = (
        "first", "first_events", "first_concentration", "second", "second_events",
        "second_concentration", "time", "estimator", "value", "low", "high", "replicates", "seed",
    )  # fmt: skip
    first, second = found.first, found.second
    return columns, (
        (
            first.name,
            first.events,
            first.concentration,
            second.name,
            second.events,
            second.concentration,
            found.time.value,
            one.estimator,
            one.value,
            one.interval.low,
            one.interval.high,
            found.replicates,
            found.seed,
        )
        for one in found.estimates
    )


def _list_trends(survey: FilteredSurvey, step: CalendarStep) -> tuple[Sequence[str], Rows]:
    found = build_trends(survey, step, all_species=True)
    return ("start", "end", "nights", "species", "events", "rate"), (
        (period.start, period.end, period.nights, one.name, one.events[at], one.rates[at])
        for at, period in enumerate(found.periods)
        for one in found.species
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
    for one in order_events(survey):
        station, events = survey.names[one.deployment], one.events
        columns = (*list_record_times(survey, one), events.images.tolist(), events.sizes.tolist())
        for local, since, images, size in zip(*columns, strict=True):
            seconds = since or 0
            day, _, hour = local.partition(" ")
            yield (
                station,
                one.name,
                local,
                day,
                hour,
                seconds,
                round(seconds / 60, 1),
                round(seconds / 3600, 1),
                round(seconds / 86_400, 1),
                images,
                size,
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


def render_csv(columns: Sequence[str], rows: Rows) -> str:
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
