"""`trapline backup`: save all data of a running server at one point in time."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from trapline.cli.options import AsJson

SHOWN = 20


def backup(
    into: Annotated[Path, typer.Argument(help="An empty or new folder.")],
    *,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="The data folder. [TRAPLINE_DATA, ./trapline-data]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a backup of the database, the files and the secret key, on the server's machine, while
    it runs.

    The folder contains everything, including the passwords of pull sources: keep it as safe as the
    server itself. Each original is compared with its SHA-256. Exits with 1 if files of the store
    are missing or damaged; all others are saved, damaged ones as they are, and their images are
    listed.

    Example: `trapline backup /backups/monday --data /srv/trapline`
    """
    from trapline.cli.errors import ExitCode
    from trapline.cli.output import build_console, print_json

    manifest = asyncio.run(
        _create_backup(into.resolve(), data, build_console(to_errors=True).print)
    )
    if as_json:
        print_json({"folder": str(into.resolve()), **manifest})
    else:
        key = (
            "with the secret key"
            if manifest["has_secret_key"]
            else "WITHOUT the secret key: save TRAPLINE_SECRET_KEY separately"
        )
        print(
            f"Saved {manifest['rows'].get('images', 0):,} images in {manifest['files']:,} files "
            f"({manifest['bytes'] / 1e9:,.2f} GB), {key}."
        )
    if manifest["missing"] or manifest["damaged"]:
        report = (
            f"{len(manifest['missing']):,} stored files are missing and "
            f"{len(manifest['damaged']):,} are damaged. All "
            "others were saved, and damaged files were saved unchanged; manifest.json lists them "
            "and their images. "
            "Run `trapline check files --repair`, then create another backup.\n"
        )
        for image in manifest["harmed_images"][:SHOWN]:
            report += (
                f"  image {image['image']} ({image['filename']}, project {image['project']}): "
                f"{image['file']}\n"
            )
        sys.stderr.write(report)
        raise typer.Exit(ExitCode.NOT_DONE)


async def _create_backup(into: Path, data: Path | None, report_progress: Any) -> dict[str, Any]:
    from trapline.cli.local_server import resolve_settings
    from trapline.server.app.app_startup import open_app_context
    from trapline.server.operations.actions.backups import create_backup

    settings = resolve_settings(data)
    async with open_app_context(settings) as system:
        return await create_backup(system, settings.data, into, report_progress)
