"""`trapline restore`: restore a backup into a data folder."""

import asyncio
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trapline.cli.options import AsJson

if TYPE_CHECKING:
    from trapline.server.app.settings import Settings

UNFINISHED = "restore-unfinished"
"""A file in the data folder until its restore is complete; `trapline up` refuses such a folder."""


def restore(
    backup: Annotated[Path, typer.Argument(help="The folder that `trapline backup` wrote.")],
    *,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="An empty data folder. [TRAPLINE_DATA, ./trapline-data]"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into an empty data folder (and into an empty database, where DATABASE_URL
    names one).

    Compares the restored data with the backup, and decrypts every secret. A backup of an older
    version is migrated; one of a newer version is refused. Then start it with `trapline up`.

    Example: `trapline restore /backups/monday --data /srv/restored`
    """
    from trapline.cli.errors import CommandError
    from trapline.cli.output import build_console, print_json
    from trapline.server.app.settings import load_secret_keys, load_settings
    from trapline.server.operations.actions.backups import read_manifest
    from trapline.server.platform.db.migrations import is_empty
    from trapline.server.platform.postgres.data_folder import lock_folder

    settings = load_settings()
    folder = (data or settings.data).resolve()
    manifest = read_manifest(backup.resolve())
    if (folder / UNFINISHED).exists():
        raise CommandError(
            f"A restore into {folder} was not finished. Remove the folder and run it again."
        )
    if folder.exists() and any(folder.iterdir()):
        raise CommandError(
            f"{folder} is not empty. Nothing was restored; name an empty folder with --data."
        )
    if not manifest["has_secret_key"] and settings.secret_key is None:
        raise CommandError(
            "This backup has no secret key: set TRAPLINE_SECRET_KEY to the one of its server."
        )
    if settings.secret_key is not None:
        load_secret_keys(settings)  # refuses an invalid key before any change
    if settings.database_url is not None and not is_empty(settings.database_url.get_secret_value()):
        raise CommandError(
            "The database that DATABASE_URL names is not empty. Nothing was restored."
        )
    # After a signal, the command still stops the PostgreSQL that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    lock = lock_folder(folder)
    (folder / UNFINISHED).touch()
    try:
        result = _restore(backup.resolve(), settings.model_copy(update={"data": folder}), manifest)
    except BaseException:
        build_console(to_errors=True).print(
            f"Not restored. Remove {folder} before another attempt."
        )
        raise
    finally:
        lock.release()
    (folder / UNFINISHED).unlink()
    if as_json:
        print_json(result)
    else:
        print(
            f"Restored {result['rows'].get('images', 0):,} images, {result['files']:,} files, "
            f"{result['secrets']} secrets."
        )
        print(f"Start it with `trapline up --data {folder}`.")


def _restore(backup: Path, settings: "Settings", manifest: dict[str, Any]) -> dict[str, Any]:
    from pydantic import SecretStr

    from trapline.server.platform.postgres.key_file import NAME
    from trapline.server.platform.postgres.postgres import start_postgres, stop_postgres

    if manifest["has_secret_key"] and settings.secret_key is None:
        shutil.copy(backup / NAME, settings.data / NAME)
    if settings.database_url is not None:
        return asyncio.run(_restore_data(backup, settings, manifest))
    postgres = start_postgres(settings.data)
    try:
        return asyncio.run(
            _restore_data(
                backup,
                settings.model_copy(update={"database_url": SecretStr(postgres.url)}),
                manifest,
            )
        )
    finally:
        stop_postgres(postgres)


async def _restore_data(
    backup: Path, settings: "Settings", manifest: dict[str, Any]
) -> dict[str, Any]:
    from trapline.cli.output import build_console
    from trapline.server.app.app_startup import open_app_context
    from trapline.server.operations.actions.backups import (
        DUMP,
        restore_files,
        verify_restored,
        verify_rows,
    )
    from trapline.server.platform.db.migrations import migrate
    from trapline.server.platform.postgres.dumps import restore_database

    report = build_console(to_errors=True).print
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()
    report("The database is read.")
    await asyncio.to_thread(restore_database, settings.data, url, backup / DUMP)
    await verify_rows(url, manifest)
    # A backup of an older version is migrated before its tables are queried.
    await asyncio.to_thread(migrate, url)
    async with open_app_context(settings) as system:
        files = await restore_files(system, backup, report)
        report("Comparing the restored data with the backup.")
        secrets = await verify_restored(system, manifest, files)
    return {
        "rows": manifest["rows"],
        "files": files,
        "secrets": secrets,
        "folder": str(settings.data),
    }
