"""Jobs: make, list, show, change, run, pause, resume, cancel; and their work in the background."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

import structlog
from sqlalchemy import func, update

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.images.queries.deployments import require_deployment
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.background_tasks import enqueue_background_task
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.caches import CachedJobCounts
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict
from trapline.server.projects.queries.projects import ProjectRow
from trapline.server.queue.actions.run_targets import list_selected_images, resolve_run_target
from trapline.server.queue.queries import cancel, expansion
from trapline.server.queue.queries.dead_letters import list_reasons
from trapline.server.queue.queries.job_counters import JobClosed, record_transition
from trapline.server.queue.queries.job_downloads import enqueue_downloads
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
    list_transition_rows,
    lock_job_row,
    select_jobs,
    set_paused,
    start_job,
)
from trapline.server.queue.rules.job_status_reason import (
    JobConditions,
    LeaseActivity,
    WorkerCompetition,
    format_status_reason,
    is_starved,
)
from trapline.server.queue.rules.list_filters import JobFilter
from trapline.server.queue.rules.run_names import format_selection_preview
from trapline.server.queue.rules.worker_names import build_holder_name
from trapline.wire.auth import Role
from trapline.wire.failures import FailureGroup
from trapline.wire.jobs import (
    PRIORITIES,
    Job,
    JobDetail,
    JobProgress,
    JobStart,
    JobState,
    JobTransition,
    JobUpdate,
    NewJob,
    Selection,
)
from trapline.wire.values import Page

log = structlog.get_logger(__name__)

EXPAND = "expand_job"
FETCH = "fetch_content"
SWEEP = "sweep_job"
SHOWN_IMAGES = 100
MOVES_OF_ONE_RUN = 3
COUNTED_FOR = 50
LONG_COUNT_S = 0.05
LIVE = (JobState.QUEUED, JobState.PROCESSING)
OVER = "This job is over already. Nothing was changed."


async def create_job(system: AppContext, scope: Scope, new: NewJob) -> Job:
    """Ask for a run of a pipeline over images, put into the line behind the answer.

    Raises NotFound, Unprocessable.
    """
    scope.check(new.project)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Job)
        if done:
            return done
        await require_deployment(scope, tx, new.selection.deployment, new.project)
        what = await resolve_run_target(scope, tx, new.project, new.preset, new.pipeline)
        row = JobRow(
            id=what.job_id,
            project_id=new.project,
            pipeline_id=what.pipeline_id,
            name=new.name or what.name,
            pipeline_slug=what.slug,
            pipeline_version=what.version,
            preset=new.preset,
            priority=what.priority if new.priority is None else PRIORITIES.index(new.priority),
            parameters={**what.parameters, **new.parameters},
            selection=summarise_selection(new.selection),
            requested_by=scope.actor,
            last_move=1,
            paused=new.start == JobStart.LATER,
            not_started=new.start == JobStart.LATER,
        )
        tx.session.add(row)
        await tx.session.flush()
        await tx.session.refresh(row)
        listed = await list_selected_images(scope, tx, new.project, new.selection)
        if listed is not None:
            await expansion.create_job_images(scope, tx, new.project, row.id, listed)
            row.expected = len(listed)
        await record_transition(scope, tx, row.id, row.project_id, 1, JobState.QUEUED, scope.actor)
        await enqueue_expansion(scope, tx, row.id, fetching=False)
        tx.audit("create", "job", row.id, row.project_id, pipeline=what.slug, preset=new.preset)
        [job] = await _describe(scope, tx, [row])
        return save_response(scope, tx, job)


async def enqueue_expansion(scope: Scope, tx: Transaction, job_id: int, *, fetching: bool) -> None:
    """Ask for a job's images to be put into the line; those that it names by their addresses are fetched first."""
    if fetching:
        await enqueue_downloads(scope, tx, FETCH, job_id)
    else:
        await enqueue_background_task(scope, tx, EXPAND, job_id=job_id)


def summarise_selection(selection: Selection) -> dict[str, Any]:
    """The selection as it is shown: a long list of images is told by its length."""
    is_long = selection.images is not None and len(selection.images) > SHOWN_IMAGES
    shown = selection.model_dump(
        mode="json", exclude_defaults=True, exclude={"images"} if is_long else None
    )
    if selection.images is not None and is_long:
        shown["image_count"] = len(set(selection.images))
    return shown


async def list_jobs(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: JobFilter,
    *,
    descending: bool = True,
    limit: int,
    cursor: str | None,
    offset: int = 0,
) -> Page[Job]:
    """List jobs by when they were asked for; `offset` of them are passed over."""
    async with system.database.transaction(scope) as tx:
        statement = select_jobs(scope, project_id, wanted)
        rows, following = await fetch_page(
            tx,
            statement.offset(offset),
            [(JobRow.id, int)],
            descending=descending,
            limit=limit,
            cursor=cursor,
        )
        count, estimated = await count_rows(tx, statement)
        return Page(
            results=await _describe(scope, tx, rows),
            next=following,
            count=count,
            count_is_estimate=estimated,
        )


async def get_job(system: AppContext, scope: Scope, job_id: int) -> tuple[JobDetail, datetime]:
    """Show a job with its history, why images failed, and what was found; and its version.

    Raises NotFound.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_job_row(scope, tx, job_id)
        [job] = await _describe(scope, tx, [row])
        moves = await list_transition_rows(scope, tx, job_id)
        names = await list_actor_names(scope, tx, [move.actor for move in moves])
        reasons = await list_reasons(scope, tx, job_id)
        classes, annotations = await _count_found(system, scope, tx, row)
    shown = JobDetail(
        **job.model_dump(),
        moves=list_transitions(moves, names),
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


def list_transitions(
    moves: Sequence[JobMoveRow], names: Mapping[str | None, str]
) -> list[JobTransition]:
    """Tell all moves of a job, from its first one on."""
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


async def cancel_job(system: AppContext, scope: Scope, job_id: int) -> Job:
    """Cancel a job; what is done stays.

    Canceling a standing job switches it off. Raises NotFound, Conflict.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_job_row(scope, tx, job_id)
        if row.standing:
            # It switches the project's pipeline off, as changing the project does.
            scope.check(row.project_id, Role.OWNER)
            # The project before the job, as whoever switches its pipeline does: else the two lock
            # each other out.
            await tx.execute(
                "select 1 from projects where id = %s for no key update", (row.project_id,)
            )
        if not await cancel.cancel_job(scope, tx, job_id):
            raise Conflict(OVER)
        if row.standing:
            await tx.session.execute(
                update(ProjectRow)
                .where(
                    ProjectRow.id == row.project_id,
                    ProjectRow.automatic_pipeline == row.pipeline_slug,
                )
                .values(automatic_pipeline=None)
            )
            tx.audit(
                "change", "project", row.project_id, row.project_id, fields=["automatic_pipeline"]
            )
        await enqueue_background_task(scope, tx, SWEEP, job_id=job_id)
        tx.audit("cancel", "job", job_id, row.project_id)
        return await get_job_in_transaction(scope, tx, job_id)


async def update_job(
    system: AppContext, scope: Scope, job_id: int, change: JobUpdate
) -> tuple[Job, datetime]:
    """Change a job's name or priority, also under way; answers it and its version.

    Raises NotFound, LostRace.
    """
    async with system.database.transaction(scope) as tx:
        row = await lock_job_row(scope, tx, job_id)
        scope.check_unchanged(row.edited_at)
        values: dict[str, Any] = {}
        if change.name is not None:
            values["name"] = change.name
        if change.priority is not None:
            values["priority"] = PRIORITIES.index(change.priority)
        if values:
            moment = {"edited_at": func.clock_timestamp(), "updated_at": func.clock_timestamp()}
            await tx.session.execute(
                update(JobRow).where(JobRow.id == job_id).values(**values, **moment)
            )
            tx.audit(
                "change",
                "job",
                job_id,
                row.project_id,
                **change.model_dump(mode="json", exclude_none=True),
            )
        job = await get_job_in_transaction(scope, tx, job_id)
        return job, (await get_job_row(scope, tx, job_id)).edited_at


async def run_job(system: AppContext, scope: Scope, job_id: int) -> Job:
    """Hand out the tasks of a job that was to be started later. Raises NotFound, Conflict."""
    async with system.database.transaction(scope) as tx:
        row = await get_job_row(scope, tx, job_id)
        if not await start_job(scope, tx, job_id):
            raise Conflict(OVER)
        tx.audit("run", "job", job_id, row.project_id)
        return await get_job_in_transaction(scope, tx, job_id)


async def pause_job(system: AppContext, scope: Scope, job_id: int, *, paused: bool) -> Job:
    """Hold a job's tasks back, or hand them out again; what is in hand goes on.

    Raises NotFound, Conflict.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_job_row(scope, tx, job_id)
        if not await set_paused(scope, tx, job_id, paused=paused):
            raise Conflict(OVER)
        tx.audit("pause" if paused else "resume", "job", job_id, row.project_id)
        return await get_job_in_transaction(scope, tx, job_id)


async def expand_job(system: AppContext, scope: Scope, job_id: int) -> None:
    """Put a job's images into the line, chunk by chunk; begun again, it goes on where it was left off."""
    more = True
    while more:
        try:
            async with system.database.transaction(scope) as tx:
                more = await expansion.expand_job(scope, tx, job_id)
        except JobClosed:
            return


async def sweep_job(system: AppContext, scope: Scope, job_id: int) -> None:
    """Mark the open tasks of a canceled job, chunk by chunk."""
    swept = cancel.CHUNK
    while swept >= cancel.CHUNK:
        async with system.database.transaction(scope) as tx:
            swept = await cancel.sweep_canceled(scope, tx, job_id)


async def _count_found(
    system: AppContext, scope: Scope, tx: Transaction, row: JobRow
) -> tuple[dict[str, int], int]:
    """Count what a job found; while it runs, a long count is made again only after fifty times as long as it took."""
    known = system.known.found.get(row.id)
    now = time.monotonic()
    if known is not None:
        good_for_s = (
            COUNTED_FOR * known.took_s if row.status in LIVE and known.took_s > LONG_COUNT_S else 0
        )
        if known.as_of == row.updated_at or now - known.since < good_for_s:
            return known.counts
    counts = await count_findings(scope, tx, row.id)
    took_s = time.monotonic() - now
    system.known.found.keep(row.id, CachedJobCounts(counts, row.updated_at, now, took_s))
    return counts


async def get_job_in_transaction(scope: Scope, tx: Transaction, job_id: int) -> Job:
    """Show a job as this transaction leaves it."""
    [job] = await _describe(scope, tx, [await get_job_row(scope, tx, job_id)])
    return job


async def _describe(scope: Scope, tx: Transaction, rows: list[JobRow]) -> list[Job]:
    activities = await list_activity(
        scope, tx, [row.id for row in rows if row.status in (*LIVE, JobState.CANCELED)]
    )
    names = await list_actor_names(scope, tx, [row.requested_by for row in rows])
    now = datetime.now(UTC)
    seen = {row.id: _look_at(row, activities.get(row.id, JobActivity())) for row in rows}
    rivals = await list_competition(
        scope, tx, [job_id for job_id, one in seen.items() if is_starved(one, now)]
    )
    for job_id, rival in rivals.items():
        seen[job_id] = replace(seen[job_id], rivals=_show_rivals(scope, rival))
    return [
        _job(row, seen[row.id], now).model_copy(
            update={"requested_by": names.get(row.requested_by)}
        )
        for row in rows
    ]


def _look_at(row: JobRow, activity: JobActivity) -> JobConditions:
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
        heard_of_at=activity.heard_of_at,
    )


def _show_rivals(scope: Scope, rival: JobCompetition) -> WorkerCompetition:
    """What the reader may know of it: jobs of projects that are not theirs have no number."""

    def number(job: tuple[int, int] | None) -> int | None:
        return job[0] if job is not None and scope.sees(job[1]) else None

    return WorkerCompetition(
        ahead=rival.ahead,
        next_ahead=number(rival.next_ahead),
        online=rival.online,
        name=build_holder_name(*rival.name) if rival.name else None,
        busy=rival.busy,
        busy_with=number(rival.busy_with),
    )


def _job(row: JobRow, seen: JobConditions, now: datetime) -> Job:
    status = seen.status
    is_canceled = status == JobState.CANCELED
    held = 0 if is_canceled else seen.hands.tasks
    rate = _images_per_s(row, now)
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
        why=format_status_reason(seen, now),
        requested_by=None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        updated_at=row.updated_at,
    )


def _images_per_s(row: JobRow, now: datetime) -> float | None:
    """Over the job's whole time from its first lease on; None where that says nothing: yet, or after a retry."""
    if (
        row.started_at is None
        or row.standing
        or not row.completed
        or row.last_move > MOVES_OF_ONE_RUN
    ):
        return None
    seconds = ((row.finished_at or now) - row.started_at).total_seconds()
    return (row.completed + row.failed) / seconds if seconds > 0 else None
