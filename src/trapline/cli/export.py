"""`trapline export`: the observations of a project as one file in a standard format."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from trapline.cli.export_create import build_export_command
from trapline.cli.options import AsJson
from trapline.wire.exports import EXPORT_FORMATS

if TYPE_CHECKING:
    from trapline.wire.exports import Export

app = typer.Typer(
    help=(
        "Export the observations of selected images, at the time of the request, to one file.\n\n"
        "`trapline export csv -o observations.csv` creates an export and downloads it. The server "
        "keeps it for 30 days by default. See docs/how-to/export-observations.md."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Named = Annotated[
    UUID, typer.Argument(metavar="EXPORT", help="ID, as shown by `trapline export list`.")
]

for _format, _info in EXPORT_FORMATS.items():
    app.command(_format.value, help=f"{_info.title}. {_info.description}")(
        build_export_command(_format)
    )


@app.command("list")
def list_exports(
    *,
    project: Annotated[
        str | None, typer.Option(help="Name or ID; without it, all your projects.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List exports, the newest first.

    Example: `trapline export list`
    """
    from trapline.cli.output import print_list
    from trapline.cli.server_session import connect, list_in_project

    with connect() as server:
        found = list_in_project(server, server.list_exports, project)
    print_list(
        found,
        ("asked for", "format", "state", "images", "bytes", "deleted since", "by", "id"),
        lambda it: (
            it.created_at,
            it.format.value,
            it.state.value,
            it.images,
            it.size_bytes,
            it.deleted_since,
            it.requested_by,
            it.id,
        ),
        as_json=as_json,
    )


@app.command("show")
def show_export(export: Named, *, as_json: AsJson = False) -> None:
    """Show the progress of an export, its corrections and its problems.

    Example: `trapline export show ID`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        _print_export(server.get_export(export), as_json=as_json)


@app.command("download")
def download_export(
    export: Named,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="A file or a folder.")] = Path(),
) -> None:
    """Download the file of an export; an interrupted download continues where it ended.

    Example: `trapline export download ID -o observations.csv`
    """
    from trapline.cli.export_create import download_export_file
    from trapline.cli.server_session import connect

    with connect() as server:
        download_export_file(server, server.get_export(export), output)


@app.command("cancel")
def cancel_export(export: Named) -> None:
    """Cancel a running export.

    Example: `trapline export cancel ID`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        server.cancel_export(export)
    print("Canceled.")


@app.command("delete")
def delete_export(export: Named) -> None:
    """Delete an export and its file on the server.

    Example: `trapline export delete ID`
    """
    from trapline.cli.server_session import connect

    with connect() as server:
        server.delete_export(export)
    print("Deleted.")


def _print_export(export: "Export", *, as_json: bool) -> None:
    from trapline.cli.export_create import print_export_report
    from trapline.cli.output import print_json

    if as_json:
        print_json(export)
        return
    print(
        f"{export.format.value} (export {export.id}): {export.state.value}, {export.images:,} "
        "images"
    )
    if export.deleted_since:
        print(f"{export.deleted_since:,} of its images were deleted since.")
    print_export_report(export)
