"""Update of a job's row, always the last step of a transaction that changes tasks of the job.

Each such transaction locks its tasks in the order of their IDs, and calls `update_job` at its end.
This prevents deadlocks, and exactly one of two transactions that complete the last tasks makes the
job final.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.rows import TupleRow

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.wire.jobs import JobState

LIVE = "('queued', 'processing')"
JOB = "job"
TASKS = "tasks"
"""The kinds of announced changes: of a job, and of a job that may have tasks to lease."""
Cursor = psycopg.AsyncCursor[TupleRow]

_ENDS = "((expanded or %(expanded)s) and not standing and open + %(open)s = 0)"
_SETTLE = f"""
    with settled as (
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
        returning id, project_id, status, last_move, failed, completed
    ),
    moved as (
        insert into job_moves (job_id, number, project_id, from_state, to_state, actor, worker_id,
            reason)
        select s.id, s.last_move, s.project_id, coalesce(
            (select m.to_state from job_moves m where m.job_id = s.id
                and m.number = s.last_move - 1), 'new'
        ), s.status, %(actor)s, %(worker)s::uuid, case when s.failed > 0 then format(
            '%%s of %%s images failed',
            to_char(s.failed, 'FM999,999,990'), to_char(s.failed + s.completed, 'FM999,999,990')
        ) end from settled s where s.status not in {LIVE}
    )
    select refuse_closed_job((select status from settled))
"""  # noqa: S608 - made of constants
_CLOSED = "TL001"


class JobClosed(Exception):
    """The job is final: nothing of this transaction may be committed."""


@dataclass(frozen=True)
class JobCounterChange:
    """The change of a job's counters, and the progress of its expansion, in one transaction."""

    open: int = 0
    completed: int = 0
    failed: int = 0
    nothing_found: int = 0
    expanded: bool = False
    expanded_to: str | None = None


async def update_job(
    scope: Scope, tx: Transaction, job_id: int, change: JobCounterChange, actor: str
) -> JobState:
    """Update a job's counters, last in a transaction, and end the job if no task is open.

    Raises:
        JobClosed: the job is final; the transaction must roll back.
    """
    with translate_closed_error():
        cursor = await send_job_update(scope, tx, job_id, change, actor)
        row = await cursor.fetchone()
    assert row is not None
    return JobState(row[0])


async def send_job_update(
    scope: Scope, tx: Transaction, job_id: int, change: JobCounterChange, actor: str
) -> Cursor:
    """Send `update_job` without waiting for the response; the database itself rejects a final job.

    Wait for the response within `translate_closed_error`.
    """
    tx.announce(TASKS if change.open > 0 else JOB, job_id)
    return await tx.execute(
        _SETTLE,
        {**change.__dict__, "job": job_id, "actor": actor, "worker": scope.origin.worker_id},
    )


@contextmanager
def translate_closed_error() -> Iterator[None]:
    """Translate the database error for a final job to JobClosed."""
    try:
        yield
    except psycopg.DatabaseError as error:
        if error.sqlstate == _CLOSED:
            raise JobClosed from error
        raise


async def mark_job_started(scope: Scope, tx: Transaction, job_id: int, actor: str) -> None:
    """Record that the first task of a queued job was leased; other jobs are not changed."""
    cursor = await tx.execute(
        """
        update jobs set status = 'processing', started_at = coalesce(started_at, clock_timestamp()),
            last_leased_at = clock_timestamp(), last_move = last_move + 1,
                updated_at = clock_timestamp()
        where id = %s and status = 'queued'
        returning project_id, last_move
        """,
        (job_id,),
    )
    row = await cursor.fetchone()
    if row is not None:
        await record_transition(scope, tx, job_id, row[0], row[1], JobState.PROCESSING, actor)


async def record_transition(
    scope: Scope,
    tx: Transaction,
    job_id: int,
    project_id: int,
    number: int,
    to_state: str,
    actor: str,
    reason: str | None = None,
) -> None:
    """Record a state transition of a job; the database rejects one that is not allowed."""
    tx.announce(JOB, job_id)
    await tx.execute(
        """
        insert into job_moves (job_id, number, project_id, from_state, to_state, actor, reason,
            worker_id)
        values (%(job)s, %(number)s, %(project)s, coalesce(
            (select to_state from job_moves where job_id = %(job)s and number = %(number)s - 1),
                'new'
        ), %(to)s, %(actor)s, %(reason)s, %(worker)s)
        """,
        {
            "job": job_id,
            "number": number,
            "project": project_id,
            "to": to_state,
            "actor": actor,
            "reason": reason,
            "worker": scope.origin.worker_id,
        },
    )


async def lock_job_work(scope: Scope, tx: Transaction, job_id: int) -> None:
    """Lock out other expansions, sweeps, retries and recounts of this job.

    The lock ends with the transaction.
    """
    await tx.execute("select pg_advisory_xact_lock(7230002, (%s %% 2147483647)::int)", (job_id,))
