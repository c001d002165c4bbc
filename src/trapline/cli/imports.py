"""`trapline import`: results of other programs from files, and entries not imported."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from trapline.cli.options import AsJson, InProject

if TYPE_CHECKING:
    from collections.abc import Callable

    from trapline.client import Trapline
    from trapline.wire.imports import Import

app = typer.Typer(
    help=(
        "Import results of other programs: `trapline import megadetector results.json`.\n\n"
        "Images are matched by path, by the end of the path, or by an unambiguous file name. "
        "A file that is imported again stores nothing twice."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

FORMATS = {
    "megadetector": "Import batch results in the MegaDetector format.",
    "speciesnet": "Import predictions of SpeciesNet, in either form.",
    "coco": "Import a COCO data set: boxes, masks and keypoints, or COCO Camera Traps.",
    "camtrap-dp": "Import a Camtrap DP zip: observations and fields of deployments.",
}
SHOWN_FAULTS = 20
Named = Annotated[
    UUID,
    typer.Argument(metavar="IMPORT", help="ID of the import; `trapline import list` shows it."),
]


Folders = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FOLDER=DEPLOYMENT", help="Assign a folder of the file to a deployment; repeatable."
    ),
]


def _build_command(kind: str) -> "Callable[..., None]":
    def run_import(
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file.")],
        *,
        project: InProject = None,
        deployment: Annotated[
            str | None, typer.Option(help="Only images of this deployment: name or ID.")
        ] = None,
        model: Annotated[
            str | None, typer.Option(help="Name of the model; default: the name in the file.")
        ] = None,
        model_version: Annotated[
            str | None, typer.Option(help="Version; default: the version in the file.")
        ] = None,
        confidence_min: Annotated[
            float | None, typer.Option(min=0, max=1, help="Least confidence.")
        ] = None,
        nothing_is_blank: Annotated[
            bool,
            typer.Option(
                "--nothing-is-blank", help="COCO only: images without annotations are blank."
            ),
        ] = False,
        folder: Folders = None,
        no_wait: Annotated[
            bool, typer.Option("--no-wait", help="Submit the import and exit.")
        ] = False,
        as_json: AsJson = False,
    ) -> None:
        from trapline.cli.import_folders import read_folders
        from trapline.cli.server_session import connect, resolve_deployment, resolve_project

        with connect() as server:
            within = resolve_project(server, project)
            sent = server.import_results(
                file,
                kind,
                project=within.id,
                deployment=str(resolve_deployment(server, within, deployment).id)
                if deployment
                else None,
                model_name=model,
                model_version=model_version,
                confidence_min=confidence_min,
                nothing_is_blank="true" if nothing_is_blank else None,
                folders=read_folders(server, within.id, folder or []),
            )
            _finish(
                server, sent if no_wait else _watch(server, sent, quiet=as_json), as_json=as_json
            )

    run_import.__doc__ = (
        f"{FORMATS[kind]}\n\n"
        f"    Example: `trapline import {kind} FILE --project 'Forest edge'`\n    "
    )
    return run_import


for _kind in FORMATS:
    app.command(_kind)(_build_command(_kind))


def _watch(server: "Trapline", sent: "Import", *, quiet: bool) -> "Import":
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from trapline.cli.output import build_console

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = build_console(to_errors=True)
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("looking through", total=None)

        def show(current: "Import") -> None:
            if current.total is not None:
                bar.update(
                    task, description="importing", total=current.total, completed=current.done
                )

        return server.wait_for_import(sent.id, progress=show)


def _finish(server: "Trapline", result: "Import", *, as_json: bool) -> None:
    """Show the result of an import. Exit code 1 if some entries were not imported."""
    from trapline.cli.errors import CommandError
    from trapline.cli.output import print_json
    from trapline.wire.imports import LIVE, ImportState

    if as_json:
        print_json(result)
    else:
        _print_import(server, result)
    if result.state in LIVE:
        return
    if result.state != ImportState.COMPLETED:
        raise CommandError(result.error or f"The import is {result.state}.")
    if result.faults:
        raise CommandError(f"Problems: {result.faults:,}. Everything else was imported.")


def _print_import(server: "Trapline", result: "Import") -> None:
    from trapline.cli.import_folders import print_folders
    from trapline.wire.imports import LIVE

    if result.state in LIVE:
        print(f"{result.filename} is {result.state}. Watch it: trapline import show {result.id}")
        return
    print(
        f"{result.filename}: {result.done:,} of {result.total or 0:,} entries, {result.stored:,} "
        f"new results with {result.annotations:,} annotations, {result.unchanged:,} imported "
        "before."
    )
    counts = (
        (result.identifications, "new identifications"),
        (result.deployments, "deployments got values for empty fields"),
        (result.model_failures, "images on which the model failed"),
        (result.left_out, "left out, as requested or because they state nothing"),
        (result.unknown, "entries match no image"),
        (result.ambiguous, "entries match several images"),
    )
    for count, text in counts:
        if count:
            print(f"{count:,} {text}")
    if not result.faults:
        return
    if result.unknown or result.ambiguous:
        print_folders(server.list_import_folders(result.id), result)
    for one in server.list_import_faults(result.id, limit=SHOWN_FAULTS).results:
        named = f" ({one.file})" if one.file else ""
        print(f"{one.place}{named}: {one.message}")
    if result.faults > SHOWN_FAULTS:
        print(f"... and {result.faults - SHOWN_FAULTS:,} more: trapline import faults {result.id}")


@app.command("list")
def list_imports(*, project: InProject = None, as_json: AsJson = False) -> None:
    """List a project's imports, the newest first.

    Example: `trapline import list --project "Forest edge"`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, resolve_project
    from trapline.client import iterate

    with connect() as server:
        found = list(iterate(server.list_imports, project=resolve_project(server, project).id))
    columns = ("id", "file", "format", "state", "done", "of", "new", "faults", "by", "when")
    print_list(
        found,
        columns,
        lambda it: (
            it.id, it.filename, it.format, it.state, it.done, it.total, it.stored, it.faults,
            it.requested_by, it.created_at,
        ),
        as_json=as_json,
    )  # fmt: skip


@app.command("show")
def show_import(one: Named, *, as_json: AsJson = False) -> None:
    """Show the result of an import and its first problems.

    Example: `trapline import show 01a20233-40ad-73bd-ab44-0ecd7e8963fa`
    """
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect

    with connect() as server:
        found = server.get_import(one)
        if as_json:
            print_json(found)
            return
        if found.error:
            print(found.error)
        _print_import(server, found)


@app.command("faults")
def list_faults(one: Named, *, as_json: AsJson = False) -> None:
    """List the problems of an import, up to the first 10,000.

    Example: `trapline import faults 01a20233-40ad-73bd-ab44-0ecd7e8963fa`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect
    from trapline.client import iterate

    with connect() as server:
        found = list(iterate(lambda **page: server.list_import_faults(one, **page)))
    print_list(
        found,
        ("place", "file", "kind", "why"),
        lambda it: (it.place, it.file, it.kind, it.message),
        as_json=as_json,
    )


@app.command("folders")
def list_folders(one: Named, *, folder: Folders = None, as_json: AsJson = False) -> None:
    """List folders of a file whose entries match no image; --folder assigns one and reads the file
    again.

    Example: `trapline import folders 01a20233-40ad-73bd-ab44-0ecd7e8963fa --folder "Cam 1=Old oak"`
    """
    from trapline.cli.import_folders import print_folders, read_folders
    from trapline.cli.output import print_json
    from trapline.cli.server_session import connect

    with connect() as server:
        found = server.get_import(one)
        if folder:
            server.assign_import_folders(one, read_folders(server, found.project_id, folder))
            _finish(server, _watch(server, found, quiet=as_json), as_json=as_json)
            return
        folders = server.list_import_folders(one)
        if as_json:
            print_json(folders)
        else:
            print_folders(folders, found)


@app.command("cancel")
def cancel_import(one: Named) -> None:
    """Cancel an import; what is already imported is kept.

    Example: `trapline import cancel 01a20233-40ad-73bd-ab44-0ecd7e8963fa`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        found = server.cancel_import(one)
    print(f"{found.filename} is canceled. {found.done:,} entries were imported and are kept.")


@app.command("delete")
def delete_import(one: Named) -> None:
    """Delete an import and its errors; imported annotations are kept.

    Example: `trapline import delete 01a20233-40ad-73bd-ab44-0ecd7e8963fa`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        server.delete_import(one)
    print("Deleted. Imported annotations are kept.")
