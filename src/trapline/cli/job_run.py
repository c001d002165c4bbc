"""`trapline job run`: run a pipeline or a preset over selected images or image URLs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trapline.cli.options import AsJson

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.jobs import Job, JobPriority


def run_job(
    pipeline: Annotated[
        str | None,
        typer.Argument(
            help="Slug of a pipeline, as listed under Workers on the page; or the number of a job."
        ),
    ] = None,
    *,
    preset: Annotated[
        str | None, typer.Option(help="Run this preset instead of a pipeline.")
    ] = None,
    project: Annotated[
        str | None,
        typer.Option("--project", help="Name or ID; required if no other option determines it."),
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(help="Only this image, by its ID; may be given several times."),
    ] = None,
    image_file: Annotated[
        Path | None,
        typer.Option(
            help="Only the images listed in this file, one ID per line; - is standard input."
        ),
    ] = None,
    url: Annotated[
        list[str] | None,
        typer.Option(help="URL of an image that the server downloads; may be given several times."),
    ] = None,
    deployment: Annotated[
        str | None,
        typer.Option(help="Only images of this deployment; downloaded images are added to it."),
    ] = None,
    sequence: Annotated[
        str | None, typer.Option(help="Only images that are in this sequence now, by its ID.")
    ] = None,
    captured_after: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Only images captured at or after this day or time, such as 2026-05-01.",
        ),
    ] = None,
    captured_before: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only images captured before this day or time."),
    ] = None,
    unanalysed: Annotated[
        bool, typer.Option(help="Only images that this pipeline has not analysed.")
    ] = False,
    parameter: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, where VALUE may be JSON; may be given several times."),
    ] = None,
    parameter_file: Annotated[
        Path | None, typer.Option(help="A file with the parameters as a JSON object.")
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, returned with the job; may be given several times."),
    ] = None,
    priority: Annotated[
        str | None,
        typer.Option(
            help="low, normal or high; by default that of the preset, else normal.",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Idempotency key: create the job only once.")
    ] = None,
    later: Annotated[
        bool,
        typer.Option(
            "--later", help="Create the job without starting it; `trapline job run N` starts it."
        ),
    ] = False,
    follow: Annotated[
        bool,
        typer.Option("--follow", help="Watch the job until it ends; exit code 1 if it failed."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a pipeline or a preset over images of a project, or start a job created with --later.

    Times without a zone are in the zone of this machine.

    Example: `trapline job run animal-detector --project "Forest edge" --deployment "Old oak"
    --follow`

    Example: `trapline job run --preset night --image-file ids.txt --parameter threshold=0.4
    --metadata ticket=7`
    """
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.job_display import print_job_state, wait_for_job
    from trapline.cli.output import print_json
    from trapline.cli.parameters import parse_parameters
    from trapline.cli.server_session import (
        connect,
        parse_job_id,
        resolve_deployment,
        resolve_project,
    )
    from trapline.cli.timestamps import parse_timestamp

    if (pipeline is None) == (preset is None):
        raise CommandError(
            "Specify what to run: a pipeline or --preset NAME.", ExitCode.WRONG_USAGE
        )
    images = [*(image or []), *(_read_lines(image_file) if image_file else [])]
    if image_file and not images:
        raise CommandError(f"{image_file} names no image.", ExitCode.WRONG_USAGE)
    content: dict[str, Any] = {
        "images": images,
        "urls": url,
        "sequence": sequence,
        "captured_after": parse_timestamp("--captured-after", captured_after),
        "captured_before": parse_timestamp("--captured-before", captured_before),
        "unanalysed_only": unanalysed,
    }
    wanted: dict[str, Any] = {
        "preset": preset,
        "pipeline": pipeline,
        "parameters": parse_parameters("--parameter", parameter, parameter_file),
        "priority": None if priority is None else parse_priority(priority),
        "metadata": parse_parameters("--metadata", metadata),
        "start": "later" if later else None,
    }
    with connect() as server:
        if pipeline is not None and (number := parse_job_id(pipeline)) is not None:
            print_job_state(server.transition_job(number, "run"), as_json=as_json)
            return
        if project or deployment or not (images or sequence):
            within = resolve_project(server, project)
            wanted["project"] = within.id
            content["deployment"] = (
                resolve_deployment(server, within, deployment).id if deployment else None
            )
        content = {name: value for name, value in content.items() if value}
        wanted = {name: value for name, value in wanted.items() if value}
        job = _run(server, wanted, content, key)
        if follow:
            wait_for_job(server, job.id, as_json=as_json)
        elif as_json:
            print_json(job)
        elif later:
            print(f"Job {job.id} is created. Start it: trapline job run {job.id}")
        else:
            print(f"Job {job.id} is queued. Watch it: trapline job show {job.id}")


def parse_priority(given: str) -> "JobPriority":
    """Parse a priority; raises CommandError."""
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.wire.jobs import JobPriority

    try:
        return JobPriority(given)
    except ValueError:
        raise CommandError(
            f"A priority is low, normal or high, not {given}.", ExitCode.WRONG_USAGE
        ) from None


def _run(
    server: "Trapline", wanted: dict[str, Any], content: dict[str, Any], key: str | None
) -> "Job":
    """Submit a run and return its job."""
    from trapline.cli.parameters import build_request
    from trapline.cli.server_session import parse_job_id
    from trapline.wire.runs import NewRun

    accepted = server.submit_run(
        build_request(NewRun, {**wanted, "content": content}, "run"), key=key
    )
    number = parse_job_id(accepted.job_id)
    assert number is not None, accepted.job_id
    return server.get_job(number)


def _read_lines(file: Path) -> list[str]:
    from trapline.cli.errors import CommandError, ExitCode

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read: {error}.", ExitCode.WRONG_USAGE) from None
    return text.split()
