"""Build the responses about jobs: progress, status reason, transitions and counts of findings."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.images.queries.locations import list_precisions
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.queue.queries.job_progress import (
    JobActivity,
    JobCompetition,
    count_findings,
    list_activity,
    list_competition,
)
from trapline.server.queue.queries.jobs import (
    JobMoveRow,
    JobRow,
    get_job_row,
)
from trapline.server.queue.queries.queue_caches import CachedJobCounts, QueueCaches
from trapline.server.queue.rules.job_status_reason import (
    JobConditions,
    LeaseActivity,
    WorkerCompetition,
    format_status_reason,
    is_starved,
)
from trapline.server.queue.rules.run_names import format_selection_preview
from trapline.server.queue.rules.worker_names import build_holder_name
from trapline.wire.jobs import (
    PRIORITIES,
    Job,
    JobProgress,
    JobState,
    JobTransition,
)

MAX_TRANSITIONS_OF_ONE_RUN = 3
COUNT_REUSE_FACTOR = 50
"""A long count of a live job is reused for this many times the time that it took."""
LONG_COUNT_S = 0.05
LIVE = (JobState.QUEUED, JobState.PROCESSING)
WITHHELD_REASON = "An image could not be downloaded. Its name is withheld from your role."


def list_transitions(
    moves: Sequence[JobMoveRow], names: Mapping[str | None, str]
) -> list[JobTransition]:
    """List the state transitions of a job, oldest first."""
    attempts = accumulate(int(move.to_state == JobState.QUEUED) for move in moves)
    return [
        JobTransition(
            number=move.number,
            from_state=None if move.from_state == "new" else JobState(move.from_state),
            to_state=JobState(move.to_state),
            at=move.at,
            actor=names[move.actor],
            reason=move.reason,
            worker_id=move.worker_id,
            attempt=attempt,
        )
        for move, attempt in zip(moves, attempts, strict=True)
    ]


def hide_reasons(moves: Sequence[JobTransition]) -> list[JobTransition]:
    """Hide why a job failed: its reason names an image that could not be downloaded."""
    return [
        move.model_copy(update={"reason": WITHHELD_REASON})
        if move.reason is not None and move.to_state == JobState.FAILED
        else move
        for move in moves
    ]


async def count_job_findings(
    system: AppContext, scope: Scope, tx: Transaction, row: JobRow
) -> tuple[dict[str, int], int]:
    """Count the findings of a job by class, and in total; use a valid cached count."""
    known = system.part(QueueCaches).found.get(row.id)
    now = time.monotonic()
    if known is not None:
        reuse_s = (
            COUNT_REUSE_FACTOR * known.took_s
            if row.status in LIVE and known.took_s > LONG_COUNT_S
            else 0
        )
        if known.as_of == row.updated_at or now - known.since < reuse_s:
            return known.counts
    counts = await count_findings(scope, tx, row.id)
    took_s = time.monotonic() - now
    system.part(QueueCaches).found.keep(
        row.id, CachedJobCounts(counts, row.updated_at, now, took_s)
    )
    return counts


async def get_job_in_transaction(scope: Scope, tx: Transaction, job_id: int) -> Job:
    """Return a job as this transaction sees it."""
    [job] = await build_jobs(scope, tx, [await get_job_row(scope, tx, job_id)])
    return job


async def build_jobs(scope: Scope, tx: Transaction, rows: list[JobRow]) -> list[Job]:
    """Build the response of each job, with its progress and status reason."""
    activities = await list_activity(
        scope, tx, [row.id for row in rows if row.status in (*LIVE, JobState.CANCELED)]
    )
    names = await list_actor_names(scope, tx, [row.requested_by for row in rows])
    now = datetime.now(UTC)
    conditions = {
        row.id: _build_conditions(row, activities.get(row.id, JobActivity())) for row in rows
    }
    rivals = await list_competition(
        scope, tx, [job_id for job_id, one in conditions.items() if is_starved(one, now)]
    )
    for job_id, rival in rivals.items():
        conditions[job_id] = replace(conditions[job_id], rivals=_build_competition(scope, rival))
    # A stored preview contains names of files, or of a deployment.
    withheld = {
        project: bool(await list_precisions(scope, tx, [project]))
        for project in {row.project_id for row in rows}
    }
    return [
        _build_job(row, conditions[row.id], now).model_copy(
            update={
                "requested_by": names.get(row.requested_by),
                **(
                    {"content_preview": format_selection_preview(row.selection)}
                    if withheld[row.project_id]
                    else {}
                ),
            }
        )
        for row in rows
    ]


def _build_conditions(row: JobRow, activity: JobActivity) -> JobConditions:
    return JobConditions(
        status=JobState(row.status),
        pipeline_slug=row.pipeline_slug,
        standing=row.standing,
        paused=row.paused,
        not_started=row.not_started,
        fetching=row.fetching,
        expanded=row.expanded,
        expected=row.expected,
        open=row.open,
        completed=row.completed,
        failed=row.failed,
        nothing_found=row.nothing_found,
        sweeping=activity.unswept,
        hands=LeaseActivity(
            tasks=min(activity.held, row.open),
            workers=activity.workers,
            busiest=build_holder_name(*activity.busiest) if activity.busiest else None,
            since=activity.held_since,
        ),
        waiting_until=activity.next_attempt_at,
        offered=activity.offered,
        last_contact_at=activity.last_contact_at,
    )


def _build_competition(scope: Scope, rival: JobCompetition) -> WorkerCompetition:
    """Build what the caller may see: jobs of other projects are shown without their IDs."""

    def get_visible_id(job: tuple[int, int] | None) -> int | None:
        return job[0] if job is not None and scope.sees(job[1]) else None

    return WorkerCompetition(
        ahead=rival.ahead,
        next_ahead=get_visible_id(rival.next_ahead),
        online=rival.online,
        name=build_holder_name(*rival.name) if rival.name else None,
        busy=rival.busy,
        busy_with=get_visible_id(rival.busy_with),
    )


def _build_job(row: JobRow, conditions: JobConditions, now: datetime) -> Job:
    status = conditions.status
    is_canceled = status == JobState.CANCELED
    held = 0 if is_canceled else conditions.hands.tasks
    rate = _get_images_per_s(row, now)
    return Job(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        pipeline_slug=row.pipeline_slug,
        pipeline_version=row.pipeline_version,
        status=status,
        priority=PRIORITIES[row.priority],
        paused=row.paused and not row.not_started,
        not_started=row.not_started,
        automatic=row.standing,
        parameters=row.parameters,
        selection=row.selection,
        preset=row.preset,
        metadata=row.told,
        content_preview=row.content_preview or format_selection_preview(row.selection),
        progress=JobProgress(
            total=row.open + row.completed + row.failed,
            expected=None if row.expanded else row.expected,
            queued=0 if is_canceled else row.open - held,
            processing=0 if is_canceled else held,
            completed=row.completed,
            failed=row.failed,
            canceled=row.open if is_canceled else 0,
        ),
        expanded=row.expanded,
        images_per_s=rate,
        seconds_left=row.open / rate
        if rate and row.expanded and not row.standing and status in LIVE
        else None,
        status_reason=format_status_reason(conditions, now),
        requested_by=None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        updated_at=row.updated_at,
    )


def _get_images_per_s(row: JobRow, now: datetime) -> float | None:
    """Return images per second since the first lease; None before results and after a retry."""
    if (
        row.started_at is None
        or row.standing
        or not row.completed
        or row.last_move > MAX_TRANSITIONS_OF_ONE_RUN
    ):
        return None
    seconds = ((row.finished_at or now) - row.started_at).total_seconds()
    return (row.completed + row.failed) / seconds if seconds > 0 else None
