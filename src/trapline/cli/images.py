"""`trapline images`: bring pictures in from a folder."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Images are pictures of a deployment.", no_args_is_help=True, rich_markup_mode="markdown")

ENDINGS = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".heif"})
FILES_AT_ONCE = 20
BYTES_AT_ONCE = 64 * 1024 * 1024


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
    from trapline.wire.images import Upload, UploadedFile

    files = find_pictures(folder)
    if not files:
        raise CommandFailed(f"There is no picture in {folder}. Taken are: {', '.join(sorted(ENDINGS))}.")
    console = make_console(to_errors=True)
    told: list[UploadedFile] = []
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
        done = 0

        def show(sent: int, _total: int) -> None:
            progress.update(task, completed=done + sent)

        for batch in split_batches(files):
            told += server.upload_images(batch, project=within.id, deployment=place, progress=show).files
            done += sum(path.stat().st_size for path in batch)
    counts = {outcome: sum(it.outcome == outcome for it in told) for outcome in ("imported", "duplicate", "refused")}
    if as_json:
        print_json(Upload(**counts, files=told))
    else:
        print(f"{counts['imported']} imported, {counts['duplicate']} already there, {counts['refused']} refused")
        for it in told:
            if it.outcome == "refused":
                console.print(f"{it.filename}: {it.detail}", markup=False)
    if counts["refused"]:
        raise typer.Exit(1)


def find_pictures(folder: Path) -> list[Path]:
    """Find the pictures of a folder and its sub-folders by their names, without hidden ones, in order."""
    if folder.is_file():
        return [folder]
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in ENDINGS
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def split_batches(files: list[Path]) -> list[list[Path]]:
    """Split files into requests of at most 20 files and about 64 MiB."""
    batches: list[list[Path]] = []
    size = 0
    for path in files:
        length = path.stat().st_size
        if not batches or len(batches[-1]) >= FILES_AT_ONCE or size + length > BYTES_AT_ONCE:
            batches.append([])
            size = 0
        batches[-1].append(path)
        size += length
    return batches
