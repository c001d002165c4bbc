"""Revoke leases of workers that were evicted or replaced, or that release or never received them.

The tasks can be leased again immediately. The fence is raised to the newest attempt, so that
results of the revoked leases are rejected. After an eviction it is not raised: the first result is
stored, from any worker. No function here waits for a job's row unless it charges a lost lease,
because the counters do not change.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.job_counters import LIVE, TASKS
from trapline.server.queue.queries.lease_expiry import ExpiredLease, record_lost_leases
from trapline.server.queue.queries.task_results import AttemptEnd, record_attempts

PAGE = 500


class RevocationReason(StrEnum):
    """The outcome of an attempt whose lease was revoked; the values are shown to users."""

    EVICTED = "evicted"
    RELEASED = "released"
    UNHEARD = "unheard"
    REPLACED = "lost"


STORIES = {
    RevocationReason.EVICTED: "the worker was evicted",
    RevocationReason.RELEASED: "the worker released it",
    RevocationReason.UNHEARD: "the worker never received it",
    RevocationReason.REPLACED: "the worker ended without a result, and a new process replaced it",
}


@dataclass(frozen=True)
class LeaseSelector:
    """A selection of leases of a job: those of these holders, or only these (task, attempt) pairs.

    Tasks in `but_not`, and tasks leased within `older_than_s` seconds, are excluded.
    """

    holder_ids: Sequence[int]
    leases: Sequence[tuple[UUID, int]] | None = None
    but_not: Sequence[UUID] = ()
    older_than_s: float = 0


async def revoke_lease_page(
    scope: Scope,
    tx: Transaction,
    job_id: int,
    whose: LeaseSelector,
    how: RevocationReason,
    losses: int | None = None,
) -> int:
    """Revoke one page of leases of a live job; return their number.

    After a full page there may be more. With `losses`, each task is charged with a lost lease, and
    fails after `losses` of them.

    Raises:
        JobClosed: the job is final.
    """
    leases = (
        None
        if whose.leases is None
        else [list(part) for part in zip(*whose.leases, strict=True)] or [[], []]
    )
    cursor = await tx.execute(
        f"""
        select a.id, a.project_id, a.attempt, a.lost, a.holder_id, a.leased_at from analyses a
        where a.job_id = %(job)s and a.state = 'processing' and a.holder_id = any(%(holders)s)
          and (%(all)s or (a.id, a.attempt) in (select *
              from unnest(%(ids)s::uuid[], %(attempts)s::integer[])))
          and not a.id = any(%(but_not)s::uuid[])
          and a.leased_at <= clock_timestamp() - make_interval(secs => %(older_than_s)s)
          and exists (select 1 from jobs where id = %(job)s and status in {LIVE})
        order by a.id limit {PAGE} for no key update of a
        """,  # noqa: S608
        {
            "job": job_id,
            "holders": list(whose.holder_ids),
            "all": leases is None,
            "ids": leases[0] if leases else [],
            "attempts": leases[1] if leases else [],
            "but_not": list(whose.but_not),
            "older_than_s": whose.older_than_s,
        },
    )
    held = [ExpiredLease(*row) for row in await cursor.fetchall()]
    if not held:
        return 0
    ids = [task.id for task in held]
    tx.announce(TASKS, job_id)
    if losses is None:
        # After an error, another worker than the one that failed gets the task, not another than
        # the one that released it.
        await tx.execute(
            """
            update analyses a set state = 'queued', fence = case when %s then a.fence
                else a.attempt end,
                deadline = null, not_before = null, updated_at = clock_timestamp(),
                holder_id = case when a.errors > 0 then (
                    select t.holder_id from attempts t where t.analysis_id = a.id
                        and t.outcome = 'error'
                    order by t.attempt desc limit 1
                ) end
            where a.id = any(%s)
            """,
            (how == RevocationReason.EVICTED, ids),
        )
        ended = [
            AttemptEnd(task.id, task.attempt, how, task.holder_id, task.leased_at, STORIES[how])
            for task in held
        ]
        await record_attempts(scope, tx, held[0].project_id, ended)
    else:
        await tx.execute("update analyses set fence = attempt where id = any(%s)", (ids,))
        await record_lost_leases(scope, tx, job_id, held, losses, STORIES[how])
    return len(held)


async def list_jobs_with_leases(
    scope: Scope, tx: Transaction, worker_id: UUID, whose: LeaseSelector | None = None
) -> dict[int, list[int]]:
    """List the live jobs in which a worker holds leases, each with its holder IDs there."""
    return await _list_holdings(tx, "h.worker_id = %s", (worker_id,), whose or LeaseSelector(()))


async def list_jobs_with_anonymous_leases(
    scope: Scope,
    tx: Transaction,
    token_id: UUID,
    address: str,
    user_agent: str,
    project_ids: Sequence[int],
) -> dict[int, list[int]]:
    """List the same for a caller that is not registered, in these projects."""
    condition = (
        "h.token_id = %s and h.address = %s and h.user_agent = %s "
        "and h.worker_id is null and h.project_id = any(%s)"
    )
    return await _list_holdings(
        tx, condition, (token_id, address, user_agent, list(project_ids)), LeaseSelector(())
    )


async def _list_holdings(
    tx: Transaction, condition: str, parameters: tuple[object, ...], whose: LeaseSelector
) -> dict[int, list[int]]:
    cursor = await tx.execute(
        f"""
        select h.job_id, array_agg(h.id) from holders h join jobs j on j.id = h.job_id
            and j.status in {LIVE}
        where {condition} and exists (
            select 1 from analyses a where a.job_id = h.job_id and a.holder_id = h.id
                and a.state = 'processing'
              and not a.id = any(%s::uuid[])
                  and a.leased_at <= clock_timestamp() - make_interval(secs => %s)
        ) group by h.job_id order by h.job_id
        """,  # noqa: S608
        (*parameters, list(whose.but_not), whose.older_than_s),
    )
    return {job_id: holders for job_id, holders in await cursor.fetchall()}


class LeaseStatus(NamedTuple):
    """The state of a task for a worker:

    the newest attempt, whether the worker holds it, and whether it is canceled.
    """

    job_id: int
    attempt: int
    is_held: bool
    is_canceled: bool


async def list_lease_statuses(
    scope: Scope, tx: Transaction, worker_id: UUID, ids: Sequence[UUID]
) -> dict[UUID, LeaseStatus]:
    """List the states of these tasks for a worker, in the projects that the caller sees."""
    cursor = await tx.execute(
        """
        select a.id, a.job_id, a.attempt, coalesce(a.state = 'processing'
            and h.worker_id = %s, false),
            a.state = 'canceled' or j.status = 'canceled'
        from analyses a join jobs j on j.id = a.job_id left join holders h on h.id = a.holder_id
        where a.id = any(%s) and (%s::bigint[] is null or a.project_id = any(%s))
        """,
        (worker_id, list(ids), scope.project_ids(), scope.project_ids()),
    )
    return {row[0]: LeaseStatus(*row[1:]) for row in await cursor.fetchall()}
