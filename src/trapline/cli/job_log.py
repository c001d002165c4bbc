"""`trapline job log` and `trapline job analyses`: the history and the analyses of a job."""

from itertools import islice
from typing import Annotated

import typer

from trapline.cli.options import AsJson

Limit = Annotated[int, typer.Option(min=1, help="Maximum number.")]
JobNamed = Annotated[str, typer.Argument(metavar="JOB", help="Number of the job, as 12 or job-12.")]


def show_log(job: JobNamed, *, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Show the history of a job, newest first: state changes and failed attempts.

    Example: `trapline job log 12`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect
    from trapline.client import iterate

    with connect() as server:
        found = list(islice(iterate(server.list_job_log, _read(job)), limit))
    print_list(
        found,
        ("when", "what", "by", "error"),
        lambda it: (it.at, it.what, it.by, it.error),
        as_json=as_json,
    )


def list_analyses(job: JobNamed, *, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the analyses of a job.

    Example: `trapline job analyses 12 --json | jq -r .[].id`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect
    from trapline.client import iterate

    with connect() as server:
        found = list(islice(iterate(server.list_job_analyses, _read(job)), limit))
    print_list(
        found,
        ("image", "status", "found", "completed", "id"),
        lambda it: (it.image_id, it.status.value, it.annotation_count, it.completed_at, it.id),
        as_json=as_json,
    )


def _read(job: str) -> int:
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.server_session import parse_job_id

    number = parse_job_id(job)
    if number is None:
        raise CommandError(
            f"{job} is not a job number, such as 12 or job-12.", ExitCode.WRONG_USAGE
        )
    return number
