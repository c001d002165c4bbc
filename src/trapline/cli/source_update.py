"""`trapline source update` and `trapline source runs`: change settings and list runs."""

from itertools import islice
from typing import Annotated

import typer

from trapline.cli.options import AsJson, InProject

Named = Annotated[str, typer.Argument(metavar="SOURCE", help="Name or ID of the source.")]


def change_source(
    source: Named,
    *,
    project: InProject = None,
    setting: Annotated[
        list[str],
        typer.Option(
            "--set",
            help="NAME=VALUE, where VALUE may be JSON and null clears a setting, such as schedule, "
            "base_url, include or auth_password; may be given several times.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Change settings of a source; other settings are kept. `trapline source list --json` shows
    the names.

    Example: `trapline source update "Old oak" --set 'schedule=0 * * * *' --set
    max_files_per_run=500`
    """
    from trapline.cli.output import print_json
    from trapline.cli.parameters import build_request, parse_parameters
    from trapline.cli.server_session import connect
    from trapline.cli.source_lookup import resolve_source
    from trapline.wire.sources import SourceSettings

    change = build_request(SourceSettings, parse_parameters("--set", setting), "source")
    with connect() as server:
        changed = server.update_source(resolve_source(server, project, source).id, change)
    if as_json:
        print_json(changed)
    else:
        print(f"Changed {changed.name}.")


def list_runs(
    source: Named,
    *,
    project: InProject = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number, newest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the runs of a source with their results.

    Example: `trapline source runs "Old oak"`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect
    from trapline.cli.source_lookup import resolve_source
    from trapline.client import iterate

    with connect() as server:
        found = list(
            islice(
                iterate(server.list_source_runs, resolve_source(server, project, source).id), limit
            )
        )
    print_list(
        found,
        ("began", "why", "state", "imported", "failed", "error"),
        lambda it: (it.started_at, it.trigger, it.state, it.imported, it.failed, it.error),
        as_json=as_json,
    )
