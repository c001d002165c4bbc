"""Whose turn it is at a host that many may name: few pictures at once, and few a second, over all processes."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Moment, Row


@dataclass(frozen=True)
class HostRateLimit:
    """How often a host that many may name is asked: so many at once, and so many a second, by
    whomever it is named.

    Who finds no place asks again after `busy_s`.
    """

    at_once: int = 4
    per_s: float = 10.0
    busy_s: float = 0.5


class HostTurnRow(Row):
    """A place at a host, taken at a moment and until another; whoever dies in it leaves it then."""

    __tablename__ = "host_turns"

    host: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    taken_at: Mapped[Moment]
    until: Mapped[Moment]


async def acquire_host_slot(
    scope: Scope, tx: Transaction, host: str, pace: HostRateLimit, for_s: float
) -> datetime | float:
    """Take a place at a host for so long; tells when it was taken, or after how many seconds to ask again."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended(%s, 3))", (host,))
    cursor = await tx.execute(
        """
        select count(*) filter (where until > clock_timestamp()),
            extract(epoch from max(taken_at) - clock_timestamp())::float8 from host_turns where host = %s
        """,
        (host,),
    )
    busy, since_s = await cursor.fetchone() or (0, None)
    if busy >= pace.at_once:
        return pace.busy_s
    wait_s = 0.0 if since_s is None else since_s + 1 / pace.per_s
    if wait_s > 0:
        return float(wait_s)
    cursor = await tx.execute(
        """
        insert into host_turns (host, place, taken_at, until)
        select %(host)s, min(p), clock_timestamp(), clock_timestamp() + make_interval(secs => %(for_s)s)
        from generate_series(1, %(most)s) p where not exists (
            select from host_turns t where t.host = %(host)s and t.place = p and t.until > clock_timestamp()
        )
        on conflict (host, place) do update set taken_at = excluded.taken_at, until = excluded.until
        returning taken_at
        """,
        {"host": host, "for_s": for_s, "most": pace.at_once},
    )
    row = await cursor.fetchone()
    assert row is not None
    taken_at: datetime = row[0]
    return taken_at


async def release_host_slot(scope: Scope, tx: Transaction, host: str, taken_at: datetime) -> None:
    """Leave a place at a host, unless it is somebody else's by now."""
    await tx.execute(
        "update host_turns set until = clock_timestamp() where host = %s and taken_at = %s",
        (host, taken_at),
    )


async def purge_host_slots(scope: Scope, tx: Transaction) -> None:
    """Delete the places at hosts that nobody asked for an hour."""
    await tx.execute("delete from host_turns where until < clock_timestamp() - interval '1 hour'")
