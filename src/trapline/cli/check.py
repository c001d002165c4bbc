"""`trapline check files`: compare all stored files with their SHA-256, and repair damaged files."""

import asyncio
import os
import pwd
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trapline.cli.options import AsJson

if TYPE_CHECKING:
    from trapline.server.operations.actions.file_checks import CheckedImage

MIB = 1 << 20
REPORT_EVERY = 1000

app = typer.Typer(
    help="Check the stored files. Run it on the machine of the server.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.callback()
def check() -> None:
    """Make `files` a subcommand, so that the command is `trapline check files`."""


@app.command("files")
def check_files(
    *,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Download missing and damaged originals from their pull source."
        ),
    ] = False,
    rate: Annotated[
        float,
        typer.Option(min=0, help="Maximum MiB to read per second; 0 means no limit."),
    ] = 0,
    restart: Annotated[
        bool, typer.Option("--restart", help="Start with the first image again.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="The data folder. [TRAPLINE_DATA, ./trapline-data]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare every stored original with its SHA-256, while the server runs.

    Run it with the settings of `trapline up`, so that it reaches the same sources. Run it as the
    owner of the data folder: root is refused if another user owns it.

    An interrupted check continues where it stopped. Missing upright copies and thumbnails are
    created again. With `--repair`, a missing or damaged original is downloaded from its pull source
    and stored only if it has the SHA-256 of the image; no other file is overwritten. An image whose
    files cannot be checked is reported, and the check continues. Exits with 1 if files are still
    missing or damaged, or were not checked: upload the same images again, or run the check again.

    Example: `trapline check files --repair --rate 50 --data /srv/trapline`
    """
    from trapline.cli.errors import ExitCode
    from trapline.cli.output import print_json

    report = asyncio.run(_check(data, repair=repair, rate=rate, restart=restart))
    if as_json:
        print_json(report)
    else:
        print(
            f"Checked {report['images']:,} images ({report['bytes'] / 1e9:,.2f} GB): "
            f"{len(report['harmed']):,} files "
            f"missing or damaged, {len(report['repaired']):,} repaired, {len(report['remade']):,} "
            "copies regenerated, "
            f"{len(report['unchecked']):,} images not checked."
        )
    if report["harmed"] or report["unchecked"]:
        raise typer.Exit(ExitCode.NOT_DONE)


async def _check(data: Path | None, *, repair: bool, rate: float, restart: bool) -> dict[str, Any]:
    from trapline.cli.child_environments import MEDIA_FOLDERS, allows_private_sources
    from trapline.cli.local_server import resolve_settings
    from trapline.server.app.app_startup import open_app_context
    from trapline.server.app.settings import load_settings
    from trapline.server.operations.actions.file_checks import check_all_files
    from trapline.server.platform.access import Scope
    from trapline.server.platform.telemetry import configure_logging

    report: dict[str, Any] = {
        "images": 0,
        "bytes": 0,
        "harmed": [],
        "repaired": [],
        "remade": [],
        "unchecked": [],
    }

    def found(checked: "CheckedImage") -> None:
        about = {
            "image": str(checked.image.id),
            "project": checked.image.project_id,
            "filename": checked.image.filename,
        }
        image = checked.image
        where = f"image {image.id} ({image.filename}, project {image.project_id})"
        for key, state in checked.harmed.items():
            report["harmed"].append(
                {**about, "file": key, "state": state.value, "detail": checked.why_not}
            )
            why = f"; {checked.why_not}" if checked.why_not else ""
            sys.stderr.write(f"{where}: {key} is {state.value}{why}\n")
        for key, state in checked.repaired.items():
            report["repaired"].append({**about, "file": key, "state": state.value})
            sys.stderr.write(f"{where}: {key} was {state.value} and is repaired\n")
        for key in checked.remade:
            report["remade"].append({**about, "file": key})
        if checked.error is not None:
            report["unchecked"].append({**about, "detail": checked.error})
            sys.stderr.write(f"{where}: not checked; {checked.error}\n")

    def report_progress(progress: Any) -> None:
        if progress.images % REPORT_EVERY == 0:
            sys.stderr.write(f"{progress.images:,} images, {progress.size_bytes / 1e9:,.1f} GB.\n")

    configure_logging(level="error")  # this command prints the findings itself
    given = load_settings()
    update: dict[str, object] = {"allow_private_sources": allows_private_sources(None, given)}
    if "source_folders" not in given.model_fields_set:
        update["source_folders"] = MEDIA_FOLDERS
    settings = resolve_settings(data)
    _require_owner(settings.data)
    # These are the defaults of `trapline up`, so that the same pull sources can be reached.
    async with open_app_context(settings.model_copy(update=update)) as system:
        done = await check_all_files(
            system,
            Scope.system("check files"),
            repair=repair,
            per_s=rate * MIB,
            restart=restart,
            found=found,
            report_progress=report_progress,
        )
    return {**report, "images": done.images, "bytes": done.size_bytes}


def _require_owner(folder: Path) -> None:
    """Refuse root if another user owns the data folder. Raises CommandError."""
    from trapline.cli.errors import CommandError

    if not hasattr(os, "geteuid") or os.geteuid() != 0 or (owner := folder.stat().st_uid) == 0:
        return
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"#{owner}"
    raise CommandError(
        f"The data folder {folder} belongs to the user {name}. The server could not change "
        "files that root writes. Nothing was checked. Run the command as that user: "
        f"sudo -u '{name}' trapline check files ..."
    )
