"""`trapline job run`: a pipeline or a preset over images, pictures at addresses, or what fits a selection."""

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
            help="The pipeline's slug; the page lists them under Workers. Or a job's number."
        ),
    ] = None,
    *,
    preset: Annotated[
        str | None, typer.Option(help="Run this preset in the place of a pipeline.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", help="Name or id; where nothing else tells it.")
    ] = None,
    image: Annotated[
        list[str] | None, typer.Option(help="Only this image, by its id; several times for many.")
    ] = None,
    image_file: Annotated[
        Path | None,
        typer.Option(help="Only the images of this file, an id a line; - is standard input."),
    ] = None,
    url: Annotated[
        list[str] | None,
        typer.Option(help="A picture that the server fetches from there; several times for many."),
    ] = None,
    deployment: Annotated[
        str | None,
        typer.Option(
            help="Only the images of this deployment; pictures that are fetched go there."
        ),
    ] = None,
    sequence: Annotated[
        str | None, typer.Option(help="The images that are in this sequence now, by its id.")
    ] = None,
    captured_after: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Only images from then on, such as 2026-05-01 or a moment."
        ),
    ] = None,
    captured_before: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only images before that.")
    ] = None,
    unanalysed: Annotated[
        bool, typer.Option(help="Only images that this pipeline has not seen.")
    ] = False,
    parameter: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, read as JSON where it is; several times for many."),
    ] = None,
    parameter_file: Annotated[
        Path | None, typer.Option(help="A file with the parameters as a JSON object.")
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE of your own, told with the job; several times for many."),
    ] = None,
    priority: Annotated[
        str | None,
        typer.Option(help="low, normal or high; else the preset's, or normal.", show_default=False),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Makes the job once, however often this is called.")
    ] = None,
    later: Annotated[
        bool, typer.Option("--later", help="Only make it; `trapline job run N` starts it.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Watch until it ends; exit code 1 if it failed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a pipeline or a preset over a project's images; or, given its number, a job that was made
    with --later.

    Times without a zone are those of this machine.

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
            "Say what to run: either a pipeline, or --preset NAME.", ExitCode.WRONG_USAGE
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
            print(f"Job {job.id} is made. Start it: trapline job run {job.id}")
        else:
            print(f"Job {job.id} is queued. Watch it: trapline job show {job.id}")


def parse_priority(given: str) -> "JobPriority":
    """Read a priority; raises CommandFailed."""
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
    """Ask for a run; answers the job that it is."""
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
