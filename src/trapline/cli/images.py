"""`trapline images`: bring pictures in from a folder."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Images are pictures of a deployment.", no_args_is_help=True, rich_markup_mode="markdown")


@app.callback()
def _images() -> None:
    """Images are pictures of a deployment."""


@app.command("upload")
def upload_images(
    folder: Annotated[
        Path, typer.Argument(exists=True, readable=True, help="A folder with its sub-folders, or a file.")
    ],
    *,
    project: Annotated[str | None, typer.Option(help="Name or id; not needed if you have one project.")] = None,
    deployment: Annotated[str | None, typer.Option(help="Name or id; else the project's default one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Upload every picture of a folder. What is there already is not stored twice; run it again after a break.

    Exit code 1 if a file was refused.

    Example: `trapline images upload DCIM/ --project "Forest edge" --deployment "Old oak"`
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from trapline.cli.failures import CommandFailed
    from trapline.cli.output import make_console, print_json
    from trapline.cli.server import get_deployment, get_project, open_server
    from trapline.client.errors import CallFailed
    from trapline.client.uploads import ENDINGS, find_pictures

    files = find_pictures(folder)
    if not files:
        raise CommandFailed(f"There is no picture in {folder}. Taken are: {', '.join(sorted(ENDINGS))}.")
    console = make_console(to_errors=True)
    with (
        open_server() as server,
        Progress(
            TextColumn("Uploading"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console,
            transient=True,
        ) as progress,
    ):  # fmt: skip
        within = get_project(server, project)
        place = get_deployment(server, within, deployment).id if deployment else None
        task = progress.add_task("", total=sum(path.stat().st_size for path in files))

        def show(sent: int, _total: int) -> None:
            progress.update(task, completed=sent)

        try:
            told = server.upload_images(files, project=within.id, deployment=place, progress=show)
        except CallFailed as failed:
            if failed.sent and failed.sent.files:
                console.print(f"{len(failed.sent.files)} files were sent before; the same command goes on from there.")
            raise
    if as_json:
        print_json(told)
    else:
        print(f"{told.imported} imported, {told.duplicate} already there, {told.refused} refused")
        for it in told.files:
            if it.outcome == "refused":
                console.print(f"{it.filename}: {it.detail}", markup=False)
    if told.refused:
        raise typer.Exit(1)
