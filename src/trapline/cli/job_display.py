"""Display of a job on a terminal, live or once, and waiting for its end."""

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from trapline.client import Trapline
    from trapline.wire.jobs import Job, JobDetail

SHOWN_REASONS = 10
FINAL = ("completed", "failed", "canceled")


def print_job_state(job: "Job", *, as_json: bool) -> None:
    """Print the state of a job after a command changed it."""
    from trapline.cli.output import print_json

    if as_json:
        print_json(job)
    else:
        state = format_job_state(job)
        print(f"Job {job.id} is {state}. {job.status_reason} Watch it: trapline job show {job.id}")


def format_job_state(job: "Job") -> str:
    """Return the state of a job as one or two words."""
    return "not started" if job.not_started else "paused" if job.paused else job.status


def render_job(job: "JobDetail") -> "RenderableType":
    """Render a job: a progress bar, the reason of its state, classes and failures."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    from trapline.cli.output import format_duration

    progress = job.progress
    done = progress.completed + progress.failed + progress.canceled
    head = Text.assemble(
        (f"Job {job.id} ", "bold"), f"{job.pipeline_slug} · {format_job_state(job)}"
    )
    figures = f"{done:,} of {progress.total:,}{'' if job.expanded else '+'} images"
    if job.images_per_s and job.status not in FINAL:
        figures += f" · {job.images_per_s:.1f} images/s"
    if job.seconds_left and job.status not in FINAL:
        figures += f" · {format_duration(job.seconds_left)} left"
    if progress.failed:
        figures += f" · {progress.failed:,} failed"
    bar = Table.grid(padding=(0, 2))
    bar.add_row(ProgressBar(total=max(progress.total, 1), completed=done, width=40), Text(figures))
    parts: list[RenderableType] = [head, bar, Text(job.status_reason, style="dim")]
    if job.classes:
        table = Table("found", "boxes", box=None, pad_edge=False, header_style="bold")
        for name, count in sorted(job.classes.items(), key=lambda it: (-it[1], it[0])):
            table.add_row(Text(name), f"{count:,}")
        parts.append(table)
    if job.failures:
        failures = Table(
            "failed", "reason", box=None, pad_edge=False, header_style="bold", style="red"
        )
        for group in job.failures[:SHOWN_REASONS]:
            failures.add_row(f"{group.images:,}", Text(group.reason or "no reason was given"))
        parts.append(failures)
        rest = len(job.failures) - SHOWN_REASONS
        more = f"{rest} more reasons; " if rest > 0 else ""
        parts.append(Text(f"{more}details: trapline job failures {job.id}", style="dim"))
    return Group(*parts)


def display_job(server: "Trapline", job_id: int, console: "Console") -> "JobDetail":
    """Show a job until it ends, and return it: live on a terminal, else only the end."""
    from rich.live import Live

    job = server.get_job(job_id)
    with (
        Live(render_job(job), console=console, refresh_per_second=8)
        if console.is_terminal
        else nullcontext() as live
    ):
        while job.status not in FINAL:
            time.sleep(0.2)
            job = server.get_job(job_id)
            if live is not None:
                live.update(render_job(job))
    if not console.is_terminal:
        console.print(render_job(job))
    return job


def wait_for_job(server: "Trapline", job_id: int, *, as_json: bool) -> None:
    """Show a job until it ends.

    Raises:
        CommandError: the job was not completed, or some of its images failed.
    """
    from trapline.cli.errors import CommandError
    from trapline.cli.output import build_console, print_json

    if as_json:
        job = server.get_job(job_id)
        while job.status not in FINAL:
            time.sleep(0.5)
            job = server.get_job(job_id)
        print_json(job)
    else:
        job = display_job(server, job_id, build_console())
    if job.status != "completed" or job.progress.failed:
        raise CommandError(f"Job {job.id} ended {job.status}; {job.progress.failed} images failed.")
