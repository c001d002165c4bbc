"""`trapline export FORMAT`: request an export, show its progress and problems, and download it."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trapline.cli.observation_options import (
    CountMinOption,
    IndividualOption,
    KindOption,
    ModelClassOption,
    NeedsReviewOption,
    PersonOption,
    SourceOption,
)
from trapline.cli.options import AsJson, InProject
from trapline.wire.exports import ExportContent, ExportFormat
from trapline.wire.images import AnalysisStateFilter
from trapline.wire.sensitive_taxa import LocationAudience

if TYPE_CHECKING:
    from trapline.client import Trapline
    from trapline.wire.exports import Export, ExportProblem

MOST_PRINTED = 20


def build_export_command(form: ExportFormat) -> Callable[..., None]:
    """Build the command of a format."""

    def run_export(
        *,
        output: Annotated[
            Path | None,
            typer.Option(
                "--output", "-o", help="A file or a folder; without it nothing is downloaded."
            ),
        ] = None,
        project: InProject = None,
        deployment: Annotated[str | None, typer.Option(help="Name or ID.")] = None,
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
                help="Only truncated files, or only complete files.",
            ),
        ] = None,
        tag: Annotated[str | None, typer.Option(help="Only images with this tag.")] = None,
        job: Annotated[
            int | None, typer.Option(help="Only images of this job, by its number.")
        ] = None,
        sequence: Annotated[
            str | None, typer.Option(help="Only images of this sequence, by its ID.")
        ] = None,
        kind: KindOption = None,
        source: SourceOption = None,
        person: PersonOption = None,
        needs_review: NeedsReviewOption = None,
        individual: IndividualOption = None,
        count_min: CountMinOption = None,
        model_class: ModelClassOption = None,
        image: Annotated[
            list[str] | None, typer.Option(help="ID of an image; may be given several times.")
        ] = None,
        content: Annotated[
            ExportContent,
            typer.Option(help="The project's observations, or the raw output of models."),
        ] = ExportContent.OBSERVATIONS,
        audience: Annotated[
            LocationAudience | None,
            typer.Option(
                help="Show locations of sensitive taxa no more exactly than this role sees them; "
                "by default as you see them, and for Darwin Core as visitors do."
            ),
        ] = None,
        sure: Annotated[
            float | None,
            typer.Option(
                "--min",
                min=0,
                max=1,
                help="Minimum confidence of models; observations of people are always included.",
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
            Path | None, typer.Option(help="JSON file with options of the format.")
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
        conditions: dict[str, Any] = {
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
            "kind": kind,
            "source": source,
            "identified_by": person,
            "needs_review": needs_review,
            "individual": individual,
            "count_min": count_min,
            "model_class": model_class,
            "images": image,
        }
        with connect() as server:
            within = resolve_project(server, project)
            if deployment is not None:
                conditions["deployment"] = resolve_deployment(server, within, deployment).id
            if taxon is not None:
                conditions["taxon"] = resolve_taxon(server, within.id, taxon).id
            values = {
                "project": within.id,
                "format": form,
                "content": content,
                "selection": {
                    name: value for name, value in conditions.items() if value is not None
                },
                "options": options,
                "audience": audience,
            }
            export = _wait_for_export(
                server, server.create_export(build_request(NewExport, values, "export"))
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

    return run_export


def _wait_for_export(server: "Trapline", export: "Export") -> "Export":
    """Show the progress of an export on standard error until it ends, and return it."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from trapline.cli.output import build_console

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = build_console(to_errors=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(export.state.value, total=None)

        def show(current: "Export") -> None:
            bar.update(
                task,
                description=current.state.value,
                completed=current.images,
                total=current.expected,
            )

        return server.wait_for_export(export.id, progress=show)


def download_export_file(server: "Trapline", export: "Export", output: Path) -> None:
    """Download the file of an export and print its path; `-` is standard output."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    from trapline.cli.output import build_console

    if output == Path("-"):
        _write_to_stdout(server, export)
        return
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    console = build_console(to_errors=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=export.size_bytes)
        path = server.download_export(
            export,
            output,
            progress=lambda received, total: bar.update(task, completed=received, total=total),
        )
    print(f"{export.images:,} images in {path}", file=sys.stderr)


def _write_to_stdout(server: "Trapline", export: "Export") -> None:
    import shutil
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder, server.download_export(export, folder).open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)


def print_export_report(export: "Export") -> None:
    """Print corrected, omitted and invalid values on standard error."""
    _print_problems("Corrected:", export.fixed)
    _print_problems("Left out:", export.left_out)
    _print_problems("Invalid:", export.problems)
    if export.error:
        print(f"{export.state.value}: {export.error}", file=sys.stderr)
    elif export.state == "invalid":
        print(
            "The file is invalid and cannot be downloaded. Correct the problems and export again.",
            file=sys.stderr,
        )
    elif export.state not in ("ready", "invalid"):
        print(f"The export is {export.state.value}.", file=sys.stderr)


def _print_problems(heading: str, found: "Sequence[ExportProblem]") -> None:
    if not found:
        return
    print(heading, file=sys.stderr)
    for problem in found[:MOST_PRINTED]:
        where = f"{problem.deployment}: " if problem.deployment else ""
        times = f" ({problem.count:,} times)" if problem.count > 1 else ""
        print(f"  {where}{problem.what}{times}", file=sys.stderr)
    if len(found) > MOST_PRINTED:
        print(f"  and {len(found) - MOST_PRINTED} more", file=sys.stderr)
