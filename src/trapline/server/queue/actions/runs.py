"""Submit, get, list, cancel and retry pipeline runs, which are jobs."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response_sql
from trapline.server.platform.errors import NotFound, Unprocessable
from trapline.server.queue.actions import failures, jobs
from trapline.server.queue.actions.image_urls import encrypt_url, validate_url
from trapline.server.queue.actions.run_targets import (
    format_unknown_preset,
    require_run_target,
    resolve_run_target,
)
from trapline.server.queue.queries.expansion import create_job_images, sort_unique_ids
from trapline.server.queue.queries.job_downloads import create_downloads
from trapline.server.queue.queries.presets import list_projects_with_preset
from trapline.server.queue.queries.submit import (
    JobSubmission,
    RunTarget,
    create_job,
    get_default_deployment,
    get_deployment_project,
    get_sequence_project,
    list_image_projects,
)
from trapline.server.queue.rules.job_transitions import FINAL
from trapline.server.queue.rules.list_filters import JobFilter
from trapline.server.queue.rules.run_names import (
    format_files_preview,
    format_job_id,
    format_selection_preview,
    get_image_name,
)
from trapline.wire.jobs import (
    PRIORITIES,
    Job,
    JobDetail,
    JobStart,
    JobState,
    JobTransition,
    RetryRequest,
)
from trapline.wire.runs import (
    NewRun,
    PipelineRunState,
    Run,
    RunAccepted,
    RunContent,
    RunPage,
    RunProgress,
    RunResult,
    RunStateResult,
    RunSummary,
    StateHistoryEntry,
)


@dataclass(frozen=True)
class _Place:
    """The project of a run, a preview of its content, and the deployment or images of it."""

    project_id: int
    preview: str
    deployment_id: UUID | None = None
    images: list[UUID] | None = None
    what: RunTarget | None = None


async def submit_run(system: AppContext, scope: Scope, new: NewRun) -> RunAccepted:
    """Submit a run in one transaction; all other work follows after the response.

    Raises:
        NotFound: the caller does not see the content.
        Forbidden: the caller may not submit runs in this project.
        Unprocessable: the preset, pipeline or content is not valid.
        OutboundRefused: requests to an image URL are not allowed.
        Conflict: the project is archived.
    """
    for url in new.content.image_urls or ():
        validate_url(system, url)
    async with system.database.sql_transaction(scope) as tx:
        done = await find_saved_response(scope, tx, RunAccepted)
        if done:
            return done
        place = await _find_place(scope, tx, new)
        what = place.what or await resolve_run_target(
            scope, tx, place.project_id, new.preset, new.pipeline
        )
        job_id = format_job_id(what.job_id)
        answer = RunAccepted(job_id=job_id, check_status_at=_address(job_id))
        async with tx.pipelined_commit():
            await _write(system, scope, tx, new, place, what)
            await save_response_sql(scope, tx, answer)
    return answer


async def _write(
    system: AppContext, scope: Scope, tx: Transaction, new: NewRun, place: _Place, what: RunTarget
) -> None:
    content = new.content
    urls, listed = content.image_urls, place.images
    # A sequence may have lost all its images; the expansion of the job then ends it.
    is_short = (
        bool(listed) and len(listed or ()) <= jobs.SHOWN_IMAGES and not content.unanalysed_only
    )
    await create_job(
        scope,
        tx,
        JobSubmission(
            what=what,
            project_id=place.project_id,
            preset=new.preset,
            priority=what.priority if new.priority is None else PRIORITIES.index(new.priority),
            parameters={**what.parameters, **new.parameters},
            metadata=new.metadata,
            selection=_shorten(content, listed),
            preview=place.preview,
            fetching=urls is not None,
            expected=None if listed is None else len(listed),
            # A few tasks are queued faster than a background task could be enqueued for them.
            tasks=listed if is_short else None,
            waits=new.start == JobStart.LATER,
        ),
    )
    tx.audit("run", "job", what.job_id, place.project_id, pipeline=what.slug, preset=new.preset)
    if is_short:
        return
    if listed is not None:
        await create_job_images(scope, tx, place.project_id, what.job_id, listed)
    if urls is not None and place.deployment_id is not None:
        sealed = [encrypt_url(system, url) for url in urls]
        await create_downloads(
            scope, tx, place.project_id, what.job_id, place.deployment_id, sealed
        )
    await jobs.enqueue_expansion(scope, tx, what.job_id, fetching=urls is not None)


def _shorten(content: RunContent, listed: list[UUID] | None) -> dict[str, Any]:
    if content.image_urls is not None:
        return {"url_count": len(content.image_urls)}
    if content.image_ids is not None and listed is not None and len(listed) > jobs.SHOWN_IMAGES:
        return {"image_count": len(listed)}
    return jobs.summarise_selection(content.selection)


async def _find_place(scope: Scope, tx: Transaction, new: NewRun) -> _Place:
    content = new.content
    if content.image_ids is not None:
        return await _find_images(scope, tx, new, sort_unique_ids(content.image_ids))
    if content.sequence is not None:
        sequence = await get_sequence_project(scope, tx, content.sequence)
        if (
            sequence is None
            or not scope.sees(sequence[0])
            or new.project not in (None, sequence[0])
        ):
            raise NotFound
        scope.check(sequence[0])
        return _Place(
            sequence[0],
            format_selection_preview(content.selection.model_dump(mode="json")),
            images=sequence[1],
        )
    deployment = None
    if content.deployment is not None:
        deployment = await get_deployment_project(scope, tx, content.deployment)
        if (
            deployment is None
            or not scope.sees(deployment[1])
            or new.project not in (None, deployment[1])
        ):
            raise NotFound
        project_id = deployment[1]
    else:
        project_id = new.project or await _find_project(scope, tx, new)
    scope.check(project_id)
    if content.image_urls is None:
        said = format_selection_preview(
            content.selection.model_dump(mode="json"), deployment[2] if deployment else None
        )
        return _Place(project_id, said)
    deployment = deployment or await get_default_deployment(scope, tx, project_id)
    if deployment is None:
        raise Unprocessable(
            "This project has no default deployment: name a `deployment`. Nothing was created."
        )
    urls = content.image_urls
    return _Place(
        project_id, format_files_preview(len(urls), [get_image_name(urls[0])]), deployment[0]
    )


async def _find_images(scope: Scope, tx: Transaction, new: NewRun, ids: list[UUID]) -> _Place:
    places = await list_image_projects(scope, tx, ids, new.preset, new.pipeline)
    seen = [place for place in places if scope.sees(place.project_id)]
    if sum(place.count for place in seen) < len(ids):
        raise NotFound
    if len(seen) > 1:
        raise Unprocessable(
            "These images are of more than one project. Nothing was created; submit a run for each "
            "project."
        )
    [place] = seen
    if new.project not in (None, place.project_id):
        raise NotFound
    scope.check(place.project_id)
    what = await require_run_target(
        scope, tx, place.project_id, new.preset, new.pipeline, place.what
    )
    return _Place(
        place.project_id,
        format_files_preview(place.count, [place.first] if place.first else []),
        None,
        ids,
        what,
    )


async def _find_project(scope: Scope, tx: Transaction, new: NewRun) -> int:
    found = await list_projects_with_preset(scope, tx, new.preset) if new.preset is not None else []
    if new.preset is not None and not found:
        raise await format_unknown_preset(scope, tx, new.preset, None)
    # Archived projects are ignored, because nothing runs there.
    found = [project_id for project_id in found if project_id not in scope.archived] or found
    if len(found) != 1:
        raise Unprocessable(
            "The content does not identify a project: name a `project`. Nothing was created."
        )
    return found[0]


async def get_run(system: AppContext, scope: Scope, job_id: int) -> Run:
    """Get a run with its history.

    Raises:
        NotFound: the caller does not see such a run.
    """
    job, _ = await jobs.get_job(system, scope, job_id)
    is_over = job.status in FINAL
    return Run(
        **_common(job),
        priority=job.priority,
        parameters=job.parameters,
        metadata=job.metadata,
        status_reason=job.status_reason,
        updated_at=job.updated_at,
        state_history=[build_state_entry(move) for move in job.transitions],
        result=_result(job) if is_over else None,
        error=_error(job) if is_over else None,
    )


async def list_runs(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    status: JobState | None,
    limit: int,
    offset: int,
    cursor: str | None,
) -> RunPage:
    """List runs, newest first."""
    wanted = JobFilter(status=status)
    page = await jobs.list_jobs(
        system, scope, project_id, wanted, limit=limit, cursor=cursor, offset=offset
    )
    return RunPage(
        jobs=[RunSummary(**_common(job)) for job in page.results],
        limit=limit,
        offset=offset,
        count=len(page.results),
        next=page.next,
        total=page.count,
        total_is_estimate=page.count_is_estimate,
    )


async def cancel_run(system: AppContext, scope: Scope, job_id: int) -> RunStateResult:
    """Cancel a run; stored results are kept.

    Raises:
        NotFound: the caller does not see such a run.
        Conflict: the run is final.
    """
    return _moved(await jobs.cancel_job(system, scope, job_id))


async def retry_run(
    system: AppContext, scope: Scope, job_id: int, wanted: RetryRequest
) -> RunStateResult:
    """Retry failed or canceled tasks, or failed downloads.

    Raises:
        NotFound: the caller does not see such a run.
        Conflict: there is nothing to retry.
    """
    return _moved(await failures.retry_job(system, scope, job_id, wanted))


def build_state_entry(move: JobTransition) -> StateHistoryEntry:
    """Build the entry of a state in the history of a run."""
    metadata: dict[str, Any] = {"attempt": move.attempt, "actor": move.actor}
    if move.worker_id is not None:
        metadata["worker_id"] = str(move.worker_id)
    if move.reason is not None:
        metadata["reason"] = move.reason
    return StateHistoryEntry(
        state=format_state(move.to_state), entered_at=move.at, metadata=metadata
    )


def format_state(state: JobState) -> PipelineRunState:
    """Format a state as this API names it."""
    return PipelineRunState(state.upper())


def _address(job_id: str) -> str:
    return f"/pipeline/job/{job_id}"


def _moved(job: Job) -> RunStateResult:
    job_id = format_job_id(job.id)
    return RunStateResult(
        status=format_state(job.status), job_id=job_id, check_status_at=_address(job_id)
    )


def _common(job: Job) -> dict[str, Any]:
    return {
        "job_id": format_job_id(job.id),
        "status": format_state(job.status),
        "preset": job.preset,
        "pipeline": job.pipeline_slug,
        "project": job.project_id,
        "content_preview": job.content_preview,
        "created_at": job.created_at,
        "progress": RunProgress(**job.progress.model_dump()),
    }


def _result(job: JobDetail) -> RunResult:
    return RunResult(
        images=job.progress.total,
        completed=job.progress.completed,
        failed=job.progress.failed,
        annotations=job.annotations,
        by_class=job.classes,
        analyses=f"/api/v2/jobs/{job.id}/analyses",
        failures=f"/api/v2/jobs/{job.id}/failures",
    )


def _error(job: JobDetail) -> str | None:
    """Return the reason why a job or some of its images failed; None if nothing failed."""
    if not job.progress.failed:
        return job.transitions[-1].reason if job.status == JobState.FAILED else None
    count = job.progress.failed
    most = f", most of them because: {job.failures[0].reason}" if job.failures else ""
    return f"{count:,} of {job.progress.total:,} images failed{most}"
