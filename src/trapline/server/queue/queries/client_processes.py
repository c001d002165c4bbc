"""Processes of callers that did not register, and the tasks that they hold."""

from collections.abc import Hashable
from datetime import datetime
from uuid import UUID

from sqlalchemy import SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.row import Now, Row
from trapline.server.queue.queries.job_counters import LIVE
from trapline.server.queue.queries.lease_expiry import PAGE, ExpiredLease, record_lost_leases
from trapline.server.queue.rules.client_processes import PENDING_S, ClientProcess, split_caller

KEPT_FOR = "1 day"
RESTARTED = "the worker was restarted and did not return it"


class ClientProcessRow(Row):
    """A process that asked for a job: an API token, address, User-Agent and number.

    `claimed_at` is when it was last given a job, `leased_at` when it then leased tasks. A row with
    `is_single` marks a caller that is one process although it behaves like several.
    """

    __tablename__ = "client_processes"

    token_id: Mapped[UUID] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    user_agent: Mapped[str] = mapped_column(primary_key=True)
    process: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    started_at: Mapped[Now]
    claimed_at: Mapped[Now]
    leased_at: Mapped[datetime | None]
    is_single: Mapped[bool] = mapped_column(server_default="false")


_SAME_CALLER = "token_id = %(token)s and address = %(address)s and user_agent = %(user_agent)s"
_HOLDINGS = f"""
    select h.user_agent, extract(epoch from clock_timestamp() - min(h.first_contact_at))::float8,
        extract(epoch from clock_timestamp() - max(h.last_contact_at))::float8,
        sum(h.busy_s) / nullif(sum(h.completed), 0),
        bool_or(exists (
            select 1 from analyses a
            where a.job_id = h.job_id and a.holder_id = h.id and a.state = 'processing'
        ))
    from holders h join jobs j on j.id = h.job_id and j.status in {LIVE}
    where h.token_id = %(token)s and h.last_contact_at > now() - interval '{KEPT_FOR}'
        and h.address = %(address)s and h.worker_id is null
        and split_part(h.user_agent, E'\\n', 1) = %(user_agent)s
    group by 1
"""  # noqa: S608 - made of constants


def _caller(scope: Scope) -> dict[str, object]:
    return {
        "token": scope.token_id,
        "address": scope.origin.address,
        "user_agent": scope.origin.user_agent,
    }


async def lock_caller(scope: Scope, tx: Transaction) -> None:
    """Wait for other requests for jobs of the same caller, until the end of the transaction."""
    await tx.execute(
        "select pg_advisory_xact_lock(7230004, hashtext(concat_ws(E'\\n', %(token)s::text, "
        "%(address)s::text, %(user_agent)s::text)))",
        _caller(scope),
    )


async def list_client_processes(scope: Scope, tx: Transaction) -> list[ClientProcess] | None:
    """List the processes of the caller; None if it is known to be a single process."""
    cursor = await tx.execute(
        f"""
        select process, is_single, extract(epoch from clock_timestamp() - started_at)::float8,
            extract(epoch from clock_timestamp() - greatest(claimed_at, leased_at))::float8,
            claimed_at > coalesce(leased_at, '-infinity')
                and claimed_at > clock_timestamp() - interval '{PENDING_S} seconds'
        from client_processes
        where {_SAME_CALLER} and claimed_at > now() - interval '{KEPT_FOR}'
        """,  # noqa: S608
        _caller(scope),
    )
    found: dict[int, ClientProcess] = {}
    for number, is_single, first_s, last_s, is_pending in await cursor.fetchall():
        if is_single:
            return None
        found[number] = ClientProcess(number, first_s, last_s, is_pending=is_pending)
    cursor = await tx.execute(_HOLDINGS, _caller(scope))
    for identity, first_s, last_s, per_image_s, unfinished in await cursor.fetchall():
        number = split_caller(identity)[1]
        known = found.get(number)
        found[number] = ClientProcess(
            number,
            known.first_contact_s if known else first_s,
            min(known.last_contact_s, last_s) if known else last_s,
            unfinished,
            known is not None and known.is_pending,
            per_image_s,
        )
    return list(found.values())


async def record_claim(
    scope: Scope, tx: Transaction, process: int, *, is_new: bool, has_leased: bool
) -> None:
    """Record that a process of the caller was given a job; `is_new` if it has just started."""
    await tx.execute(
        """
        insert into client_processes (token_id, address, user_agent, process, leased_at)
        values (%(token)s, %(address)s, %(user_agent)s, %(process)s,
            case when %(has_leased)s then clock_timestamp() end)
        on conflict (token_id, address, user_agent, process) do update set
            claimed_at = clock_timestamp(),
            started_at = case when %(is_new)s then clock_timestamp()
                else client_processes.started_at end,
            leased_at = case when %(has_leased)s then clock_timestamp()
                else client_processes.leased_at end
        """,
        {**_caller(scope), "process": process, "is_new": is_new, "has_leased": has_leased},
    )


async def mark_single(scope: Scope, tx: Transaction) -> None:
    """Treat the caller as one process from now on."""
    query = f"delete from client_processes where {_SAME_CALLER}"  # noqa: S608
    await tx.execute(query, _caller(scope))
    await tx.execute(
        """
        insert into client_processes (token_id, address, user_agent, process, is_single)
        values (%(token)s, %(address)s, %(user_agent)s, 1, true) on conflict do nothing
        """,
        _caller(scope),
    )


async def get_leasing_process(scope: Scope, tx: Transaction) -> int:
    """Return the process of the caller that leases tasks on a new connection.

    It is the one that was given a job first and has not leased since, or the one that was given a
    job last.
    """
    cursor = await tx.execute(
        f"""
        select process, claimed_at > coalesce(leased_at, '-infinity')
            and claimed_at > clock_timestamp() - interval '{PENDING_S} seconds' and not is_single
        from client_processes
        where {_SAME_CALLER} and claimed_at > now() - interval '{KEPT_FOR}'
        order by claimed_at
        """,  # noqa: S608
        _caller(scope),
    )
    rows = await cursor.fetchall()
    for number, is_pending in rows:
        if is_pending and await record_first_lease(scope, tx, number):
            return int(number)
    return int(rows[-1][0]) if rows else 1


async def record_first_lease(scope: Scope, tx: Transaction, process: int) -> bool:
    """Record that a process leased tasks of the job that it was given; return False if it had."""
    cursor = await tx.execute(
        f"""
        update client_processes set leased_at = clock_timestamp() where {_SAME_CALLER}
            and process = %(process)s and claimed_at > coalesce(leased_at, '-infinity')
        """,  # noqa: S608
        {**_caller(scope), "process": process},
    )
    return cursor.rowcount == 1


async def purge_client_processes(scope: Scope, tx: Transaction) -> int:
    """Delete the processes that were not given a job within a day."""
    limit = f"now() - interval '{KEPT_FOR}'"
    query = f"delete from client_processes where claimed_at < {limit}"  # noqa: S608
    cursor = await tx.execute(query)
    return cursor.rowcount


async def list_callers_of_holders(
    scope: Scope, tx: Transaction, holder_ids: list[int]
) -> list[tuple[int, Hashable]]:
    """List the keys of the callers of these holders: a worker ID, or token, address and process."""
    cursor = await tx.execute(
        "select id, worker_id, token_id, address, user_agent from holders where id = any(%s)",
        (holder_ids,),
    )
    return [(row[0], row[1] or (row[2], row[3], row[4])) for row in await cursor.fetchall()]


async def list_holders_with_leases(scope: Scope, tx: Transaction) -> list[tuple[int, int]]:
    """List the jobs in which the calling process holds tasks, each with its holder there."""
    cursor = await tx.execute(
        f"""
        select h.job_id, h.id from holders h join jobs j on j.id = h.job_id and j.status in {LIVE}
        where h.token_id = %(token)s and h.address = %(address)s
            and h.user_agent = %(user_agent)s and h.worker_id is null and exists (
            select 1 from analyses a
            where a.job_id = h.job_id and a.holder_id = h.id and a.state = 'processing'
        ) order by 1
        """,  # noqa: S608
        _caller(scope),
    )
    return [(job_id, holder_id) for job_id, holder_id in await cursor.fetchall()]


async def expire_holder_leases(
    scope: Scope, tx: Transaction, job_id: int, holder_id: int, losses: int
) -> int:
    """Expire one page of leases of a holder that ended; return their number.

    Late results are accepted, as after every expired lease, because the holder may live.

    Raises:
        JobClosed: the job is final.
    """
    cursor = await tx.execute(
        f"""
        select a.id, a.project_id, a.attempt, a.lost, a.holder_id, a.leased_at from analyses a
        where a.job_id = %s and a.holder_id = %s and a.state = 'processing'
        order by a.id limit {PAGE} for no key update of a
        """,  # noqa: S608
        (job_id, holder_id),
    )
    held = [ExpiredLease(*row) for row in await cursor.fetchall()]
    if held:
        await record_lost_leases(scope, tx, job_id, held, losses, RESTARTED)
    return len(held)
