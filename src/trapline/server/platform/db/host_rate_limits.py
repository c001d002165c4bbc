"""Limits of the requests to one host, over all processes: concurrent ones and ones per second.

They apply to hosts that many users can name, such as those of image URLs.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Moment, Row


@dataclass(frozen=True)
class HostRateLimit:
    """The limits for one host: `at_once` concurrent requests and `per_s` requests per second.

    A request that finds no free slot tries again after `busy_s` seconds.
    """

    at_once: int = 4
    per_s: float = 10.0
    busy_s: float = 0.5


class HostTurnRow(Row):
    """A slot for a request to a host, which is free again at `until` if its process is killed."""

    __tablename__ = "host_turns"

    host: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    taken_at: Mapped[Moment]
    until: Mapped[Moment]


async def acquire_host_slot(
    scope: Scope, tx: Transaction, host: str, pace: HostRateLimit, for_s: float
) -> datetime | float:
    """Acquire a slot for a request to a host, for `for_s` seconds at most.

    Returns the time of the acquisition, or after how many seconds to try again.
    """
    await tx.execute("select pg_advisory_xact_lock(hashtextextended(%s, 3))", (host,))
    cursor = await tx.execute(
        """
        select count(*) filter (where until > clock_timestamp()),
            extract(epoch from max(taken_at) - clock_timestamp())::float8
        from host_turns where host = %s
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
        select %(host)s, min(p), clock_timestamp(),
            clock_timestamp() + make_interval(secs => %(for_s)s)
        from generate_series(1, %(most)s) p where not exists (
            select from host_turns t
            where t.host = %(host)s and t.place = p and t.until > clock_timestamp()
        )
        on conflict (host, place)
            do update set taken_at = excluded.taken_at, until = excluded.until
        returning taken_at
        """,
        {"host": host, "for_s": for_s, "most": pace.at_once},
    )
    row = await cursor.fetchone()
    assert row is not None
    taken_at: datetime = row[0]
    return taken_at


async def release_host_slot(scope: Scope, tx: Transaction, host: str, taken_at: datetime) -> None:
    """Release a slot of a host, unless another request has acquired it since."""
    await tx.execute(
        "update host_turns set until = clock_timestamp() where host = %s and taken_at = %s",
        (host, taken_at),
    )


async def purge_host_slots(scope: Scope, tx: Transaction) -> None:
    """Delete the slots of hosts that expired more than an hour ago."""
    await tx.execute("delete from host_turns where until < clock_timestamp() - interval '1 hour'")
