"""`trapline deployment update`, `clock`, `export` and `import`: what is done to deployments that are there."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trapline.cli.options import AsJson, InProject
from trapline.cli.parameters import build_request

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.deployments import Deployment

ZONES = {"given": "given", "coordinates": "of its coordinates", "default": "by default"}
Named = Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="Name or ID.")]


def change_deployment(
    deployment: Named,
    *,
    project: InProject = None,
    name: Annotated[str | None, typer.Option(help="New name.")] = None,
    lat: Annotated[float | None, typer.Option(min=-90, max=90, help="Degrees north.")] = None,
    lon: Annotated[float | None, typer.Option(min=-180, max=180, help="Degrees east.")] = None,
    uncertainty: Annotated[
        float | None, typer.Option(min=0, help="Of the place, in metres.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="Time zone of the camera's clock, such as Europe/Berlin.")
    ] = None,
    redate: Annotated[
        bool,
        typer.Option(
            "--redate-images", help="Date the existing images again in the new time zone."
        ),
    ] = False,
    camera: Annotated[str | None, typer.Option(help="Name or model of the camera.")] = None,
    habitat: Annotated[str | None, typer.Option(help="Habitat in front of the camera.")] = None,
    notes: Annotated[str | None, typer.Option(help="Notes.")] = None,
    start: Annotated[str | None, typer.Option(help="Day or time of the start.")] = None,
    end: Annotated[str | None, typer.Option(help="Day or time of the end.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change a deployment; what is left out stays. `trapline deployment clock` sets its clock.

    Example: `trapline deployment update "Old oak" --habitat "beech forest" --end 2026-09-30`
    """
    from trapline.cli.timestamps import parse_timestamp
    from trapline.wire.deployments import DeploymentUpdate

    given = {
        "name": name,
        "latitude": lat,
        "longitude": lon,
        "coordinate_uncertainty_m": uncertainty,
        "time_zone": time_zone,
        "redate_images": redate or None,
        "camera": camera,
        "habitat": habitat,
        "notes": notes,
        "started_at": parse_timestamp("--start", start),
        "ended_at": parse_timestamp("--end", end),
    }
    change = build_request(
        DeploymentUpdate, {k: v for k, v in given.items() if v is not None}, "deployment"
    )
    with _open() as server:
        _tell(
            server.update_deployment(_find(server, project, deployment).id, change),
            "Changed",
            as_json=as_json,
        )


def set_clock(
    deployment: Named,
    *,
    project: InProject = None,
    offset: Annotated[
        int | None,
        typer.Option(help="Seconds to add to the time of the camera; -3600 subtracts an hour."),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            help="Zone of the camera's clock in which all images are dated, such as Europe/Berlin."
        ),
    ] = None,
    undo: Annotated[
        bool, typer.Option("--undo", help="Restore the previous offset and zone.")
    ] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Apply the changes; by default they are only listed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what another clock offset or time zone would change; --apply dates the images, --undo
    sets it back.

    Examples: `trapline deployment clock "Old oak" --offset -3600`,
    `trapline deployment clock "Old oak" --time-zone Europe/Berlin --apply`
    """
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.output import print_json, print_table
    from trapline.wire.deployments import DeploymentUpdate

    if (offset is None and time_zone is None) != undo:
        raise CommandError(
            "Give --offset or --time-zone or both, to look or with --apply to set it, or --undo.",
            ExitCode.WRONG_USAGE,
        )
    wanted = {"clock_offset_s": offset, "time_zone": time_zone}
    change = build_request(
        DeploymentUpdate,
        {name: value for name, value in wanted.items() if value is not None}
        | {"redate_images": time_zone is not None},
        "deployment",
    )
    with _open() as server:
        found = _find(server, project, deployment)
        if undo:
            _tell(server.undo_clock_offset(found.id), "Set back the clock of", as_json=as_json)
            return
        if apply:
            changed = server.update_deployment(found.id, change)
            _tell(changed, "Set the clock of", as_json=as_json)
            return
        preview = server.preview_clock_offset(found.id, offset, time_zone=time_zone)
    if as_json:
        print_json(preview)
        return
    print(
        f"{preview.moved} images would move; {preview.edited} dated by hand and "
        f"{preview.without_camera_time} whose "
        "time needs neither zone nor offset would stay. Nothing was changed: --apply does it."
    )
    print_table(
        ("file", "taken", "would be"),
        [(it.filename, str(it.captured_at), str(it.would_be)) for it in preview.first],
    )


def delete_deployment(deployment: Named, *, project: InProject = None) -> None:
    """Delete a deployment that has neither images nor pull sources.

    Example: `trapline deployment delete "Old oak"`
    """
    with _open() as server:
        server.delete_deployment(_find(server, project, deployment).id)
    print("Deleted.")


def export_deployments(
    *,
    project: InProject = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="A file; - is standard output.")
    ] = Path("-"),
) -> None:
    """Write a project's deployments as CSV, to edit in a spreadsheet and import again with
    `import`.

    Example: `trapline deployment export -o deployments.csv`
    """
    from trapline.cli.server_session import resolve_project

    with _open() as server:
        sheet = server.export_deployments_csv(resolve_project(server, project).id)
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
    """Make and change deployments as a CSV says, known by their names: all of them, or none if a
    line is wrong.

    Example: `trapline deployment import deployments.csv`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import resolve_project

    with _open() as server:
        taken = server.import_deployments_csv(resolve_project(server, project).id, sheet.read())
    if as_json:
        print_json(taken)
    else:
        print(f"{taken.created} made, {taken.changed} changed, {taken.unchanged} as they were")


def _open() -> "Trapline":
    from trapline.cli.server_session import connect

    return connect()


def _find(server: "Trapline", project: str | None, named: str) -> "Deployment":
    from trapline.cli.server_session import resolve_deployment, resolve_project

    return resolve_deployment(server, resolve_project(server, project), named)


def _tell(deployment: "Deployment", done: str, *, as_json: bool) -> None:
    from trapline.cli.output import print_json

    if as_json:
        print_json(deployment)
        return
    print(f"{done} {deployment.name}.")
    if deployment.capture_times_pending:
        print(
            f"{deployment.images_dated} of {deployment.images_to_date} images are dated again; the "
            "rest follow."
        )
    warn_of_utc(deployment)


def show_deployment(
    deployment: Named, *, project: InProject = None, as_json: AsJson = False
) -> None:
    """Show a deployment.

    Example: `trapline deployment show "Old oak"`
    """
    from trapline.cli.output import print_json, print_table

    with _open() as server:
        found = _find(server, project, deployment)
    if as_json:
        print_json(found)
        return
    zone = f"{found.time_zone} ({ZONES[found.time_zone_source]})"
    dated = (
        f"{found.images_dated} of {found.images_to_date} images"
        if found.capture_times_pending
        else "done"
    )
    shown = {
        "id": found.id, "latitude": found.latitude, "longitude": found.longitude,
        "uncertainty (m)": found.coordinate_uncertainty_m, "time zone": zone, "clock offset (s)": found.clock_offset_s,
        "dating": dated, "start": found.started_at, "end": found.ended_at, "camera": found.camera,
        "habitat": found.habitat, "notes": found.notes, "images": found.images, "last image": found.last_image_at,
    }  # fmt: skip
    print_table(
        ("field", found.name),
        [(name, "" if value is None else str(value)) for name, value in shown.items()],
    )
    warn_of_utc(found)


def warn_of_utc(deployment: "Deployment") -> None:
    """Print a warning if times of the camera were read as UTC because no time zone was given."""
    if not deployment.utc_assumed:
        return
    zone, name = deployment.suggested_time_zone or "ZONE", shlex.quote(deployment.name)
    print(
        "Warning: no time zone is set, and the times of its camera were read as UTC. To set the "
        "zone and correct the "
        f"times of its images: trapline deployment clock {name} --time-zone {zone} --apply; if its "
        "clock is in UTC: "
        f"trapline deployment update {name} --time-zone UTC",
        file=sys.stderr,
    )
