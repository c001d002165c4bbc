"""`trapline deployment`: make, list and change deployments."""

from typing import Annotated

import typer

from trapline.cli.deployment_update import (
    change_deployment,
    delete_deployment,
    export_deployments,
    import_deployments,
    set_clock,
    show_deployment,
)
from trapline.cli.options import AsJson, InProject

app = typer.Typer(
    help="A deployment is one camera at one place over one period.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command("create")
def create_deployment(
    name: Annotated[str, typer.Argument(help='Such as "Old oak".')],
    *,
    project: InProject = None,
    lat: Annotated[float | None, typer.Option(min=-90, max=90, help="Degrees north.")] = None,
    lon: Annotated[float | None, typer.Option(min=-180, max=180, help="Degrees east.")] = None,
    uncertainty: Annotated[
        float | None, typer.Option(min=0, help="Of the coordinates, in metres.")
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            help="The zone of the camera's clock, such as Europe/Berlin; by default that of the "
            "coordinates, else UTC."
        ),
    ] = None,
    start: Annotated[str | None, typer.Option(help="Day or time of the start.")] = None,
    end: Annotated[str | None, typer.Option(help="Day or time of the end.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a deployment.

    Example: `trapline deployment create "Old oak" --lat 52.5 --lon 13.4 --time-zone Europe/Berlin`
    """
    from pydantic import ValidationError

    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect, resolve_project
    from trapline.cli.timestamps import parse_timestamp
    from trapline.wire.deployments import NewDeployment

    with connect() as server:
        within = resolve_project(server, project)
        try:
            new = NewDeployment.model_validate(
                {
                    "project": within.id,
                    "name": name,
                    "latitude": lat,
                    "longitude": lon,
                    "coordinate_uncertainty_m": uncertainty,
                    "time_zone": time_zone,
                    "started_at": parse_timestamp("--start", start),
                    "ended_at": parse_timestamp("--end", end),
                }
            )
        except ValidationError as error:
            wrong = error.errors()[0]
            sentence = f"{wrong['loc'][0]} {wrong['msg'].removeprefix('Value error, ')}."
            raise CommandError(sentence, ExitCode.WRONG_USAGE) from None
        made = server.create_deployment(new)
    if as_json:
        print_json(made)
    else:
        print(
            f"Created deployment {made.name} in {within.name}, time zone {made.time_zone}: "
            f"{made.id}"
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
