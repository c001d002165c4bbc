"""`trapline register`: tell a server which pipelines this machine offers."""

from typing import Annotated

import typer

from trapline.cli.failures import CommandFailed, Exit


def register(
    name: Annotated[
        str | None, typer.Option(help="The service's name; this host's is added. [TRAPLINE_SERVICE_NAME]")
    ] = None,
    project: Annotated[
        list[int] | None, typer.Option(help="A project to register with; without it, all projects of the token.")
    ] = None,
    pipeline: Annotated[
        list[str] | None,
        typer.Option("--pipeline", "-p", help="A pipeline to offer; without it, those that `trapline worker` runs."),
    ] = None,
    server: Annotated[str | None, typer.Option(help="The server's address. [TRAPLINE_SERVER]")] = None,
) -> None:
    """Offer this machine's pipelines to projects; the same again changes nothing.

    Prints one line a project, and ends with 1 if any of them failed.
    """
    from trapline.client import Retry, ServerRefused, ServerUnreachable, Trapline
    from trapline.worker.main import CannotStart, declare_pipelines
    from trapline.worker.settings import BadSettings, read_settings

    try:
        settings = read_settings(server=server, service_name=name)
        offered = declare_pipelines(settings, pipeline or [])
    except BadSettings as error:
        raise CommandFailed(str(error), Exit.WRONG_USAGE) from None
    except CannotStart as error:
        raise CommandFailed(str(error)) from None
    if not offered:
        raise CommandFailed("no pipeline is installed")
    retry = Retry(settings.retry_max, settings.retry_backoff)
    failed = 0
    with Trapline(settings.server, settings.token.get_secret_value(), retry=retry) as api:
        known = {found.id: found.name for found in api.list_worker_projects()}
        if not project and not known:
            raise CommandFailed("the token belongs to no project")
        for project_id in project or known:
            title = f"project {project_id} ({known[project_id]})" if project_id in known else f"project {project_id}"
            try:
                done = api.register_pipelines(project_id, settings.full_service_name, offered)
            except (ServerRefused, ServerUnreachable) as error:
                failed += 1
                typer.echo(f"{title}: {error}")
            else:
                created, updated = len(done.pipelines_created), len(done.pipelines_updated)
                typer.echo(f"{title}: created {created}, updated {updated}")
    if failed:
        raise typer.Exit(Exit.NOT_DONE)
