"""`trapline export FORMAT`: asks for an export, shows how far it is, says what was found wrong, and downloads it."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trapline.cli.options import AsJson, InProject
from trapline.wire.exports import ExportFormat
from trapline.wire.images import AnalysisStateFilter

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.exports import Export, ExportProblem

MOST_SAID = 20


def build_export_command(form: ExportFormat) -> Callable[..., None]:
    """Make the command of a format."""

    def make_export(
        *,
        output: Annotated[
            Path | None,
            typer.Option(
                "--output", "-o", help="A file or a folder; without it nothing is downloaded."
            ),
        ] = None,
        project: InProject = None,
        deployment: Annotated[str | None, typer.Option(help="Name or id.")] = None,
        named: Annotated[
            str | None, typer.Option("--class", help="Only images with this class.")
        ] = None,
        taxon: Annotated[
            str | None,
            typer.Option(help="Only images with this taxon: a scientific name or an ID."),
        ] = None,
        after: Annotated[
            str | None, typer.Option(help="Captured at or after this day or time.")
        ] = None,
        before: Annotated[
            str | None, typer.Option(help="Captured before this day or time.")
        ] = None,
        day_after: Annotated[
            str | None, typer.Option(help="Captured on this day or later, in local time.")
        ] = None,
        day_before: Annotated[
            str | None, typer.Option(help="Captured before this day, in local time.")
        ] = None,
        class_min: Annotated[
            float | None,
            typer.Option(min=0, max=1, help="Minimum confidence of the class, or of any class."),
        ] = None,
        state: Annotated[
            AnalysisStateFilter | None,
            typer.Option(help="Only images whose newest analysis has this state."),
        ] = None,
        reviewed: Annotated[
            bool | None,
            typer.Option(
                "--reviewed/--not-reviewed", help="Only images that are reviewed, or not."
            ),
        ] = None,
        blank: Annotated[
            bool | None,
            typer.Option(
                "--blank/--not-blank", help="Only blank images, or only images with findings."
            ),
        ] = None,
        starred: Annotated[bool, typer.Option("--starred", help="Only starred images.")] = False,
        camera_time: Annotated[
            bool | None,
            typer.Option(
                "--camera-time/--no-camera-time",
                help="Only images with a camera time, or with a file time.",
            ),
        ] = None,
        truncated: Annotated[
            bool | None,
            typer.Option(
                "--truncated/--not-truncated",
                help="Files that end before the image does, or others.",
            ),
        ] = None,
        tag: Annotated[str | None, typer.Option(help="Only images with this tag.")] = None,
        job: Annotated[
            int | None, typer.Option(help="Only images of this job, by its number.")
        ] = None,
        sequence: Annotated[
            str | None, typer.Option(help="Only images of this sequence, by its ID.")
        ] = None,
        image: Annotated[
            list[str] | None, typer.Option(help="ID of an image; may be given several times.")
        ] = None,
        sure: Annotated[
            float | None,
            typer.Option(
                "--min",
                min=0,
                max=1,
                help="Minimum confidence; identified annotations are always included.",
            ),
        ] = None,
        option: Annotated[
            list[str] | None,
            typer.Option(
                help='NAME=VALUE of the format, such as title="Forest edge"; may be given several '
                "times."
            ),
        ] = None,
        option_file: Annotated[
            Path | None, typer.Option(help="A JSON file with the same content.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        from trapline.cli.output import print_json
        from trapline.cli.parameters import build_request, parse_parameters
        from trapline.cli.server_session import (
            connect,
            resolve_deployment,
            resolve_project,
            resolve_taxon,
        )
        from trapline.cli.timestamps import parse_timestamp
        from trapline.wire.exports import NewExport

        options = parse_parameters("--option", option, option_file)
        if sure is not None:
            options["confidence_min"] = sure
        chosen: dict[str, Any] = {
            "class_name": named,
            "captured_after": parse_timestamp("--after", after),
            "captured_before": parse_timestamp("--before", before),
            "day_after": day_after,
            "day_before": day_before,
            "confidence_min": class_min,
            "analysis_state": state,
            "reviewed": reviewed,
            "blank": blank,
            "starred": starred or None,
            "camera_time": camera_time,
            "truncated": truncated,
            "tag": tag,
            "job": job,
            "sequence": sequence,
            "images": image,
        }
        with connect() as server:
            within = resolve_project(server, project)
            if deployment is not None:
                chosen["deployment"] = resolve_deployment(server, within, deployment).id
            if taxon is not None:
                chosen["taxon"] = resolve_taxon(server, within.id, taxon).id
            wanted = {
                "project": within.id,
                "format": form,
                "selection": {name: value for name, value in chosen.items() if value is not None},
                "options": options,
            }
            export = _follow(
                server, server.create_export(build_request(NewExport, wanted, "export"))
            )
            if as_json:
                print_json(export)
            else:
                print_export_report(export)
            if export.state != "ready":
                raise typer.Exit(1)
            if output is not None:
                download_export_file(server, export, output)
            elif not as_json:
                print(
                    f"{export.images:,} images. Download it: trapline export download {export.id}"
                )

    return make_export


def _follow(server: "Trapline", export: "Export") -> "Export":
    """Show on standard error how far it is, until it is made."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from trapline.cli.output import build_console

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = build_console(to_errors=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        task = shown.add_task(export.state.value, total=None)

        def show(now: "Export") -> None:
            shown.update(
                task, description=now.state.value, completed=now.images, total=now.expected
            )

        return server.wait_for_export(export.id, progress=show)


def download_export_file(server: "Trapline", export: "Export", output: Path) -> None:
    """Download it, and say where it is; `-` is standard output."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    from trapline.cli.output import build_console

    if output == Path("-"):
        _write_out(server, export)
        return
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = build_console(to_errors=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        task = shown.add_task("", total=export.size_bytes)
        place = server.download_export(
            export,
            output,
            progress=lambda received, total: shown.update(task, completed=received, total=total),
        )
    print(f"{export.images:,} images in {place}", file=sys.stderr)


def _write_out(server: "Trapline", export: "Export") -> None:
    import shutil
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder, server.download_export(export, folder).open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)


def print_export_report(export: "Export") -> None:
    """Say on standard error what was set right, what was left out, and what is wrong."""
    _say("Set right:", export.fixed)
    _say("Left out:", export.left_out)
    _say("Not valid:", export.problems)
    if export.error:
        print(f"{export.state.value}: {export.error}", file=sys.stderr)
    elif export.state == "invalid":
        print(
            "It is not valid, and cannot be downloaded. Put this right, and export again.",
            file=sys.stderr,
        )
    elif export.state not in ("ready", "invalid"):
        print(f"It is {export.state.value}.", file=sys.stderr)


def _say(lead: str, found: "Sequence[ExportProblem]") -> None:
    if not found:
        return
    print(lead, file=sys.stderr)
    for one in found[:MOST_SAID]:
        where = f"{one.deployment}: " if one.deployment else ""
        often = f" ({one.count:,} times)" if one.count > 1 else ""
        print(f"  {where}{one.what}{often}", file=sys.stderr)
    if len(found) > MOST_SAID:
        print(f"  and {len(found) - MOST_SAID} more", file=sys.stderr)
