"""Convert pull sources and their runs to API responses."""

from datetime import UTC, datetime

from trapline.server.catalogue.queries.image_findings import list_deployment_names
from trapline.server.images.queries.deployments import get_deployment_row
from trapline.server.images.queries.locations import list_precisions
from trapline.server.images.queries.time_sources import count_without_camera_time
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.sources.actions.source_health import find_health
from trapline.server.sources.queries.pull_runs import get_duration_s
from trapline.server.sources.queries.source_connections import SourceConnectionRow, list_connections
from trapline.server.sources.queries.source_health import list_source_facts
from trapline.server.sources.queries.sources import RunRow, SourceRow, count_states, list_last_runs
from trapline.server.sources.rules.next_run import format_schedule
from trapline.wire.sources import PullRun, Source, SourceConnection, SourceCounts

TIMEOUT_FIELDS = {
    "connect_timeout_s": "connect_s",
    "list_timeout_s": "listing_s",
    "download_timeout_s": "download_s",
}


async def describe_sources(scope: Scope, tx: Transaction, rows: list[SourceRow]) -> list[Source]:
    """Build the API responses of pull sources, each with its last run, counts and health."""
    ids = [row.id for row in rows]
    deployments = [row.deployment_id for row in rows]
    withheld = await list_precisions(scope, tx, {row.project_id for row in rows}, deployments)
    names = await list_deployment_names(scope, tx, deployments, withheld)
    zones = {
        row.deployment_id: (await get_deployment_row(scope, tx, row.deployment_id)).time_zone
        for row in rows
    }
    counts, undated = (
        await count_states(scope, tx, ids),
        await count_without_camera_time(scope, tx, ids),
    )
    runs = await list_last_runs(scope, tx, ids)
    facts = await list_source_facts(scope, tx, ids)
    connections = await list_connections(
        scope, tx, [row.id for row in rows if row.gateway == "websocket"]
    )
    health = {row.id: find_health(row, facts[row.id], connections.get(row.id)) for row in rows}
    same = set(Source.model_fields) & {column.key for column in SourceRow.__table__.columns}
    return [
        Source(
            **{name: getattr(row, name) for name in same},
            **{name: row.timeouts.get(column) for name, column in TIMEOUT_FIELDS.items()},
            location_id=row.deployment_id,
            has_event_secret=row.event_secrets is not None,
            connection=_connection(row, connections.get(row.id))
            if row.gateway == "websocket"
            else None,
            deployment_name=names[row.deployment_id],
            schedule_in_words=format_schedule(row.schedule),
            time_zone=zones[row.deployment_id],
            last_run=describe_run(runs[row.id]) if row.id in runs else None,
            next_run=row.next_run_at if row.is_active else None,
            counts=SourceCounts(**counts[row.id], without_camera_time=undated.get(row.id, 0)),
            health=health[row.id].value,
            health_detail=health[row.id].detail,
        )
        for row in rows
    ]


def _connection(row: SourceRow, held: SourceConnectionRow | None) -> SourceConnection:
    return SourceConnection(
        connected_since=held.connected_at if held else None,
        last_message_at=held.last_message_at if held else None,
        messages=held.messages if held else 0,
        refused=held.refused if held else 0,
        detail=held.last_error if held else "no background process holds a connection",
        fills_gaps=bool(row.options.get("listing_url")),
    )


def describe_run(row: RunRow) -> PullRun:
    """Build the API response of a run."""
    same = set(PullRun.model_fields) - {"seconds", "skipped"}
    skipped = row.skipped + sum(row.left_out.values())
    counted = {"skipped": skipped, "seconds": get_duration_s(row, datetime.now(UTC))}
    return PullRun(**{name: getattr(row, name) for name in same}, **counted)
