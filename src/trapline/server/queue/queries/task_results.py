"""Store results: lock their tasks in the order of their IDs, and update them.

The caller updates the job's row as the last step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.rules.failure_reasons import normalise_error
from trapline.wire.analyses import AnalysisState


class LockedTask(NamedTuple):
    """The locked state of a task; the lease is of the newest attempt, `won` is the stored one."""

    analysis_id: UUID
    image_id: UUID
    state: AnalysisState
    attempt: int
    fence: int
    won: int | None
    errors: int
    lost: int
    holder_id: int | None
    leased_at: datetime | None


@dataclass(frozen=True)
class AttemptEnd:
    """An attempt that ended without a result: by an `error`, or `lost`."""

    analysis_id: UUID
    attempt: int
    outcome: str
    holder_id: int | None
    leased_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True)
class TaskFailure:
    """The state after an error:

    `queued` again after `wait_s`, or `failed`, with a reason for users.
    """

    analysis_id: UUID
    state: AnalysisState
    wait_s: float
    reason: str
    errors: int = 0
    lost: int = 0


class TaskImage(NamedTuple):
    """The image of a task, with its upright size, and the newest attempt and its holder."""

    image_id: UUID
    width: int
    height: int
    attempt: int
    holder_id: int | None


async def list_result_subjects(
    scope: Scope, tx: Transaction, job_id: int, ids: list[UUID]
) -> tuple[bytes | None, dict[UUID, TaskImage]]:
    """List the images of these tasks of the job, and the hash of the current pipeline."""
    cursor = await tx.execute(
        """
        select a.id, i.id, i.width, i.height, a.attempt, a.holder_id, p.content_sha256
        from analyses a
        join images i on i.id = a.image_id join jobs j on j.id = a.job_id join pipelines p
            on p.id = j.pipeline_id
        where a.id = any(%b) and a.job_id = %s
        """,
        (ids, job_id),
    )
    rows = await cursor.fetchall()
    return rows[0][6] if rows else None, {row[0]: TaskImage(*row[1:6]) for row in rows}


async def lock_tasks(
    scope: Scope, tx: Transaction, job_id: int, ids: list[UUID]
) -> list[LockedTask]:
    """Lock these tasks of the job, in the order of their IDs."""
    cursor = await tx.execute(
        """
        select id, image_id, state, attempt, fence, won, errors, lost, holder_id, leased_at
        from analyses
        where id = any(%b) and job_id = %s order by id for no key update
        """,
        (ids, job_id),
    )
    return [
        LockedTask(row[0], row[1], AnalysisState(row[2]), *row[3:])
        for row in await cursor.fetchall()
    ]


async def list_failed_attempts(
    scope: Scope, tx: Transaction, ids: list[UUID]
) -> dict[UUID, list[int]]:
    """List the attempts at these tasks that ended with an error."""
    if not ids:
        return {}
    cursor = await tx.execute(
        "select analysis_id, attempt from attempts where analysis_id = any(%s) and outcome = "
        "'error'",
        (ids,),
    )
    erred: dict[UUID, list[int]] = {}
    for analysis_id, attempt in await cursor.fetchall():
        erred.setdefault(analysis_id, []).append(attempt)
    return erred


async def complete_tasks(
    scope: Scope, tx: Transaction, holder_id: int, won: Mapping[UUID, int], erred: Sequence[UUID]
) -> None:
    """Complete locked tasks by the attempt that won each; `erred` are those with errors."""
    await tx.execute(
        """
        update analyses a set state = 'completed', completed_at = clock_timestamp(),
            deadline = null,
            not_before = null, updated_at = clock_timestamp(), won = w.attempt, holder_id = %s
        from unnest(%b::uuid[], %b::integer[]) as w(id, attempt) where a.id = w.id
        """,
        (holder_id, list(won), list(won.values())),
    )
    if erred:
        await tx.execute(
            "update analysis_details set error_message = null where analysis_id = any(%s)", (erred,)
        )


async def fail_tasks(
    scope: Scope, tx: Transaction, project_id: int, failed: list[TaskFailure]
) -> None:
    """Return locked tasks to the queue after an error or a lost lease, or fail them."""
    await tx.execute(
        """
        update analyses a set state = f.state, errors = a.errors + f.errors, lost = a.lost + f.lost,
            deadline = null,
            not_before = case when f.state = 'queued' and f.wait_s > 0
                then clock_timestamp() + make_interval(secs => f.wait_s) end,
            completed_at = case when f.state = 'failed' then clock_timestamp() end,
            updated_at = clock_timestamp()
        from unnest(%s::uuid[], %s::text[], %s::float8[], %s::smallint[], %s::smallint[])
            as f(id, state, wait_s, errors, lost)
        where a.id = f.id
        """,
        (
            [task.analysis_id for task in failed],
            [task.state.value for task in failed],
            [task.wait_s for task in failed],
            [task.errors for task in failed],
            [task.lost for task in failed],
        ),
    )
    await tx.execute(
        """
        insert into analysis_details (analysis_id, project_id, parameters, provenance,
            error_message, reason)
        select f.id, %s, '{}', '{}', f.error, f.reason
        from unnest(%s::uuid[], %s::text[], %s::text[])
            as f(id, error, reason)
        on conflict (analysis_id) do update
        set error_message = excluded.error_message, reason = excluded.reason
        """,
        (
            project_id,
            [task.analysis_id for task in failed],
            [task.reason for task in failed],
            [normalise_error(task.reason) for task in failed],
        ),
    )


async def record_attempts(
    scope: Scope, tx: Transaction, project_id: int, ended: list[AttemptEnd]
) -> None:
    """Record how attempts ended, at the current time:

    a transaction may have waited since its start.
    """
    await tx.execute(
        """
        insert into attempts (analysis_id, project_id, job_id, attempt, holder_id, leased_at,
            ended_at, outcome,
            error)
        select e.id, %s, (select a.job_id from analyses a where a.id = e.id), e.attempt,
            e.holder_id, e.leased_at,
            clock_timestamp(), e.outcome, e.error
        from unnest(%s::uuid[], %s::integer[], %s::bigint[], %s::timestamptz[], %s::text[],
            %s::text[])
            as e(id, attempt, holder_id, leased_at, outcome, error)
        """,
        (
            project_id,
            [attempt.analysis_id for attempt in ended],
            [attempt.attempt for attempt in ended],
            [attempt.holder_id for attempt in ended],
            [attempt.leased_at for attempt in ended],
            [attempt.outcome for attempt in ended],
            [attempt.error for attempt in ended],
        ),
    )


async def record_completions(
    scope: Scope, tx: Transaction, holder_id: int, completed: int, leased_at: datetime | None
) -> None:
    """Count a holder's completed tasks and working time; after the tasks and before the job's row.

    The time begins with the lease (`leased_at`), or with the holder's previous result if that is
    later. Time without a task is not counted, and tasks that are held at the same time are counted
    once.
    """
    await tx.execute(
        """
        update holders h set completed = completed + %(completed)s, credited_at = clock_timestamp(),
            returned_lease_at = coalesce(%(leased_at)s::timestamptz, h.returned_lease_at),
            busy_s = busy_s + greatest(0, coalesce(extract(epoch from clock_timestamp() - greatest(
                %(leased_at)s::timestamptz, h.credited_at,
                (select max(o.credited_at) from holders o where o.worker_id = h.worker_id)
            )), 0))
        where id = %(id)s
        """,
        {"completed": completed, "leased_at": leased_at, "id": holder_id},
    )


async def count_discarded(scope: Scope, tx: Transaction, job_id: int, results: int) -> None:
    """Count results that arrived after the end of their job."""
    await tx.execute("update jobs set discarded = discarded + %s where id = %s", (results, job_id))
