"""The job's row: the last thing that any transaction which moves tasks of a job touches.

Every such transaction locks its tasks in the order of their ids, and calls `settle_job` at its end. Thereby no two
can lock each other out, and exactly one of two that race for the last tasks makes the job final.
"""

from dataclasses import dataclass

from trapline.server.db.base import Transaction
from trapline.server.rules.access import Scope
from trapline.wire.jobs import JobState

LIVE = "('queued', 'processing')"

_ENDS = "((expanded or %(expanded)s) and not standing and open + %(open)s = 0)"
_SETTLE = f"""
    update jobs set
        open = open + %(open)s,
        completed = completed + %(completed)s,
        failed = failed + %(failed)s,
        nothing_found = nothing_found + %(nothing_found)s,
        expanded = expanded or %(expanded)s,
        expanded_to = coalesce(%(expanded_to)s, expanded_to),
        status = case
            when not {_ENDS} then status
            when failed + %(failed)s > 0 and completed + %(completed)s = 0 then 'failed'
            else 'completed'
        end,
        finished_at = case when {_ENDS} then clock_timestamp() end,
        last_move = last_move + {_ENDS}::int,
        updated_at = clock_timestamp()
    where id = %(job)s and status in {LIVE}
    returning project_id, status, last_move
"""  # noqa: S608 - made of constants


class JobClosed(Exception):
    """The job is final: nothing of this transaction may be committed."""


@dataclass(frozen=True)
class Change:
    """What a transaction did to a job: by how much its counters move, and how far its expansion came."""

    open: int = 0
    completed: int = 0
    failed: int = 0
    nothing_found: int = 0
    expanded: bool = False
    expanded_to: str | None = None


async def settle_job(scope: Scope, tx: Transaction, job_id: int, change: Change, actor: str) -> JobState:
    """Move a job's counters, last in a transaction, and make the job final if nothing of it is open any more.

    Raises JobClosed where the job is final already; the transaction must roll back then.
    """
    parameters = {**change.__dict__, "job": job_id}
    row = await (await tx.execute(_SETTLE, parameters)).fetchone()
    if row is None:
        raise JobClosed
    project_id, status, number = row
    if status not in (JobState.QUEUED, JobState.PROCESSING):
        await record_move(scope, tx, job_id, project_id, number, status, actor)
    return JobState(status)


async def begin_job(scope: Scope, tx: Transaction, job_id: int, actor: str) -> None:
    """Note that the first task of a queued job was leased; a job that is beyond that stays as it is."""
    cursor = await tx.execute(
        """
        update jobs set status = 'processing', started_at = coalesce(started_at, clock_timestamp()),
            last_leased_at = clock_timestamp(), last_move = last_move + 1, updated_at = clock_timestamp()
        where id = %s and status = 'queued'
        returning project_id, last_move
        """,
        (job_id,),
    )
    row = await cursor.fetchone()
    if row is not None:
        await record_move(scope, tx, job_id, row[0], row[1], JobState.PROCESSING, actor)


async def record_move(
    scope: Scope,
    tx: Transaction,
    job_id: int,
    project_id: int,
    number: int,
    to_state: str,
    actor: str,
    reason: str | None = None,
) -> None:
    """Write a move into the job's history; the database refuses one that may not be."""
    await tx.execute(
        """
        insert into job_moves (job_id, number, project_id, from_state, to_state, actor, reason)
        values (%(job)s, %(number)s, %(project)s, coalesce(
            (select to_state from job_moves where job_id = %(job)s and number = %(number)s - 1), 'new'
        ), %(to)s, %(actor)s, %(reason)s)
        """,
        {"job": job_id, "number": number, "project": project_id, "to": to_state, "actor": actor, "reason": reason},
    )


async def lock_job_work(scope: Scope, tx: Transaction, job_id: int) -> None:
    """Let no other expansion, sweep, retry or recount of this job run beside this transaction."""
    await tx.execute("select pg_advisory_xact_lock(7230002, (%s %% 2147483647)::int)", (job_id,))
