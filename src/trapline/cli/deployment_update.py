"""`trapline deployment update`, `clock`, `export` and `import`: change existing deployments."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trapline.cli.deployment_options import (
    OPTIONS,
    format_field,
    format_label,
    get_empty_value,
    list_local_times,
    set_zone,
    with_field_options,
)
from trapline.cli.options import AsJson, InProject
from trapline.cli.parameters import build_request
from trapline.wire.deployment_fields import DEPLOYMENT_FIELDS

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.deployments import Deployment

ZONES = {"given": "given", "coordinates": "of its coordinates", "default": "by default"}
Named = Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="Name or ID.")]


@with_field_options
def change_deployment(
    deployment: Named,
    *,
    project: InProject = None,
    name: Annotated[str | None, typer.Option(help="New name.")] = None,
    redate: Annotated[
        bool,
        typer.Option(
            "--redate-images",
            help="Recompute the capture times of existing images in the new time zone.",
        ),
    ] = False,
    clear: Annotated[
        list[str] | None,
        typer.Option(help="A field to clear, such as camera_height_m. Repeat for several."),
    ] = None,
    fields: dict[str, Any],
    as_json: AsJson = False,
) -> None:
    """Change a deployment; options that are not given stay the same.

    `trapline deployment clock` sets its clock.

    Example: `trapline deployment update "Old oak" --habitat "beech forest" --end 2026-09-30`
    """
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.wire.deployments import DeploymentUpdate

    given: dict[str, Any] = {field: get_empty_value(field) for field in clear or ()}
    for field in given.keys() & fields.keys():
        raise CommandError(
            f"--clear {field} and {OPTIONS[field].option} contradict each other. Use one of them.",
            ExitCode.WRONG_USAGE,
        )
    if name is not None:
        given["name"] = name
    if redate:
        given["redate_images"] = True
    with _open() as server:
        found = _find(server, project, deployment)
        _require_known_zone(found, fields)
        given |= set_zone(fields, fields.get("time_zone", found.time_zone))
        change = build_request(DeploymentUpdate, given, "deployment")
        _print_deployment(server.update_deployment(found.id, change), "Changed", as_json=as_json)


def _require_known_zone(found: "Deployment", fields: dict[str, Any]) -> None:
    """Raise CommandError if new coordinates can change the zone of times in the same request."""
    from trapline.cli.errors import CommandError, ExitCode

    can_change = (
        found.time_zone_source != "given"
        and not found.images
        and {"latitude", "longitude"} & fields.keys()
        and "time_zone" not in fields
    )
    for field in list_local_times(fields) if can_change else ():
        raise CommandError(
            f"{OPTIONS[field].option} has a time without a UTC offset, and the new coordinates can "
            "change the time zone. Nothing was changed. Add --time-zone or an offset.",
            ExitCode.WRONG_USAGE,
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
            help="Time zone of the camera's clock, applied to all images, such as Europe/Berlin."
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
    """Preview or set the clock offset and the time zone of a camera.

    --apply recomputes the capture times of the images. --undo restores the previous values.

    Examples: `trapline deployment clock "Old oak" --offset -3600`,
    `trapline deployment clock "Old oak" --time-zone Europe/Berlin --apply`
    """
    from trapline.cli.errors import CommandError, ExitCode
    from trapline.cli.output import print_json, print_table
    from trapline.wire.deployments import DeploymentUpdate

    if (offset is None and time_zone is None) != undo:
        raise CommandError(
            "Specify --offset, --time-zone or both (--apply sets them), or --undo.",
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
            _print_deployment(
                server.undo_clock_offset(found.id), "Restored the clock of", as_json=as_json
            )
            return
        if apply:
            changed = server.update_deployment(found.id, change)
            _print_deployment(changed, "Set the clock of", as_json=as_json)
            return
        preview = server.preview_clock_offset(found.id, offset, time_zone=time_zone)
    if as_json:
        print_json(preview)
        return
    print(
        f"The capture times of {preview.moved} images would change. {preview.edited} were set "
        f"by users and {preview.without_camera_time} do not come from the camera; these would not "
        "change. Nothing was changed. Add --apply to change the times."
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
    """Create and change deployments from a CSV, matched by their names: all of them, or none if a
    line is invalid.

    Example: `trapline deployment import deployments.csv`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import resolve_project

    with _open() as server:
        result = server.import_deployments_csv(resolve_project(server, project).id, sheet.read())
    if as_json:
        print_json(result)
    else:
        print(f"{result.created} created, {result.changed} changed, {result.unchanged} unchanged")


def _open() -> "Trapline":
    from trapline.cli.server_session import connect

    return connect()


def _find(server: "Trapline", project: str | None, named: str) -> "Deployment":
    from trapline.cli.server_session import resolve_deployment, resolve_project

    return resolve_deployment(server, resolve_project(server, project), named)


def _print_deployment(deployment: "Deployment", done: str, *, as_json: bool) -> None:
    from trapline.cli.output import print_json

    if as_json:
        print_json(deployment)
        return
    print(f"{done} {deployment.name}.")
    if deployment.capture_times_pending:
        print(
            f"The capture times of {deployment.images_dated} of {deployment.images_to_date} images "
            "are recomputed; the others follow."
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
    fields = {
        format_label(field): format_field(field, getattr(found, field))
        for field in DEPLOYMENT_FIELDS
        if field != "name"
    }
    shown = {"id": found.id, **fields, "time zone": zone, "dating": dated, "images": found.images,
        "last image": found.last_image_at,
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
