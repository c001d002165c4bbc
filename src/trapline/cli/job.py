"""`trapline job`: run pipelines over images, and watch."""

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from trapline.client import Trapline
    from trapline.wire.jobs import JobDetail

app = typer.Typer(
    help="A job is one run of one pipeline over a selection of images.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]
InProject = Annotated[str | None, typer.Option("--project", help="Name or id; not needed if you have one project.")]
JobId = Annotated[int, typer.Argument(help="The job's number.")]
FINAL = ("completed", "failed", "canceled")


@app.command("run")
def run_job(
    pipeline: Annotated[str, typer.Argument(help="The pipeline's slug; the page lists them under Workers.")],
    *,
    project: InProject = None,
    deployment: Annotated[str | None, typer.Option(help="Only the images of this deployment.")] = None,
    unanalysed: Annotated[bool, typer.Option(help="Only images that this pipeline has not seen.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Watch until it ends; exit code 1 if it failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a pipeline over a project's images.

    Example: `trapline job run animal-detector --project "Forest edge" --deployment "Old oak" --follow`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server import get_deployment, get_project, open_server
    from trapline.wire.jobs import NewJob, Selection

    with open_server() as server:
        within = get_project(server, project)
        place = get_deployment(server, within, deployment).id if deployment else None
        selection = Selection(deployment=place, unanalysed_only=unanalysed)
        job = server.make_job(NewJob(project=within.id, pipeline=pipeline, selection=selection))
        if follow:
            _watch(server, job.id, as_json=as_json)
        elif as_json:
            print_json(job)
        else:
            print(f"Job {job.id} is queued. Watch it: trapline job show {job.id}")


@app.command("show")
def show_job(
    job_id: JobId,
    *,
    once: Annotated[bool, typer.Option("--once", help="Show it as it is now, and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a job, live until it ends."""
    from trapline.cli.output import make_console, print_json
    from trapline.cli.server import open_server

    with open_server() as server:
        if as_json:
            print_json(server.get_job(job_id))
        elif once or not make_console().is_terminal:
            make_console().print(draw_job(server.get_job(job_id)))
        else:
            _watch(server, job_id, as_json=False)


@app.command("list")
def list_jobs(*, project: InProject = None, as_json: AsJson = False) -> None:
    """List a project's jobs, newest first."""
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server import get_project, open_server

    with open_server() as server:
        jobs = server.list_jobs(get_project(server, project).id).results
    if as_json:
        print_json(jobs)
    else:
        print_table(
            ("id", "pipeline", "status", "done", "failed", "of", "asked for", "why"),
            [
                (
                    str(it.id),
                    it.pipeline_slug,
                    "paused" if it.paused else it.status,
                    it.progress.completed,
                    it.progress.failed,
                    it.progress.total,
                    it.created_at,
                    it.why,
                )
                for it in jobs
            ],
        )


@app.command("cancel")
def cancel_job(job_id: JobId, *, as_json: AsJson = False) -> None:
    """Cancel a job; what is done stays, what is not is dropped."""
    from trapline.cli.output import print_json
    from trapline.cli.server import open_server

    with open_server() as server:
        job = server.move_job(job_id, "cancel")
    if as_json:
        print_json(job)
    else:
        print(f"Job {job.id} is {job.status}: {job.progress.completed} of {job.progress.total} images were done.")


@app.command("retry")
def retry_job(job_id: JobId, *, as_json: AsJson = False) -> None:
    """Do what failed again; what succeeded stays."""
    from trapline.cli.output import print_json
    from trapline.cli.server import open_server

    with open_server() as server:
        job = server.move_job(job_id, "retry")
    if as_json:
        print_json(job)
    else:
        print(f"Job {job.id} is {job.status}. Watch it: trapline job show {job.id}")


def draw_job(job: "JobDetail") -> "RenderableType":
    """A job as a person sees it: a bar, one sentence, and what was found."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    from trapline.cli.output import describe_seconds

    progress = job.progress
    done = progress.completed + progress.failed + progress.canceled
    head = Text.assemble((f"Job {job.id} ", "bold"), f"{job.pipeline_slug} · {'paused' if job.paused else job.status}")
    figures = f"{done:,} of {progress.total:,}{'' if job.expanded else '+'} images"
    if job.images_per_s and job.status not in FINAL:
        figures += f" · {job.images_per_s:.1f} images/s"
    if job.seconds_left and job.status not in FINAL:
        figures += f" · {describe_seconds(job.seconds_left)} left"
    if progress.failed:
        figures += f" · {progress.failed:,} failed"
    bar = Table.grid(padding=(0, 2))
    bar.add_row(ProgressBar(total=max(progress.total, 1), completed=done, width=40), Text(figures))
    parts: list[RenderableType] = [head, bar, Text(job.why, style="dim")]
    if job.classes:
        table = Table("found", "boxes", box=None, pad_edge=False, header_style="bold")
        for name, count in sorted(job.classes.items(), key=lambda it: (-it[1], it[0])):
            table.add_row(Text(name), f"{count:,}")
        parts.append(table)
    parts += [Text(f"{it.images:,} failed: {it.reason}", style="red") for it in job.failures]
    return Group(*parts)


def follow(server: "Trapline", job_id: int, console: "Console") -> "JobDetail":
    """Draw a job until it ends, live on a terminal and once at the end elsewhere; answers how it ended."""
    from rich.live import Live

    job = server.get_job(job_id)
    with Live(draw_job(job), console=console, refresh_per_second=8) if console.is_terminal else nullcontext() as live:
        while job.status not in FINAL:
            time.sleep(0.2)
            job = server.get_job(job_id)
            if live is not None:
                live.update(draw_job(job))
    if not console.is_terminal:
        console.print(draw_job(job))
    return job


def _watch(server: "Trapline", job_id: int, *, as_json: bool) -> None:
    """Show a job until it ends; raises CommandFailed where it did not complete whole."""
    from trapline.cli.failures import CommandFailed
    from trapline.cli.output import make_console, print_json

    if as_json:
        job = server.get_job(job_id)
        while job.status not in FINAL:
            time.sleep(0.5)
            job = server.get_job(job_id)
        print_json(job)
    else:
        job = follow(server, job_id, make_console())
    if job.status != "completed" or job.progress.failed:
        raise CommandFailed(f"Job {job.id} ended {job.status}; {job.progress.failed} images failed.")
