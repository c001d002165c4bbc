"""`trapline deployment`: create, list and change deployments."""

from typing import Annotated, Any

import typer

from trapline.cli.deployment_options import list_local_times, set_zone, with_field_options
from trapline.cli.deployment_update import (
    change_deployment,
    delete_deployment,
    export_deployments,
    import_deployments,
    set_clock,
    show_deployment,
)
from trapline.cli.options import AsJson, InProject
from trapline.cli.parameters import build_request

app = typer.Typer(
    help="Manage deployments: each is one camera at one place over one period.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("create")
@with_field_options
def create_deployment(
    name: Annotated[str, typer.Argument(help='Such as "Old oak".')],
    *,
    project: InProject = None,
    fields: dict[str, Any],
    as_json: AsJson = False,
) -> None:
    """Create a deployment.

    Example: `trapline deployment create "Old oak" --lat 52.5 --lon 13.4 --time-zone Europe/Berlin`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_project
    from trapline.wire.deployments import DeploymentUpdate, NewDeployment

    # The server determines the time zone of coordinates. Times in that zone are sent afterwards.
    is_zone_known = "time_zone" in fields or not {"latitude", "longitude"} & fields.keys()
    local = [] if is_zone_known else list_local_times(fields)
    first = {field: value for field, value in fields.items() if field not in local}
    with connect() as server:
        within = resolve_project(server, project)
        given = set_zone(first, fields.get("time_zone", "UTC"))
        new = build_request(
            NewDeployment, {"project": within.id, "name": name, **given}, "deployment"
        )
        created = server.create_deployment(new)
        if local:
            try:
                times = set_zone({field: fields[field] for field in local}, created.time_zone)
                change = build_request(DeploymentUpdate, times, "deployment")
                created = server.update_deployment(created.id, change)
            except Exception:
                server.delete_deployment(created.id)
                raise
    if as_json:
        print_json(created)
    else:
        print(
            f"Created deployment {created.name} in {within.name}, time zone {created.time_zone}: "
            f"{created.id}"
        )


@app.command("list")
def list_deployments(*, project: InProject = None, as_json: AsJson = False) -> None:
    """List a project's deployments."""
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_project

    with connect() as server:
        deployments = server.list_deployments(resolve_project(server, project).id)
    print_list(
        deployments,
        ("name", "latitude", "longitude", "time zone", "images", "last image", "id"),
        lambda it: (
            it.name,
            it.latitude,
            it.longitude,
            it.time_zone,
            it.images,
            it.last_image_at,
            it.id,
        ),
        as_json=as_json,
    )


app.command("show")(show_deployment)
app.command("update")(change_deployment)
app.command("clock")(set_clock)
app.command("delete")(delete_deployment)
app.command("export")(export_deployments)
app.command("import")(import_deployments)
