"""Create, list, change, start, pause and cancel jobs; expand and sweep them in the background."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, update

from trapline.server.accounts.queries.accounts import list_actor_names
from trapline.server.images.queries.deployments import require_deployment
from trapline.server.images.queries.locations import list_precisions
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.background_tasks import enqueue_background_task
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict
from trapline.server.projects.queries.projects import ProjectRow, get_project_row
from trapline.server.queue.actions.job_responses import (
    build_jobs,
    count_job_findings,
    get_job_in_transaction,
    hide_reasons,
    list_transitions,
)
from trapline.server.queue.actions.run_targets import list_selected_images, resolve_run_target
from trapline.server.queue.queries import cancel, expansion
from trapline.server.queue.queries.dead_letters import list_reasons
from trapline.server.queue.queries.job_counters import JobClosed, record_transition
from trapline.server.queue.queries.job_downloads import enqueue_downloads
from trapline.server.queue.queries.jobs import (
    JobRow,
    get_job_row,
    list_transition_rows,
    lock_job_row,
    select_jobs,
    set_paused,
    start_job,
)
from trapline.server.queue.queries.pipelines import PipelineRow
from trapline.server.queue.rules.list_filters import JobFilter
from trapline.server.queue.rules.progress_stages import build_detail_progress
from trapline.wire.auth import Role
from trapline.wire.failures import FailureGroup
from trapline.wire.jobs import (
    PRIORITIES,
    Job,
    JobDetail,
    JobPipeline,
    JobProject,
    JobStart,
    JobState,
    JobUpdate,
    NewJob,
    Selection,
)
from trapline.wire.values import Page

EXPAND = "expand_job"
FETCH = "fetch_content"
SWEEP = "sweep_job"
SHOWN_IMAGES = 100
ALREADY_FINAL = "This job has already ended. Nothing was changed."
RUN_AGAIN = (
    "To process the same images again, create a job with the same selection: POST /api/v2/jobs."
)


async def create_job(system: AppContext, scope: Scope, new: NewJob) -> Job:
    """Create a job, a run of a pipeline over images; a background task queues its images.

    Raises:
        NotFound: the caller does not see the project or the deployment.
        Unprocessable: the pipeline, preset or selection is not valid.
    """
    scope.check(new.project)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Job)
        if done:
            return done
        await require_deployment(scope, tx, new.selection.deployment, new.project)
        target = await resolve_run_target(scope, tx, new.project, new.preset, new.pipeline)
        row = JobRow(
            id=target.job_id,
            project_id=new.project,
            pipeline_id=target.pipeline_id,
            name=new.name or target.name,
            pipeline_slug=target.slug,
            pipeline_version=target.version,
            preset=new.preset,
            priority=target.priority if new.priority is None else PRIORITIES.index(new.priority),
            parameters={**target.parameters, **new.parameters},
            selection=summarise_selection(new.selection),
            requested_by=scope.actor,
            last_move=1,
            paused=new.start == JobStart.LATER,
            not_started=new.start == JobStart.LATER,
        )
        tx.session.add(row)
        await tx.session.flush()
        await tx.session.refresh(row)
        image_ids = await list_selected_images(scope, tx, new.project, new.selection)
        if image_ids is not None:
            await expansion.create_job_images(scope, tx, new.project, row.id, image_ids)
            row.expected = len(image_ids)
        await record_transition(scope, tx, row.id, row.project_id, 1, JobState.QUEUED, scope.actor)
        await enqueue_expansion(scope, tx, row.id, fetching=False)
        tx.audit("create", "job", row.id, row.project_id, pipeline=target.slug, preset=new.preset)
        [job] = await build_jobs(scope, tx, [row])
        return save_response(scope, tx, job)


async def enqueue_expansion(scope: Scope, tx: Transaction, job_id: int, *, fetching: bool) -> None:
    """Enqueue the background task that queues a job's images, or first downloads them."""
    if fetching:
        await enqueue_downloads(scope, tx, FETCH, job_id)
    else:
        await enqueue_background_task(scope, tx, EXPAND, job_id=job_id)


def summarise_selection(selection: Selection) -> dict[str, Any]:
    """Return the selection as responses show it; a long list of images becomes its length."""
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
    """List jobs by creation time; the first `offset` of them are skipped."""
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
            results=await build_jobs(scope, tx, rows),
            next=following,
            count=count,
            count_is_estimate=estimated,
        )


async def get_job(system: AppContext, scope: Scope, job_id: int) -> tuple[JobDetail, datetime]:
    """Return a job with its transitions, failures and findings, and when it was last edited.

    Raises:
        NotFound: the caller does not see such a job.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_job_row(scope, tx, job_id)
        [job] = await build_jobs(scope, tx, [row])
        moves = await list_transition_rows(scope, tx, job_id)
        names = await list_actor_names(scope, tx, [move.actor for move in moves])
        hides = bool(await list_precisions(scope, tx, [row.project_id]))
        reasons = await list_reasons(scope, tx, job_id)
        classes, annotations = await count_job_findings(system, scope, tx, row)
        project = await get_project_row(scope, tx, row.project_id)
        pipeline = await tx.session.get_one(PipelineRow, row.pipeline_id)
    transitions = list_transitions(moves, names)
    shown = JobDetail(
        **job.model_dump(exclude={"progress"}),
        progress=build_detail_progress(job, annotations),
        pipeline=JobPipeline(
            id=pipeline.id, name=pipeline.name, slug=pipeline.slug, version=pipeline.version
        ),
        project=JobProject(id=project.id, name=project.name),
        transitions=hide_reasons(transitions) if hides else transitions,
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


async def cancel_job(system: AppContext, scope: Scope, job_id: int) -> Job:
    """Cancel a job; stored results are kept.

    Canceling an automatic job also removes the automatic pipeline from its project.

    Raises:
        NotFound: the caller does not see such a job.
        Conflict: the job is final.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_job_row(scope, tx, job_id)
        if row.standing:
            # This changes the project, so it requires the same role.
            scope.check(row.project_id, Role.OWNER)
            # Lock the project before the job, in the order of project updates, to avoid deadlocks.
            await tx.execute(
                "select 1 from projects where id = %s for no key update", (row.project_id,)
            )
        if not await cancel.cancel_job(scope, tx, job_id):
            raise Conflict(ALREADY_FINAL)
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
    """Change the name or priority of a job, in any state; return it and when it was last edited.

    Raises:
        NotFound: the caller does not see such a job.
        PreconditionFailed: the job was edited since the version that the caller names.
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
    """Start a job that was created to be started later.

    Raises:
        NotFound: the caller does not see such a job.
        Conflict: the job is final.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_job_row(scope, tx, job_id)
        if not await start_job(scope, tx, job_id):
            raise Conflict(f"{ALREADY_FINAL} {RUN_AGAIN}")
        tx.audit("run", "job", job_id, row.project_id)
        return await get_job_in_transaction(scope, tx, job_id)


async def pause_job(system: AppContext, scope: Scope, job_id: int, *, paused: bool) -> Job:
    """Pause or resume the leasing of a job's tasks; current leases continue.

    Raises:
        NotFound: the caller does not see such a job.
        Conflict: the job is final.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_job_row(scope, tx, job_id)
        if not await set_paused(scope, tx, job_id, paused=paused):
            raise Conflict(ALREADY_FINAL)
        tx.audit("pause" if paused else "resume", "job", job_id, row.project_id)
        return await get_job_in_transaction(scope, tx, job_id)


async def expand_job(system: AppContext, scope: Scope, job_id: int) -> None:
    """Queue the images of a job in chunks; after an interruption it continues where it stopped."""
    more = True
    while more:
        try:
            async with system.database.transaction(scope) as tx:
                more = await expansion.expand_job(scope, tx, job_id)
        except JobClosed:
            return


async def sweep_job(system: AppContext, scope: Scope, job_id: int) -> None:
    """Mark the open tasks of a canceled job as canceled, in chunks."""
    swept = cancel.CHUNK
    while swept >= cancel.CHUNK:
        async with system.database.transaction(scope) as tx:
            swept = await cancel.sweep_canceled(scope, tx, job_id)
