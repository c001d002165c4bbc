"""Waiting work: one statement that returns which loops of the background process have work.

The conditions are those of the statements of the loops. A loop without work after all does nothing.
"""

from sqlalchemy import ColumnElement, exists, literal_column, select
from sqlalchemy.dialects.postgresql import psycopg

from trapline.server.images.queries.images import is_without_thumbnails
from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.rules.job_status_reason import ONLINE_S
from trapline.server.review.queries.bulk_identifications import UNFINISHED
from trapline.server.sources.queries.pull_runs import is_dead
from trapline.server.sources.queries.pushed_files import needs_event_run
from trapline.server.sources.queries.sources import is_due


def _any_of(query: str) -> ColumnElement[bool]:
    return literal_column(f"exists ({query})")


CONDITIONS: dict[str, ColumnElement[bool]] = {
    "thumbnails": exists().where(is_without_thumbnails()),
    "due pull runs": exists().where(is_due()),
    "dead pull runs": exists().where(is_dead()) | exists().where(needs_event_run()),
    "silent workers": _any_of(
        "select from workers where ended_at is null and (offline_since is null) = "
        f"(last_contact_at < clock_timestamp() - interval '{ONLINE_S} seconds')"
    ),
    "clocks": _any_of("select from deployments where dating"),
    "day counts": _any_of("select from dirty_days"),
    "observations": _any_of("select from observation_sets where state <> 'current'"),
    "sightings of sensitive taxa": _any_of("select from sensitive_taxa where not is_recorded"),
    "bulk identifications": _any_of(f"select from bulk_identifications where {UNFINISHED}"),
    "sequences": _any_of("select from sequences where recheck or dissolve")
    | _any_of("select from images where sequence_id is null and deleted_at is null"),
    "feeds": _any_of("select from pull_sources where is_active and gateway = 'websocket'")
    | _any_of("select from source_connections"),
    "deliveries": _any_of(
        "select from webhook_deliveries d join webhooks w on w.id = d.webhook_id "
        "where d.state = 'gathering' and d.created_at < clock_timestamp() - interval '1 second'"
    )
    | _any_of(
        "select from webhooks w where w.is_active and exists (select from webhook_deliveries d "
        "where d.webhook_id = w.id and d.state = 'waiting' and d.next_attempt_at <= "
        "clock_timestamp())"
    ),
}
"""The condition of each loop, by its name."""

_QUERY = select(
    *(condition.label(name.replace(" ", "_")) for name, condition in CONDITIONS.items())
).compile(
    dialect=psycopg.dialect(),  # type: ignore[no-untyped-call]
    compile_kwargs={"render_postcompile": True},
)


async def list_waiting_work(scope: Scope, tx: Transaction) -> list[str]:
    """List the names of the loops that have work."""
    cursor = await tx.execute(str(_QUERY), _QUERY.params)
    row = await cursor.fetchone()
    assert row is not None
    return [name for name, waits in zip(CONDITIONS, row, strict=True) if waits]
