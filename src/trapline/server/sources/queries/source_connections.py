"""Queries for the connections of WebSocket sources: the process that holds each, and its state."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Moment, Row

BEAT_S = 1.0
"""Seconds between heartbeats; after `DEAD_AFTER_S` a process is considered dead."""
DEAD_AFTER_S = 5.0


class SourceConnectionRow(Row):
    """The connection of a WebSocket source."""

    __tablename__ = "source_connections"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "source_id"],
            ["pull_sources.project_id", "pull_sources.id"],
            ondelete="CASCADE",
        ),
    )

    source_id: Mapped[UUID] = mapped_column(primary_key=True)
    project_id: Mapped[int]
    holder: Mapped[UUID]
    heartbeat_at: Mapped[Moment]
    connected_at: Mapped[datetime | None]
    last_message_at: Mapped[datetime | None]
    messages: Mapped[int]
    refused: Mapped[int]
    failures: Mapped[int]
    last_error: Mapped[str | None]


async def claim_connections(
    scope: Scope, tx: Transaction, holder: UUID, gateway: str, at_most: int
) -> dict[UUID, str]:
    """Renew the connections of this process, claim free ones, and release those of paused sources.

    Returns a hash of the settings of each connection by source ID. The caller reconnects when the
    hash has changed.
    """
    await tx.execute(
        """
        delete from source_connections c where c.holder = %s and not exists (
            select from pull_sources s where s.id = c.source_id and s.is_active and s.gateway = %s)
        """,
        (holder, gateway),
    )
    await tx.execute(
        """
        insert into source_connections
            (source_id, project_id, holder, heartbeat_at, messages, refused, failures)
        select s.id, s.project_id, %(holder)s, clock_timestamp(), 0, 0, 0
        from pull_sources s left join source_connections c on c.source_id = s.id
        where s.is_active and s.gateway = %(gateway)s
            and (c.source_id is null or c.holder = %(holder)s
            or c.heartbeat_at < clock_timestamp() - make_interval(secs => %(dead)s))
        order by c.holder is distinct from %(holder)s, s.id
        limit %(most)s
        on conflict (source_id) do update set
            holder = excluded.holder, heartbeat_at = excluded.heartbeat_at,
            connected_at = case when source_connections.holder = excluded.holder
                then source_connections.connected_at end
        where source_connections.holder = excluded.holder
            or source_connections.heartbeat_at < clock_timestamp() - make_interval(secs => %(dead)s)
        """,
        {"holder": holder, "gateway": gateway, "dead": DEAD_AFTER_S, "most": at_most},
    )
    cursor = await tx.execute(
        """
        select s.id, md5(row(
            s.base_url, s.auth_type, s.auth_username, s.secrets, s.options, s.timeouts)::text)
        from source_connections c join pull_sources s on s.id = c.source_id where c.holder = %s
        """,
        (holder,),
    )
    return dict(await cursor.fetchall())


async def record_connected(scope: Scope, tx: Transaction, source_id: UUID, holder: UUID) -> bool:
    """Record that a source is connected; returns False if another process holds the connection."""
    cursor = await tx.execute(
        "update source_connections"
        " set connected_at = clock_timestamp(), failures = 0, last_error = null"
        " where source_id = %s and holder = %s",
        (source_id, holder),
    )
    return cursor.rowcount == 1


async def record_disconnected(
    scope: Scope, tx: Transaction, source_id: UUID, holder: UUID, error: str
) -> None:
    """Record why a connection ended or could not be opened."""
    await tx.execute(
        "update source_connections"
        " set connected_at = null, failures = failures + 1, last_error = %s"
        " where source_id = %s and holder = %s",
        (error, source_id, holder),
    )


async def record_message(
    scope: Scope, tx: Transaction, source_id: UUID, holder: UUID, refused: str | None = None
) -> bool:
    """Count a message; `refused` is the reason if it was rejected.

    Returns False if another process holds the connection.
    """
    cursor = await tx.execute(
        "update source_connections set messages = messages + 1,"
        " last_message_at = clock_timestamp(), refused = refused + %s,"
        " last_error = coalesce(%s, last_error) where source_id = %s and holder = %s",
        (int(refused is not None), refused, source_id, holder),
    )
    return cursor.rowcount == 1


async def release_connections(scope: Scope, tx: Transaction, holder: UUID) -> None:
    """Release all connections of this process."""
    await tx.execute("delete from source_connections where holder = %s", (holder,))


async def list_connections(
    scope: Scope, tx: Transaction, source_ids: list[UUID]
) -> dict[UUID, SourceConnectionRow]:
    """Return the connections of these sources with a current heartbeat, by source ID."""
    is_alive = SourceConnectionRow.heartbeat_at > func.clock_timestamp() - timedelta(
        seconds=DEAD_AFTER_S
    )
    statement = select(SourceConnectionRow).where(
        SourceConnectionRow.source_id.in_(source_ids), is_alive
    )
    return (
        {row.source_id: row for row in (await tx.session.scalars(statement)).all()}
        if source_ids
        else {}
    )
