"""`trapline job`: run pipelines over images, watch jobs and handle failures."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from trapline.cli.job_display import (
    format_job_state,
    print_job_state,
    render_job,
    wait_for_job,
)
from trapline.cli.job_log import list_analyses, show_log
from trapline.cli.job_run import parse_priority, run_job
from trapline.cli.options import AsJson, InProject

if TYPE_CHECKING:
    from uuid import UUID


app = typer.Typer(
    help="Run pipelines over images, watch jobs and handle failures.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


def _read_number(given: str) -> int:
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.server_session import parse_job_id

    number = parse_job_id(given)
    if number is None:
        raise CommandError(
            f"{given} is not a job number, such as 12 or job-12.", ExitCode.WRONG_USAGE
        )
    return number


JobId = Annotated[
    int,
    typer.Argument(parser=_read_number, metavar="JOB", help="Number of the job, as 12 or job-12."),
]


app.command("run")(run_job)
app.command("log")(show_log)
app.command("analyses")(list_analyses)


@app.command("show")
def show_job(
    job_id: JobId,
    *,
    once: Annotated[bool, typer.Option("--once", help="Show the present state and exit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a job, live until it ends."""
    from trapline.cli.output import build_console, print_json
    from trapline.cli.server_session import connect

    with connect() as server:
        if as_json:
            print_json(server.get_job(job_id))
        elif once or not build_console().is_terminal:
            build_console().print(render_job(server.get_job(job_id)))
        else:
            wait_for_job(server, job_id, as_json=False)


@app.command("list")
def list_jobs(
    *,
    project: InProject = None,
    status: Annotated[
        str | None, typer.Option(help="Only jobs in this state, such as failed.")
    ] = None,
    pipeline: Annotated[
        str | None, typer.Option(help="Only jobs of the pipeline with this slug.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Only jobs of this preset.")] = None,
    limit: Annotated[
        int | None, typer.Option(help="Maximum number, newest first; all by default.", min=1)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List a project's jobs, newest first.

    Example: `trapline job list --pipeline animal-detector --status failed`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_project
    from trapline.client import iterate

    with connect() as server:
        wanted = {"status": status, "pipeline__slug": pipeline, "preset": preset}
        jobs = list(
            islice(iterate(server.list_jobs, resolve_project(server, project).id, **wanted), limit)
        )
    print_list(
        jobs,
        ("id", "pipeline", "status", "done", "failed", "of", "created", "reason"),
        lambda it: (
            str(it.id),
            it.pipeline_slug,
            format_job_state(it),
            it.progress.completed,
            it.progress.failed,
            it.progress.total,
            it.created_at,
            it.status_reason,
        ),
        as_json=as_json,
    )


@app.command("cancel")
def cancel_job(job_id: JobId, *, as_json: AsJson = False) -> None:
    """Cancel a job; results are kept, tasks that are not done are dropped."""
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect

    with connect() as server:
        job = server.transition_job(job_id, "cancel")
    if as_json:
        print_json(job)
    else:
        print(
            f"Job {job.id} is {job.status}: {job.progress.completed} of {job.progress.total} "
            "images done."
        )


@app.command("pause")
def pause_job(job_id: JobId, *, as_json: AsJson = False) -> None:
    """Pause a job: its tasks are no longer leased; leased tasks continue."""
    _change_state(job_id, "pause", as_json=as_json)


@app.command("resume")
def resume_job(job_id: JobId, *, as_json: AsJson = False) -> None:
    """Resume a paused job: its tasks are leased again."""
    _change_state(job_id, "resume", as_json=as_json)


@app.command("priority")
def set_priority(
    job_id: JobId,
    priority: Annotated[str, typer.Argument(help="low, normal or high.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Set the priority of a job, also while it is running.

    Example: `trapline job priority 12 high`
    """
    from trapline.cli.server_session import connect
    from trapline.wire.jobs import JobUpdate

    change = JobUpdate(priority=parse_priority(priority))
    with connect() as server:
        print_job_state(server.update_job(job_id, change), as_json=as_json)


@app.command("failures")
def show_failures(
    job_id: JobId,
    *,
    reason: Annotated[
        str | None,
        typer.Option(help="List the images that failed for this reason or with this error."),
    ] = None,
    task: Annotated[str | None, typer.Option(help="Show each attempt at this task.")] = None,
    limit: Annotated[int, typer.Option(help="Maximum number of images.", min=1, max=1000)] = 50,
    as_json: AsJson = False,
) -> None:
    """Show why images of a job failed: by reason, images of one reason, or attempts at a task.

    Example: `trapline job failures 12 --reason "failed to load image"`
    """
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect

    with connect() as server:
        if task is not None:
            history = server.get_task(job_id, _read_id(task))
            if as_json:
                print_json(history)
                return
            print(f"{history.filename}: {history.status}")
            print_table(
                ("attempt", "worker", "leased", "ended", "outcome", "error"),
                [
                    (it.number, it.worker, it.leased_at, it.ended_at, it.outcome, it.error)
                    for it in history.attempts
                ],
            )
        elif reason is not None:
            page = server.list_dead_letters(job_id, reason=reason, limit=limit)
            if as_json:
                print_json(page)
                return
            print_table(
                ("task", "image", "attempts", "failed", "error"),
                [
                    (it.analysis_id, it.filename, it.attempts, it.failed_at, it.error)
                    for it in page.results
                ],
            )
            if page.next:
                print(
                    f"{len(page.results):,} of "
                    f"{page.count:,}{'+' if page.count_is_estimate else ''} are listed."
                )
        else:
            failures = server.list_failures(job_id)
            if as_json:
                print_json(failures)
            elif not failures.results:
                print("No image of this job failed.")
            else:
                print_table(
                    ("images", "reason"), [(it.images, it.reason) for it in failures.results]
                )
                print(f"Show one reason: trapline job failures {job_id} --reason REASON")


@app.command("retry")
def retry_job(
    job_id: JobId,
    *,
    reason: Annotated[
        str | None, typer.Option(help="Only images that failed for this reason or with this error.")
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="Only this task; may be given several times.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Retry failed images: all, those of one reason, or some; successful results are kept.

    Example: `trapline job retry 12 --reason "failed to load image"`
    """
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.server_session import connect
    from trapline.wire.jobs import RetryRequest

    if reason is not None and task:
        raise CommandError("Give --reason or --task, not both.", ExitCode.WRONG_USAGE)
    ids = [_read_id(given) for given in task or []]
    wanted = (
        RetryRequest(reason=reason)
        if reason is not None
        else RetryRequest(analyses=ids)
        if ids
        else None
    )
    with connect() as server:
        print_job_state(server.retry_job(job_id, wanted), as_json=as_json)


def _change_state(job_id: int, verb: str, *, as_json: bool) -> None:
    from trapline.cli.server_session import connect

    with connect() as server:
        print_job_state(server.transition_job(job_id, verb), as_json=as_json)


def _read_id(given: str) -> "UUID":
    from uuid import UUID

    from trapline.cli.errors import CommandError, ExitCode

    try:
        return UUID(given)
    except ValueError:
        sentence = f"{given} is not the id of a task; `trapline job failures` lists them."
        raise CommandError(sentence, ExitCode.WRONG_USAGE) from None
