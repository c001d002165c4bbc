"""`trapline register`: register the pipelines of this machine with a server."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from trapline.cli.errors import CommandError, ExitCode

if TYPE_CHECKING:
    from trapline.wire.worker_projects import WorkerProject


def register(
    name: Annotated[
        str | None,
        typer.Option(help="The service's name; this host's is added. [TRAPLINE_SERVICE_NAME]"),
    ] = None,
    project: Annotated[
        list[str] | None,
        typer.Option(
            help="Name or number of a project; default: all projects of the token that are not "
            "archived."
        ),
    ] = None,
    pipeline: Annotated[
        list[str] | None,
        typer.Option(
            "--pipeline",
            "-p",
            help="A pipeline to offer; without it, those that `trapline worker` runs.",
        ),
    ] = None,
    server: Annotated[str | None, typer.Option(help="URL of the server. [TRAPLINE_SERVER]")] = None,
) -> None:
    """Register this machine's pipelines in projects. Registering them again changes nothing.

    Prints one line per project. Exit code 1 if a registration failed.
    """
    from trapline.client import ApiConnectionError, ApiStatusError, RetryPolicy, Trapline
    from trapline.worker.main import StartupError, declare_pipelines
    from trapline.worker.settings import WorkerSettingsError, load_settings

    try:
        settings = load_settings(server=server, service_name=name)
        offered = declare_pipelines(settings, pipeline or [])
    except WorkerSettingsError as error:
        raise CommandError(str(error), ExitCode.WRONG_USAGE) from None
    except StartupError as error:
        raise CommandError(str(error)) from None
    if not offered:
        raise CommandError("no pipeline is installed")
    retry = RetryPolicy(settings.retry_max, settings.retry_backoff)
    failed = 0
    with Trapline(settings.server, settings.token.get_secret_value(), retry=retry) as api:
        known = {found.id: found for found in api.list_worker_projects()}
        if not project and not known:
            raise CommandError("the token belongs to no project")
        for project_id in _find_projects(project, known.values()) if project else known:
            title = (
                f"project {project_id} ({known[project_id].name})"
                if project_id in known
                else f"project {project_id}"
            )
            if not project and known[project_id].archived_at is not None:
                typer.echo(f"{title}: skipped, it is archived")
                continue
            try:
                done = api.register_pipelines(project_id, settings.full_service_name, offered)
            except (ApiStatusError, ApiConnectionError) as error:
                failed += 1
                typer.echo(f"{title}: {error}")
            else:
                created, updated = len(done.pipelines_created), len(done.pipelines_updated)
                typer.echo(f"{title}: created {created}, updated {updated}")
    if failed:
        raise typer.Exit(ExitCode.NOT_DONE)


def _find_projects(named: Sequence[str], known: "Iterable[WorkerProject]") -> list[int]:
    """Find projects by name or number.

    A number that the token does not list is used as it is; the server validates it. Raises
    CommandError.
    """
    by_name: dict[str, list[int]] = {}
    for project in known:
        by_name.setdefault(project.name, []).append(project.id)
    found = []
    for name in named:
        ids = by_name.get(name) or ([int(name)] if name.isdecimal() else [])
        if len(ids) != 1:
            subject = "No project of this token has" if not ids else f"{len(ids)} projects have"
            names = ", ".join(by_name) or "none"
            raise CommandError(
                f"{subject} the name {name}. Nothing was registered. "
                f"Projects of the token: {names}."
            )
        found.append(ids[0])
    return found
