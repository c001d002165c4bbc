"""`trapline source`: servers and folders that are polled for images."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trapline.cli.options import AsJson, InProject
from trapline.cli.source_add import HELP, add_source
from trapline.cli.source_events import source_events
from trapline.cli.source_folders import (
    grant_source_folder,
    list_source_folders,
    revoke_source_folder,
)
from trapline.cli.source_lookup import list_all_sources, resolve_source
from trapline.cli.source_show import format_run, show_source
from trapline.cli.source_update import change_source, list_runs

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.sources import PullRun, Source

app = typer.Typer(
    help="Manage pull sources: servers and folders that are polled for images.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Named = Annotated[str, typer.Argument(metavar="SOURCE", help="Name or ID of the source.")]
TestFiles = Annotated[
    int, typer.Option("--test-files", min=0, max=20, help="Number of files to download.")
]


app.command("add", help=HELP)(add_source)
app.command("events")(source_events)
app.command("show")(show_source)
app.command("update")(change_source)
app.command("runs")(list_runs)
app.command("folders")(list_source_folders)
app.command("grant")(grant_source_folder)
app.command("revoke")(revoke_source_folder)


@app.command("test")
def run_source_test(
    source: Named, *, project: InProject = None, test_files: TestFiles = 2, as_json: AsJson = False
) -> None:
    """Test a source: list the files that a run would import and download a few; nothing is stored.

    Exit code 1 if the test fails.
    """
    from trapline.cli.server_session import connect
    from trapline.cli.source_test_report import print_source_test

    with connect() as server:
        found = resolve_source(server, project, source)
        print_source_test(
            server.run_source_test(found.id, test_files),
            as_json=as_json,
            to_errors=False,
            added=True,
        )


@app.command("list")
def list_sources(*, project: InProject = None, as_json: AsJson = False) -> None:
    """List active and paused pull sources."""
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect

    with connect() as server:
        sources = list_all_sources(server, project)
    if as_json:
        print_json(sources)
        return
    print_table(
        (
            "name",
            "deployment",
            "health",
            "last poll",
            "next poll",
            "imported",
            "waiting",
            "failed",
            "id",
        ),
        [
            (
                it.name,
                it.deployment_name,
                it.health,
                it.last_pull_timestamp,
                it.next_run,
                it.counts.imported,
                it.counts.seen,
                it.counts.failed + it.counts.quarantined,
                it.id,
            )
            for it in sources
        ],
    )
    for it in sources:
        if it.health_detail:
            print(f"{it.name}: {it.health_detail}")


@app.command("run")
def run_source(
    source: Annotated[
        str | None, typer.Argument(metavar="[SOURCE]", help="Name or ID of the source; or --all.")
    ] = None,
    *,
    project: InProject = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Run all active sources of the project.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the run ends; exit code 1 if it failed.")
    ] = False,
    max_files: Annotated[
        int | None, typer.Option(min=0, help="Maximum number of files; 0 means no limit.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Poll a source now, or all active sources. A run that stops at its limit reports how many
    files remain.

    Example: `trapline source run "Old oak" --wait`
    """
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect
    from trapline.client import ApiStatusError

    if all_ == (source is not None):
        raise CommandError("Specify a source, or --all.", ExitCode.WRONG_USAGE)
    refused: list[str] = []
    with connect() as server:
        begun: list[tuple[Source, Any]] = []
        for it in _list_chosen(server, project, source):
            try:
                begun.append((it, server.run_source(it.id, max_files).run_id))
            except ApiStatusError as error:
                if not all_:
                    raise
                # An error of one source does not stop the others.
                refused.append(f"{it.name}: {error}")
        runs = [
            _wait(server, it, run_id) if wait else server.get_source_run(it.id, run_id)
            for it, run_id in begun
        ]
    if as_json:
        print_json(runs)
    else:
        for (it, _), run in zip(begun, runs, strict=True):
            print(f"{it.name}: {format_run(run)}")
        if all_ and not begun and not refused:
            print("No source is active.")
    if refused:
        raise CommandError("; ".join(refused), ExitCode.REFUSED)
    if wait and any(run.state.value != "completed" for run in runs):
        raise typer.Exit(1)


@app.command("pause")
def pause_source(source: Named, *, project: InProject = None, as_json: AsJson = False) -> None:
    """Pause polling a source; its file history is kept, and `resume` continues."""
    _toggle(source, project, is_active=False, as_json=as_json)


@app.command("resume")
def resume_source(source: Named, *, project: InProject = None, as_json: AsJson = False) -> None:
    """Resume polling a paused source."""
    _toggle(source, project, is_active=True, as_json=as_json)


@app.command("files")
def list_files(
    source: Named,
    *,
    project: InProject = None,
    state: Annotated[
        str | None, typer.Option(help="seen, imported, duplicate, skipped, failed or quarantined.")
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Retry failed and quarantined files.")
    ] = False,
    path: Annotated[str | None, typer.Option(help="Only this file, with --retry.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: AsJson = False,
) -> None:
    """List the files of a source with their state and the reason.

    Example: `trapline source files "Old oak" --state quarantined`, then `trapline source files "Old
    oak" --retry`
    """
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server_session import connect

    if path is not None and not retry:
        raise CommandError("--path requires --retry.", ExitCode.WRONG_USAGE)
    with connect() as server:
        found = resolve_source(server, project, source)
        if retry:
            released = server.retry_source_files(found.id, path)
            if path is not None and not released.files:
                raise CommandError(
                    f"No failed or quarantined file has the path {path}. Nothing was changed."
                )
            print_json(released) if as_json else print(
                f"Files to retry with the next run: {released.files:,}"
            )
            return
        page = server.list_source_files(found.id, state=state, limit=limit)
    if as_json:
        print_json(page)
        return
    print_table(
        ("path", "state", "bytes", "attempts", "next attempt", "reason"),
        [
            (it.path, it.state.value, it.size, it.attempts, it.next_attempt_at, it.error)
            for it in page.results
        ],
    )
    if page.next:
        print(f"{page.count:,} in total; --limit shows more")


@app.command("delete")
def delete_source(
    source: Named,
    *,
    project: InProject = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete a source and its file history; its images are kept."""
    from trapline.cli.server_session import connect

    with connect() as server:
        found = resolve_source(server, project, source)
        if not yes:
            typer.confirm(
                f"Delete {found.name}? Its {found.counts.imported:,} images are kept.", abort=True
            )
        server.delete_source(found.id)
    print(f"Deleted {found.name}; its images are kept.")


def _list_chosen(server: "Trapline", project: str | None, named: str | None) -> "list[Source]":
    """Return the source with this name or ID, or all active sources if no name is given."""
    if named is not None:
        return [resolve_source(server, project, named)]
    return [it for it in list_all_sources(server, project) if it.is_active]


def _wait(server: "Trapline", source: "Source", run_id: Any) -> "PullRun":
    from trapline.cli.output import build_console

    with build_console(to_errors=True).status(f"Polling {source.name}") as status:
        while (run := server.get_source_run(source.id, run_id)).state.value == "running":
            status.update(
                f"Polling {source.name}: {run.listed:,} listed, {run.imported:,} imported"
            )
            time.sleep(0.3)
    return run


def _toggle(named: str, project: str | None, *, is_active: bool, as_json: bool) -> None:
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect

    with connect() as server:
        source = server.toggle_source(
            resolve_source(server, project, named).id, is_active=is_active
        )
    if as_json:
        print_json(source)
    else:
        print(f"{source.name} is {'polled again' if source.is_active else 'paused'}")
