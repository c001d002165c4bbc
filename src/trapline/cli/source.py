"""`trapline source`: places that are polled for images."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.projects import Project
    from trapline.wire.sources import Run, Source, SourceTest

app = typer.Typer(
    help="A pull source is an outside place that is polled for images.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]
InProject = Annotated[str | None, typer.Option("--project", help="Name or id; not needed if you have one project.")]
Named = Annotated[str, typer.Argument(metavar="SOURCE", help="Its name or id.")]
TestFiles = Annotated[int, typer.Option("--test-files", min=0, max=20, help="How many files are fetched to prove it.")]


@app.command("add")
def add_source(
    url: Annotated[str, typer.Argument(help="Such as http://camera.local/DCIM/ or file:///media/card/DCIM.")],
    *,
    name: Annotated[str | None, typer.Option(help="What to call it; else its address.")] = None,
    project: InProject = None,
    deployment: Annotated[str | None, typer.Option(help="The deployment that its images belong to.")] = None,
    create_deployment: Annotated[str | None, typer.Option(help="Make a deployment of this name for it.")] = None,
    lat: Annotated[float | None, typer.Option(min=-90, max=90, help="Degrees north of the new deployment.")] = None,
    lon: Annotated[float | None, typer.Option(min=-180, max=180, help="Degrees east of the new deployment.")] = None,
    time_zone: Annotated[str, typer.Option(help="What the new deployment's camera shows.")] = "UTC",
    schedule: Annotated[
        str | None, typer.Option(help="Cron in the deployment's time zone; hourly if not given.")
    ] = None,
    max_files: Annotated[int | None, typer.Option(min=0, help="At most so many files a run; 0 is no limit.")] = None,
    include: Annotated[list[str] | None, typer.Option(help="Only such names, as in `IMG_*.JPG`.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="No such names.")] = None,
    time_pattern: Annotated[str | None, typer.Option(help="Time in names, as in `Aufnahme_YYMMDD_HHMM_*`.")] = None,
    username: Annotated[str | None, typer.Option(help="To sign in there; the password is asked for.")] = None,
    password: Annotated[str | None, typer.Option(envvar="TRAPLINE_SOURCE_PASSWORD", show_envvar=False)] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Prove it before it is added; nothing is added if it fails.")
    ] = False,
    test_files: TestFiles = 2,
    as_json: AsJson = False,
) -> None:
    """Add a pull source, and prove in the same command that it works.

    Example: `trapline source add http://camera.local/DCIM/ --create-deployment "Old oak" --lat 52.5 --lon 13.4 --test`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server import get_deployment, get_project, open_server
    from trapline.wire.deployments import NewDeployment
    from trapline.wire.sources import NewSource, SourceTrial

    if username is not None and password is None:
        password = typer.prompt("Password", hide_input=True)
    settings: dict[str, Any] = {
        "name": name or url[:255],
        "base_url": url,
        "schedule": schedule,
        "max_files_per_run": max_files,
        "include": include,
        "exclude": exclude,
        "filename_time_pattern": time_pattern,
        "auth_type": "basic" if username is not None else None,
        "auth_username": username,
        "auth_password": password if username is not None else None,
    }
    settings = {key: value for key, value in settings.items() if value is not None}
    with open_server() as server:
        within = get_project(server, project)
        settings["project"] = within.id
        if deployment:
            settings["deployment"] = get_deployment(server, within, deployment).id
        place = None
        if create_deployment and (place := _find_deployment(server, within, create_deployment)) is not None:
            settings["deployment"] = place
            create_deployment = None
        new_deployment = None
        if create_deployment:
            new_deployment = _checked(
                NewDeployment,
                project=within.id,
                name=create_deployment,
                latitude=lat,
                longitude=lon,
                time_zone=time_zone,
            )
        source = _checked(NewSource, **settings)
        if test:
            trial = SourceTrial(source=source, create_deployment=new_deployment)
            _tell_test(server.try_source(trial, test_files), as_json=False, to_errors=as_json, added=False)
        if new_deployment is not None:
            source = source.model_copy(update={"deployment": server.make_deployment(new_deployment).id})
            source = NewSource.model_validate(source.model_dump(exclude_unset=True))
        made = server.make_source(source)
    if as_json:
        print_json(made)
    else:
        print(f"Added {made.name} for {made.deployment_name}; polled: {made.schedule_in_words} ({made.time_zone})")
        print(f"Take what is there now: trapline source run {_quoted(made.name)} --wait")


@app.command("test")
def prove_source(
    source: Named, *, project: InProject = None, test_files: TestFiles = 2, as_json: AsJson = False
) -> None:
    """List what a run would take and fetch a few files to prove it; nothing is stored. Exit code 1 if it fails."""
    from trapline.cli.server import open_server

    with open_server() as server:
        found = get_source(server, project, source)
        _tell_test(server.prove_source(found.id, test_files), as_json=as_json, to_errors=False, added=True)


@app.command("list")
def list_sources(*, project: InProject = None, as_json: AsJson = False) -> None:
    """List pull sources, active and paused ones."""
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server import open_server

    with open_server() as server:
        sources = _list_all(server, project)
    if as_json:
        print_json(sources)
        return
    print_table(
        ("name", "deployment", "health", "last poll", "next poll", "imported", "waiting", "failed", "id"),
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
        if it.health == "failing":
            print(f"{it.name}: {it.health_detail}")


@app.command("run")
def run_source(
    source: Annotated[str | None, typer.Argument(metavar="[SOURCE]", help="Its name or id; or --all.")] = None,
    *,
    project: InProject = None,
    all_: Annotated[bool, typer.Option("--all", help="Every active source of the project.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Watch until it is over; exit code 1 if it failed.")] = False,
    max_files: Annotated[int | None, typer.Option(min=0, help="At most so many files; 0 is no limit.")] = None,
    as_json: AsJson = False,
) -> None:
    """Poll a source now, or every one.

    Example: `trapline source run "Old oak" --wait`
    """
    from trapline.cli.failures import CommandFailed, Exit
    from trapline.cli.output import print_json
    from trapline.cli.server import open_server

    if all_ == (source is not None):
        raise CommandFailed("Say which source, or --all.", Exit.WRONG_USAGE)
    with open_server() as server:
        sources = (
            [it for it in _list_all(server, project) if it.is_active]
            if all_
            else [get_source(server, project, source or "")]
        )
        begun = [(it, server.run_source(it.id, max_files).run_id) for it in sources]
        runs = [_wait(server, it, run_id) if wait else server.get_source_run(it.id, run_id) for it, run_id in begun]
    if as_json:
        print_json(runs)
    else:
        for (it, _), run in zip(begun, runs, strict=True):
            print(f"{it.name}: {describe_run(run)}")
    if wait and any(run.state.value != "completed" for run in runs):
        raise typer.Exit(1)


@app.command("pause")
def pause_source(source: Named, *, project: InProject = None, as_json: AsJson = False) -> None:
    """Stop polling a source; nothing is lost, and `resume` goes on."""
    _toggle(source, project, is_active=False, as_json=as_json)


@app.command("resume")
def resume_source(source: Named, *, project: InProject = None, as_json: AsJson = False) -> None:
    """Poll a paused source again."""
    _toggle(source, project, is_active=True, as_json=as_json)


@app.command("files")
def list_files(
    source: Named,
    *,
    project: InProject = None,
    state: Annotated[
        str | None, typer.Option(help="seen, imported, duplicate, skipped, failed or quarantined.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Let failed and quarantined files be tried again.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what became of each file of a source, and why."""
    from trapline.cli.output import print_json, print_table
    from trapline.cli.server import open_server

    with open_server() as server:
        found = get_source(server, project, source)
        if retry:
            released = server.retry_source_files(found.id)
            print_json(released) if as_json else print(f"{released.files} files will be tried again with the next run")
            return
        page = server.list_source_files(found.id, state=state, limit=limit)
    if as_json:
        print_json(page)
        return
    print_table(
        ("path", "state", "bytes", "attempts", "tried again", "why"),
        [(it.path, it.state.value, it.size, it.attempts, it.next_attempt_at, it.error) for it in page.results],
    )
    if page.next:
        print(f"{page.count:,} in all; --limit shows more")


@app.command("delete")
def delete_source(
    source: Named,
    *,
    project: InProject = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a source and its list of files. Its images stay."""
    from trapline.cli.server import open_server

    with open_server() as server:
        found = get_source(server, project, source)
        if not yes:
            typer.confirm(f"Delete {found.name}? Its {found.counts.imported:,} images stay.", abort=True)
        server.remove_source(found.id)
    print(f"Deleted {found.name}; its images stay")


def get_source(server: "Trapline", project: str | None, named: str) -> "Source":
    """The source with this name or id. Raises CommandFailed."""
    from trapline.cli.failures import CommandFailed

    sources = _list_all(server, project)
    for source in sources:
        if named in (source.name, str(source.id)):
            return source
    names = ", ".join(source.name for source in sources) or "none yet"
    raise CommandFailed(f"There is no pull source {named}. There: {names}.")


def describe_run(run: "Run") -> str:
    """A run in one line."""
    if run.state.value == "running":
        return f"run {run.id} has begun; trapline source list shows how it goes"
    told = f"{run.state.value}: {run.listed:,} listed, {run.imported:,} imported"
    for count, word in ((run.duplicate, "already there"), (run.skipped, "skipped"), (run.failed, "failed")):
        told += f", {count:,} {word}" if count else ""
    told += f", {run.seconds:.1f} s"
    if run.remaining:
        told += f"; {run.remaining:,} more wait for the next run"
    return told + (f" ({run.error})" if run.error else "")


def _list_all(server: "Trapline", project: str | None) -> "list[Source]":
    from trapline.cli.server import get_project

    chosen = get_project(server, project).id if project else None
    sources: list[Source] = []
    cursor = None
    while True:
        page = server.list_sources(project=chosen, limit=1000, cursor=cursor)
        sources += page.results
        cursor = page.next
        if cursor is None:
            return sources


def _find_deployment(server: "Trapline", project: "Project", name: str) -> Any:
    """The deployment of this name, if an earlier try of the same command made it."""
    return next((it.id for it in server.list_deployments(project.id) if it.name == name), None)


def _checked(kind: Any, **values: Any) -> Any:
    from pydantic import ValidationError

    from trapline.cli.failures import CommandFailed, Exit

    try:
        return kind(**values)
    except ValidationError as error:
        wrong = error.errors()[0]
        where = str(wrong["loc"][0]) if wrong["loc"] else "This"
        raise CommandFailed(f"{where} {wrong['msg'].removeprefix('Value error, ')}.", Exit.WRONG_USAGE) from None


def _wait(server: "Trapline", source: "Source", run_id: Any) -> "Run":
    from trapline.cli.output import make_console

    with make_console(to_errors=True).status(f"Polling {source.name}") as status:
        while (run := server.get_source_run(source.id, run_id)).state.value == "running":
            status.update(f"Polling {source.name}: {run.listed:,} listed, {run.imported:,} imported")
            time.sleep(0.3)
    return run


def _toggle(named: str, project: str | None, *, is_active: bool, as_json: bool) -> None:
    from trapline.cli.output import print_json
    from trapline.cli.server import open_server

    with open_server() as server:
        source = server.toggle_source(get_source(server, project, named).id, is_active=is_active)
    if as_json:
        print_json(source)
    else:
        print(f"{source.name} is {'polled again' if source.is_active else 'paused'}")


def _tell_test(test: "SourceTest", *, as_json: bool, to_errors: bool, added: bool) -> None:
    """Print what a test saw. Raises CommandFailed where it failed."""
    from trapline.cli.failures import CommandFailed
    from trapline.cli.output import make_console, print_json, print_table

    if as_json:
        print_json(test)
    elif test.files and not to_errors:
        print_table(
            ("file", "bytes", "pixels", "taken", "known from", "trouble"),
            [
                (
                    it.path,
                    it.size,
                    f"{it.width} × {it.height}" if it.width else None,
                    it.captured_at,
                    it.captured_at_source,
                    it.detail,
                )
                for it in test.files
            ],
        )
    if not test.ok:
        raise CommandFailed(f"The test failed: {test.detail.rstrip('.')}." + ("" if added else " Nothing was added."))
    if not as_json:
        make_console(to_errors=to_errors).print(test.detail, markup=False)


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)
