"""Pipeline runs: asked for and answered at once; looked at, listed, canceled and tried again as the jobs they are."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from trapline.server.catalogue.rules.filters import JobFilter
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import System
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_answer, write_answer
from trapline.server.platform.errors import NotFound, Unprocessable
from trapline.server.queue.actions import failures, jobs
from trapline.server.queue.actions.image_urls import check_address, seal_address
from trapline.server.queue.actions.run_targets import check_runs, explain_preset, find_what_runs
from trapline.server.queue.queries.expansion import in_order, list_images_of_job
from trapline.server.queue.queries.job_downloads import list_downloads_of_job
from trapline.server.queue.queries.presets import find_projects_of_preset
from trapline.server.queue.queries.submit import (
    Runnable,
    Submitted,
    find_default_place,
    find_deployment_place,
    find_places,
    find_sequence_place,
    write_job,
)
from trapline.server.queue.rules.job_transitions import FINAL
from trapline.server.queue.rules.run_names import name_picture, preview_files, preview_selection, write_job_id
from trapline.wire.jobs import PRIORITIES, Job, JobDetail, JobMove, JobState, RetryRequest, Start
from trapline.wire.runs import (
    ListedRun,
    NewRun,
    Run,
    RunAccepted,
    RunContent,
    RunMoved,
    RunProgress,
    RunResult,
    RunsPage,
    RunState,
    StateEntered,
)


@dataclass(frozen=True)
class _Place:
    """Where a run belongs, what it is about in words, and which deployment its pictures go to, or its images and
    what runs over them."""

    project_id: int
    preview: str
    deployment_id: UUID | None = None
    images: list[UUID] | None = None
    what: Runnable | None = None


async def submit_run(system: System, scope: Scope, new: NewRun) -> RunAccepted:
    """Ask for a run: one transaction writes it, everything else comes after the answer.

    Raises NotFound for content that is not the caller's, Forbidden, Unprocessable, OutboundRefused, Conflict.
    """
    for url in new.content.picture_urls or ():
        check_address(system, url)
    async with system.database.line(scope) as tx:
        done = await find_answer(scope, tx, RunAccepted)
        if done:
            return done
        place = await _find_place(scope, tx, new)
        what = place.what or await find_what_runs(scope, tx, place.project_id, new.preset, new.pipeline)
        job_id = write_job_id(what.job_id)
        answer = RunAccepted(job_id=job_id, check_status_at=_address(job_id))
        async with tx.at_last():
            await _write(system, scope, tx, new, place, what)
            await write_answer(scope, tx, answer)
    return answer


async def _write(system: System, scope: Scope, tx: Transaction, new: NewRun, place: _Place, what: Runnable) -> None:
    content = new.content
    urls, listed = content.picture_urls, place.images
    # A sequence may have lost all of its images: the job is expanded then, which ends one that is over nothing.
    is_short = bool(listed) and len(listed or ()) <= jobs.SHOWN_IMAGES and not content.unanalysed_only
    await write_job(
        scope,
        tx,
        Submitted(
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
            # So few stand in the line sooner than somebody could be asked to put them there.
            tasks=listed if is_short else None,
            waits=new.start == Start.LATER,
        ),
    )
    tx.audit("run", "job", what.job_id, place.project_id, pipeline=what.slug, preset=new.preset)
    if is_short:
        return
    if listed is not None:
        await list_images_of_job(scope, tx, place.project_id, what.job_id, listed)
    if urls is not None and place.deployment_id is not None:
        sealed = [seal_address(system, url) for url in urls]
        await list_downloads_of_job(scope, tx, place.project_id, what.job_id, place.deployment_id, sealed)
    await jobs.defer_expansion(scope, tx, what.job_id, fetching=urls is not None)


def _shorten(content: RunContent, listed: list[UUID] | None) -> dict[str, Any]:
    if content.picture_urls is not None:
        return {"url_count": len(content.picture_urls)}
    if content.image_ids is not None and listed is not None and len(listed) > jobs.SHOWN_IMAGES:
        return {"image_count": len(listed)}
    return jobs.shorten(content.selection)


async def _find_place(scope: Scope, tx: Transaction, new: NewRun) -> _Place:
    content = new.content
    if content.image_ids is not None:
        return await _find_images(scope, tx, new, in_order(content.image_ids))
    if content.sequence is not None:
        sequence = await find_sequence_place(scope, tx, content.sequence)
        if sequence is None or not scope.sees(sequence[0]) or new.project not in (None, sequence[0]):
            raise NotFound
        scope.check(sequence[0])
        return _Place(sequence[0], preview_selection(content.selection.model_dump(mode="json")), images=sequence[1])
    deployment = None
    if content.deployment is not None:
        deployment = await find_deployment_place(scope, tx, content.deployment)
        if deployment is None or not scope.sees(deployment[1]) or new.project not in (None, deployment[1]):
            raise NotFound
        project_id = deployment[1]
    else:
        project_id = new.project or await _find_project(scope, tx, new)
    scope.check(project_id)
    if content.picture_urls is None:
        said = preview_selection(content.selection.model_dump(mode="json"), deployment[2] if deployment else None)
        return _Place(project_id, said)
    deployment = deployment or await find_default_place(scope, tx, project_id)
    if deployment is None:
        raise Unprocessable("This project has no default deployment: name a `deployment`. Nothing was made.")
    urls = content.picture_urls
    return _Place(project_id, preview_files(len(urls), [name_picture(urls[0])]), deployment[0])


async def _find_images(scope: Scope, tx: Transaction, new: NewRun, ids: list[UUID]) -> _Place:
    places = await find_places(scope, tx, ids, new.preset, new.pipeline)
    seen = [place for place in places if scope.sees(place.project_id)]
    if sum(place.count for place in seen) < len(ids):
        raise NotFound
    if len(seen) > 1:
        raise Unprocessable("These images are of more than one project. Nothing was made; ask for a run of each.")
    [place] = seen
    if new.project not in (None, place.project_id):
        raise NotFound
    scope.check(place.project_id)
    what = await check_runs(scope, tx, place.project_id, new.preset, new.pipeline, place.what)
    return _Place(place.project_id, preview_files(place.count, [place.first] if place.first else []), None, ids, what)


async def _find_project(scope: Scope, tx: Transaction, new: NewRun) -> int:
    found = await find_projects_of_preset(scope, tx, new.preset) if new.preset is not None else []
    if new.preset is not None and not found:
        raise await explain_preset(scope, tx, new.preset, None)
    # The same name in an archived project does not make it ambiguous: nothing runs there.
    found = [project_id for project_id in found if project_id not in scope.archived] or found
    if len(found) != 1:
        raise Unprocessable("The content does not tell which project is meant: name a `project`. Nothing was made.")
    return found[0]


async def show_run(system: System, scope: Scope, job_id: int) -> Run:
    """Show a run with its history. Raises NotFound."""
    job, _ = await jobs.show_job(system, scope, job_id)
    is_over = job.status in FINAL
    return Run(
        **_common(job),
        priority=job.priority,
        parameters=job.parameters,
        metadata=job.metadata,
        why=job.why,
        updated_at=job.updated_at,
        state_history=[describe_move(move) for move in job.moves],
        result=_result(job) if is_over else None,
        error=_error(job) if is_over else None,
    )


async def list_runs(
    system: System,
    scope: Scope,
    project_id: int | None,
    status: JobState | None,
    limit: int,
    offset: int,
    cursor: str | None,
) -> RunsPage:
    """List runs, newest first."""
    wanted = JobFilter(status=status)
    page = await jobs.list_jobs(system, scope, project_id, wanted, limit=limit, cursor=cursor, offset=offset)
    return RunsPage(
        jobs=[ListedRun(**_common(job)) for job in page.results],
        limit=limit,
        offset=offset,
        count=len(page.results),
        next=page.next,
        total=page.count,
        total_is_estimate=page.count_is_estimate,
    )


async def cancel_run(system: System, scope: Scope, job_id: int) -> RunMoved:
    """Cancel a run; what is done stays. Raises NotFound, Conflict."""
    return _moved(await jobs.cancel_job(system, scope, job_id))


async def retry_run(system: System, scope: Scope, job_id: int, wanted: RetryRequest) -> RunMoved:
    """Do again what failed or was canceled, or fetch content again. Raises NotFound, Conflict."""
    return _moved(await failures.retry_job(system, scope, job_id, wanted))


def describe_move(move: JobMove) -> StateEntered:
    """Tell a state that a job entered."""
    metadata: dict[str, Any] = {"attempt": move.attempt, "actor": move.actor}
    if move.worker_id is not None:
        metadata["worker_id"] = str(move.worker_id)
    if move.reason is not None:
        metadata["reason"] = move.reason
    return StateEntered(state=show_state(move.to_state), entered_at=move.at, metadata=metadata)


def show_state(state: JobState) -> RunState:
    """Write a state as users of this interface read it."""
    return RunState(state.upper())


def _address(job_id: str) -> str:
    return f"/pipeline/job/{job_id}"


def _moved(job: Job) -> RunMoved:
    job_id = write_job_id(job.id)
    return RunMoved(status=show_state(job.status), job_id=job_id, check_status_at=_address(job_id))


def _common(job: Job) -> dict[str, Any]:
    return {
        "job_id": write_job_id(job.id),
        "status": show_state(job.status),
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
    """Say why a job failed or some of its images did; None where nothing did."""
    if not job.progress.failed:
        return job.moves[-1].reason if job.status == JobState.FAILED else None
    count = job.progress.failed
    most = f", most of them because: {job.failures[0].reason}" if job.failures else ""
    return f"{count:,} of {job.progress.total:,} images failed{most}"
