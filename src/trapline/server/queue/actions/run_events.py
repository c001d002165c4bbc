"""The events of a run: each of its states, once, and its progress."""

from collections.abc import Mapping
from typing import NamedTuple

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.images.queries.locations import list_precisions
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.queue.actions.job_responses import list_transitions
from trapline.server.queue.job_subscribers import JobSnapshot
from trapline.server.queue.queries.job_progress import list_state_counts
from trapline.server.queue.queries.jobs import get_job_row, list_transition_rows
from trapline.server.queue.queries.queue_caches import QueueCaches
from trapline.server.queue.rules.job_transitions import FINAL
from trapline.wire.jobs import JobProgress, JobTransition


async def list_job_snapshots(system: AppContext, job_ids: list[int]) -> Mapping[int, JobSnapshot]:
    """Return the progress of these jobs, for all subscribers in this process."""
    scope = Scope.system()
    async with system.database.sql_transaction(scope, each_alone=True) as tx:
        standings = await list_state_counts(scope, tx, job_ids)
    return {
        one.job_id: JobSnapshot(
            moves=await _list_moves(system, scope, one.job_id, one.last_move),
            progress=JobProgress(
                total=one.open + one.completed + one.failed,
                expected=None if one.expanded else one.expected,
                queued=0 if one.is_canceled else one.open - min(one.held, one.open),
                processing=0 if one.is_canceled else min(one.held, one.open),
                completed=one.completed,
                failed=one.failed,
                canceled=one.open if one.is_canceled else 0,
            ),
        )
        for one in standings
    }


class LastEvent(NamedTuple):
    """The project of a job, its last transition, and whether reasons are hidden from the caller."""

    project_id: int
    number: int
    is_over: bool
    hides_reasons: bool


async def get_last_event(system: AppContext, scope: Scope, job_id: int) -> LastEvent:
    """Return the last transition of a job.

    Raises:
        NotFound: the caller does not see such a job.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_job_row(scope, tx, job_id)
        hides = bool(await list_precisions(scope, tx, [row.project_id]))
        return LastEvent(row.project_id, row.last_move, row.status in FINAL, hides)


async def _list_moves(
    system: AppContext, scope: Scope, job_id: int, last_move: int
) -> tuple[JobTransition, ...]:
    known = system.part(QueueCaches).moves.get(job_id)
    if known and known[-1].number == last_move:
        return known
    async with system.database.transaction(scope) as tx:
        moves = await list_transition_rows(scope, tx, job_id)
        names = await list_actor_names(scope, tx, [move.actor for move in moves])
    told = tuple(list_transitions(moves, names))
    system.part(QueueCaches).moves.keep(job_id, told)
    return told
