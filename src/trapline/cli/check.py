"""`trapline check files`: compare every stored file with what its row says, and repair what can be repaired."""

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
    help="Check what the server stores, on the server's machine.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.callback()
def check() -> None:
    """Check what the server stores, on the server's machine."""


@app.command("files")
def check_files(
    *,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Fetch missing and damaged originals from the source they came from."
        ),
    ] = False,
    rate: Annotated[
        float,
        typer.Option(min=0, help="Read at most this many MiB a second; 0 is as fast as possible."),
    ] = 0,
    restart: Annotated[
        bool, typer.Option("--restart", help="Start again with the first image.")
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

    A check that was cut off continues where it was. Missing upright copies and thumbnails are made
    again. With `--repair` an original is fetched from its pull source and written only if its
    SHA-256 is that of the image; no other file is overwritten. An image whose files cannot be
    checked is reported, and the check continues. Exits with 1 if files stay missing or damaged, or
    were not checked: upload the same images again, or run the check again.

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
            "copies made again, "
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

    def found(one: "CheckedImage") -> None:
        about = {
            "image": str(one.image.id),
            "project": one.image.project_id,
            "filename": one.image.filename,
        }
        where = f"image {one.image.id} ({one.image.filename}, project {one.image.project_id})"
        for key, state in one.harmed.items():
            report["harmed"].append(
                {**about, "file": key, "state": state.value, "detail": one.why_not}
            )
            why = f"; {one.why_not}" if one.why_not else ""
            sys.stderr.write(f"{where}: {key} is {state.value}{why}\n")
        for key, state in one.repaired.items():
            report["repaired"].append({**about, "file": key, "state": state.value})
            sys.stderr.write(f"{where}: {key} was {state.value} and is repaired\n")
        for key in one.remade:
            report["remade"].append({**about, "file": key})
        if one.error is not None:
            report["unchecked"].append({**about, "detail": one.error})
            sys.stderr.write(f"{where}: not checked; {one.error}\n")

    def told(progress: Any) -> None:
        if progress.images % REPORT_EVERY == 0:
            sys.stderr.write(f"{progress.images:,} images, {progress.size_bytes / 1e9:,.1f} GB.\n")

    configure_logging(level="error")  # what is found is reported here
    given = load_settings()
    update: dict[str, object] = {"allow_private_sources": allows_private_sources(None, given)}
    if "source_folders" not in given.model_fields_set:
        update["source_folders"] = MEDIA_FOLDERS
    settings = resolve_settings(data)
    _require_owner(settings.data)
    # Sources are reached as under `trapline up`, which has these defaults.
    async with open_app_context(settings.model_copy(update=update)) as system:
        done = await check_all_files(
            system,
            Scope.system("check files"),
            repair=repair,
            per_s=rate * MIB,
            restart=restart,
            found=found,
            report_progress=told,
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
        f"The data folder {folder} belongs to the user {name}, and files that root writes could "
        "not be changed by the "
        f"server. Nothing was checked. Run the command as that user: sudo -u '{name}' trapline "
        "check files ..."
    )
