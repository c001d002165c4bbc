"""Jobs: make, list, show, change, run, pause, resume, cancel; and their work in the background."""

from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import func, update

from trapline.server.db.base import Transaction
from trapline.server.db.chores import defer_chore
from trapline.server.db.idempotency import find_answer, keep_answer
from trapline.server.db.job_progress import (
    Activity,
    count_found,
    list_activity,
)
from trapline.server.db.jobs import JobRow, get_job, list_moves, lock_job, select_jobs, set_paused, start_job
from trapline.server.db.line import cancel, expand
from trapline.server.db.line.dead_letters import list_reasons
from trapline.server.db.line.job_row import JobClosed, record_move
from trapline.server.db.pages import count_rows, fetch_page
from trapline.server.db.people import name_actors
from trapline.server.db.pipelines import find_pipeline
from trapline.server.db.projects import ProjectRow
from trapline.server.errors import Conflict, Unprocessable
from trapline.server.rules.access import Scope
from trapline.server.rules.why import Circumstances, explain
from trapline.server.rules.worker_names import name_worker
from trapline.server.system import System
from trapline.wire.failures import FailureGroup
from trapline.wire.jobs import (
    Job,
    JobChange,
    JobDetail,
    JobMove,
    JobProgress,
    JobState,
    NewJob,
    Priority,
    Start,
)
from trapline.wire.values import Page

log = structlog.get_logger(__name__)

EXPAND = "expand_job"
SWEEP = "sweep_job"
PRIORITIES = (Priority.LOW, Priority.NORMAL, Priority.HIGH)
LIVE = (JobState.QUEUED, JobState.PROCESSING)
OVER = "This job is over already. Nothing was changed."


async def create_job(system: System, scope: Scope, new: NewJob) -> Job:
    """Ask for a run of a pipeline over images; they are put into the line in the background. Raises Unprocessable."""
    scope.check(new.project)
    async with system.database.transaction(scope) as tx:
        done = await find_answer(scope, tx, Job)
        if done:
            return done
        pipeline = await find_pipeline(scope, tx, new.project, new.pipeline)
        if pipeline is None:
            raise Unprocessable(
                f"No pipeline {new.pipeline} is registered in this project. Nothing was made. "
                "Start a worker that offers it, or run `trapline register` where it is installed."
            )
        row = JobRow(
            project_id=new.project,
            pipeline_id=pipeline.id,
            name=new.name or pipeline.name,
            pipeline_slug=pipeline.slug,
            pipeline_version=pipeline.version,
            priority=PRIORITIES.index(new.priority),
            parameters=new.parameters,
            selection=new.selection.model_dump(mode="json", exclude_defaults=True),
            requested_by=scope.actor,
            last_move=1,
            paused=new.start == Start.LATER,
            not_started=new.start == Start.LATER,
        )
        tx.session.add(row)
        await tx.session.flush()
        await tx.session.refresh(row)
        await record_move(scope, tx, row.id, row.project_id, 1, JobState.QUEUED, scope.actor)
        await defer_chore(scope, tx, EXPAND, job_id=row.id)
        tx.audit("create", "job", row.id, row.project_id, pipeline=pipeline.slug)
        [job] = await _describe(scope, tx, [row])
        return keep_answer(scope, tx, job)


async def list_jobs(
    system: System, scope: Scope, project_id: int | None, status: JobState | None, limit: int, cursor: str | None
) -> Page[Job]:
    """List jobs, newest first."""
    async with system.database.transaction(scope) as tx:
        statement = select_jobs(scope, project_id, status)
        rows, following = await fetch_page(
            tx, statement, [(JobRow.id, int)], descending=True, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        return Page(results=await _describe(scope, tx, rows), next=following, count=count, count_is_estimate=estimated)


async def show_job(system: System, scope: Scope, job_id: int) -> tuple[JobDetail, datetime]:
    """Show a job with its history, why images failed, and what was found; and its version. Raises NotFound."""
    async with system.database.transaction(scope) as tx:
        row = await get_job(scope, tx, job_id)
        [job] = await _describe(scope, tx, [row])
        moves = await list_moves(scope, tx, job_id)
        names = await name_actors(scope, tx, [move.actor for move in moves])
        reasons = await list_reasons(scope, tx, job_id)
        classes, annotations = await count_found(scope, tx, job_id)
    shown = JobDetail(
        **job.model_dump(),
        moves=[
            JobMove(
                number=move.number,
                from_state=None if move.from_state == "new" else JobState(move.from_state),
                to_state=JobState(move.to_state),
                at=move.at,
                actor=names[move.actor],
                reason=move.reason,
            )
            for move in moves
        ],
        failures=[
            FailureGroup(
                reason=found.reason,
                images=found.images,
                example=found.example,
                sample_image_ids=found.sample_image_ids,
            )
            for found in reasons
        ],
        classes=classes,
        annotations=annotations,
        nothing_found=row.nothing_found,
    )
    return shown, row.edited_at


async def cancel_job(system: System, scope: Scope, job_id: int) -> Job:
    """Cancel a job; what is done stays. Canceling a standing job switches it off. Raises NotFound, Conflict."""
    async with system.database.transaction(scope) as tx:
        row = await get_job(scope, tx, job_id)
        if not await cancel.cancel_job(scope, tx, job_id):
            raise Conflict(OVER)
        if row.standing:
            await tx.session.execute(
                update(ProjectRow)
                .where(ProjectRow.id == row.project_id, ProjectRow.automatic_pipeline == row.pipeline_slug)
                .values(automatic_pipeline=None)
            )
        await defer_chore(scope, tx, SWEEP, job_id=job_id)
        tx.audit("cancel", "job", job_id, row.project_id)
        return await show_moved(scope, tx, job_id)


async def change_job(system: System, scope: Scope, job_id: int, change: JobChange) -> tuple[Job, datetime]:
    """Change a job's name or priority, also while it is under way; answers it and its version.

    Raises NotFound, LostRace.
    """
    async with system.database.transaction(scope) as tx:
        row = await lock_job(scope, tx, job_id)
        scope.check_unchanged(row.edited_at)
        values: dict[str, Any] = {}
        if change.name is not None:
            values["name"] = change.name
        if change.priority is not None:
            values["priority"] = PRIORITIES.index(change.priority)
        if values:
            moment = {"edited_at": func.clock_timestamp(), "updated_at": func.clock_timestamp()}
            await tx.session.execute(update(JobRow).where(JobRow.id == job_id).values(**values, **moment))
            tx.audit("change", "job", job_id, row.project_id, **change.model_dump(mode="json", exclude_none=True))
        job = await show_moved(scope, tx, job_id)
        return job, (await get_job(scope, tx, job_id)).edited_at


async def run_job(system: System, scope: Scope, job_id: int) -> Job:
    """Hand out the tasks of a job that was to be started later. Raises NotFound, Conflict."""
    async with system.database.transaction(scope) as tx:
        row = await get_job(scope, tx, job_id)
        if not await start_job(scope, tx, job_id):
            raise Conflict(OVER)
        tx.audit("run", "job", job_id, row.project_id)
        return await show_moved(scope, tx, job_id)


async def pause_job(system: System, scope: Scope, job_id: int, *, paused: bool) -> Job:
    """Hold a job's tasks back, or hand them out again; what is in hand goes on. Raises NotFound, Conflict."""
    async with system.database.transaction(scope) as tx:
        row = await get_job(scope, tx, job_id)
        if not await set_paused(scope, tx, job_id, paused=paused):
            raise Conflict(OVER)
        tx.audit("pause" if paused else "resume", "job", job_id, row.project_id)
        return await show_moved(scope, tx, job_id)


async def expand_job(system: System, scope: Scope, job_id: int) -> None:
    """Put a job's images into the line, chunk by chunk; begun again, it goes on where it was left off."""
    more = True
    while more:
        try:
            async with system.database.transaction(scope) as tx:
                more = await expand.expand_job(scope, tx, job_id)
        except JobClosed:
            return


async def sweep_job(system: System, scope: Scope, job_id: int) -> None:
    """Mark the open tasks of a canceled job, chunk by chunk."""
    swept = cancel.CHUNK
    while swept == cancel.CHUNK:
        async with system.database.transaction(scope) as tx:
            swept = await cancel.sweep_canceled(scope, tx, job_id)


async def show_moved(scope: Scope, tx: Transaction, job_id: int) -> Job:
    """Show a job as this transaction leaves it."""
    [job] = await _describe(scope, tx, [await get_job(scope, tx, job_id)])
    return job


async def _describe(scope: Scope, tx: Transaction, rows: list[JobRow]) -> list[Job]:
    activities = await list_activity(scope, tx, [row.id for row in rows if row.status in LIVE])
    names = await name_actors(scope, tx, [row.requested_by for row in rows])
    now = datetime.now(UTC)
    return [
        _job(row, activities.get(row.id, Activity()), now).model_copy(
            update={"requested_by": names.get(row.requested_by)}
        )
        for row in rows
    ]


def _job(row: JobRow, activity: Activity, now: datetime) -> Job:
    status = JobState(row.status)
    is_canceled = status == JobState.CANCELED
    held = min(activity.held, row.open)
    rate = _images_per_s(row, now)
    circumstances = Circumstances(
        status=status,
        pipeline_slug=row.pipeline_slug,
        standing=row.standing,
        paused=row.paused,
        expanded=row.expanded,
        open=row.open,
        completed=row.completed,
        failed=row.failed,
        nothing_found=row.nothing_found,
        held=held,
        held_by=name_worker(*activity.holder) if activity.holder else None,
        held_since=activity.held_since,
        waiting_until=activity.next_attempt_at,
        offered=activity.offered,
        heard_of_at=activity.heard_of_at,
    )
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
        standing=row.standing,
        parameters=row.parameters,
        selection=row.selection,
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
        seconds_left=row.open / rate if rate and row.expanded and not row.standing and status in LIVE else None,
        why=explain(circumstances, now),
        requested_by=None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        updated_at=row.updated_at,
    )


def _images_per_s(row: JobRow, now: datetime) -> float | None:
    """Over the job's whole time from its first lease on; None where that says nothing yet."""
    if row.started_at is None or row.standing or not row.completed:
        return None
    seconds = ((row.finished_at or now) - row.started_at).total_seconds()
    return (row.completed + row.failed) / seconds if seconds > 0 else None
