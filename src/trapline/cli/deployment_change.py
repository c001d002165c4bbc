"""`trapline deployment change`, `clock`, `export` and `import`: what is done to deployments that are there."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trapline.cli.options import AsJson, InProject
from trapline.cli.parameters import fill_form

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.deployments import Deployment

Named = Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="Its name or id.")]


def change_deployment(
    deployment: Named,
    *,
    project: InProject = None,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    lat: Annotated[float | None, typer.Option(min=-90, max=90, help="Degrees north.")] = None,
    lon: Annotated[float | None, typer.Option(min=-180, max=180, help="Degrees east.")] = None,
    uncertainty: Annotated[float | None, typer.Option(min=0, help="Of the place, in metres.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="What the camera's clock shows, such as Europe/Berlin.")] = None,
    camera: Annotated[str | None, typer.Option(help="Which camera it is.")] = None,
    habitat: Annotated[str | None, typer.Option(help="What it looks at.")] = None,
    notes: Annotated[str | None, typer.Option(help="What else is to be known.")] = None,
    start: Annotated[str | None, typer.Option(help="The day or moment it began.")] = None,
    end: Annotated[str | None, typer.Option(help="The day or moment it ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change a deployment; what is left out stays. `trapline deployment clock` sets its clock.

    Example: `trapline deployment change "Old oak" --habitat "beech forest" --end 2026-09-30`
    """
    from trapline.cli.moments import read_moment
    from trapline.wire.deployments import DeploymentChange

    given = {
        "name": name,
        "latitude": lat,
        "longitude": lon,
        "coordinate_uncertainty_m": uncertainty,
        "time_zone": time_zone,
        "camera": camera,
        "habitat": habitat,
        "notes": notes,
        "started_at": read_moment("--start", start),
        "ended_at": read_moment("--end", end),
    }
    change = fill_form(DeploymentChange, {k: v for k, v in given.items() if v is not None}, "deployment")
    with _open() as server:
        _tell(server.change_deployment(_find(server, project, deployment).id, change), "Changed", as_json=as_json)


def set_clock(
    deployment: Named,
    *,
    project: InProject = None,
    offset: Annotated[
        int | None, typer.Option(help="Seconds that are added to what the camera's clock said; -3600 is an hour less.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Back to the offset before.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; else it is only told what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what another clock offset would change; --apply sets it, which dates the images anew, --undo sets it back.

    Example: `trapline deployment clock "Old oak" --offset -3600`
    """
    from trapline.cli.failures import CommandFailed, Exit
    from trapline.cli.output import print_json, print_table
    from trapline.wire.deployments import DeploymentChange

    if (offset is None) != undo:
        raise CommandFailed("Give either --offset, to look or with --apply to set it, or --undo.", Exit.WRONG_USAGE)
    with _open() as server:
        found = _find(server, project, deployment)
        if offset is None:
            _tell(server.undo_clock(found.id), "Set back the clock of", as_json=as_json)
            return
        if apply:
            changed = server.change_deployment(found.id, DeploymentChange(clock_offset_s=offset))
            _tell(changed, "Set the clock of", as_json=as_json)
            return
        preview = server.preview_clock(found.id, offset)
    if as_json:
        print_json(preview)
        return
    print(
        f"{preview.moved} images would move; {preview.edited} dated by hand and "
        f"{preview.without_camera_time} without a camera's time would stay. Nothing was changed: --apply does it."
    )
    print_table(
        ("file", "taken", "would be"), [(it.filename, str(it.captured_at), str(it.would_be)) for it in preview.first]
    )


def delete_deployment(deployment: Named, *, project: InProject = None) -> None:
    """Delete a deployment that has neither images nor pull sources.

    Example: `trapline deployment delete "Old oak"`
    """
    with _open() as server:
        server.remove_deployment(_find(server, project, deployment).id)
    print("Deleted.")


def export_deployments(
    *,
    project: InProject = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="A file; - is standard output.")] = Path("-"),
) -> None:
    """Write a project's deployments as CSV, to be changed in a spreadsheet and taken back by `import`.

    Example: `trapline deployment export -o deployments.csv`
    """
    from trapline.cli.server import get_project

    with _open() as server:
        sheet = server.write_deployment_sheet(get_project(server, project).id)
    if output == Path("-"):
        sys.stdout.buffer.write(sheet)
    else:
        output.write_bytes(sheet)


def import_deployments(
    sheet: Annotated[typer.FileBinaryRead, typer.Argument(help="CSV; - is stdin.")],
    *,
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """Make and change deployments as a CSV says, known by their names: all of them, or none if a line is wrong.

    Example: `trapline deployment import deployments.csv`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server import get_project

    with _open() as server:
        taken = server.take_deployment_sheet(get_project(server, project).id, sheet.read())
    if as_json:
        print_json(taken)
    else:
        print(f"{taken.made} made, {taken.changed} changed, {taken.unchanged} as they were")


def _open() -> "Trapline":
    from trapline.cli.server import open_server

    return open_server()


def _find(server: "Trapline", project: str | None, named: str) -> "Deployment":
    from trapline.cli.server import get_deployment, get_project

    return get_deployment(server, get_project(server, project), named)


def _tell(deployment: "Deployment", done: str, *, as_json: bool) -> None:
    from trapline.cli.output import print_json

    if as_json:
        print_json(deployment)
    else:
        print(f"{done} {deployment.name}.")
