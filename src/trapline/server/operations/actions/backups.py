"""Backups: a snapshot of the database with all files that its rows name, and the restore.

A backup is a folder with `database.dump`, the files by key in `files/`, `files.jsonl` with a line
per file, `secret-key` if the data folder has it, and `manifest.json`. The manifest is written last:
a folder without it is not a backup.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trapline import __version__
from trapline.server.operations.actions.key_rotation import verify_secrets
from trapline.server.operations.queries.snapshots import Snapshot, open_snapshot
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.migrations import can_migrate, find_present, newest
from trapline.server.platform.db.migrations.squash import describe_refusal
from trapline.server.platform.errors import Conflict, NotFound
from trapline.server.platform.postgres.data_folder import write_secret
from trapline.server.platform.postgres.dumps import dump_database
from trapline.server.platform.postgres.key_file import NAME, KeyFile
from trapline.server.platform.store.storage_keys import (
    THUMBNAIL_SIZES,
    build_thumbnail_key,
    is_artifact,
    parse_key,
    sha256_of,
)

FORMAT = 1
DUMP, FILES, INDEX, MANIFEST = "database.dump", "files", "files.jsonl", "manifest.json"
REPORT_EVERY = 1000

Report = Callable[[str], None]


async def create_backup(
    system: AppContext, data: Path, into: Path, report: Report
) -> dict[str, Any]:
    """Write a backup into an empty folder while the server runs; return its manifest.

    A file is stored before its row, and no file is deleted during the backup, so each row has its
    file. Each original is compared with its SHA-256. A damaged original is copied as it is and
    listed in the manifest.

    Raises:
        Conflict: the folder is not empty.
    """
    await asyncio.to_thread(_make_folder, into)
    url = system.database.url
    async with open_snapshot(url) as snapshot:
        report("The database is dumped.")
        await asyncio.to_thread(dump_database, data, url, snapshot.name, into / DUMP)
        counts = await snapshot.count_rows()
        copied = await _copy_files(system, snapshot, into, report)
    keys = system.secrets.by_version
    has_key = isinstance(keys, KeyFile)
    if has_key:
        write_secret(
            into / NAME,
            "\n".join(f"{version}:{key.decode()}" for version, key in sorted(keys.items())),
        )
    manifest = {
        "format": FORMAT,
        "version": __version__,
        "schema": await asyncio.to_thread(find_present, url),
        "made_at": datetime.now(UTC).isoformat(),
        "rows": counts,
        **copied,
        "has_secret_key": has_key,
    }
    draft = into / f".{MANIFEST}"
    await asyncio.to_thread(draft.write_text, json.dumps(manifest, indent=2), "utf-8")
    await asyncio.to_thread(os.sync)
    draft.rename(into / MANIFEST)
    return manifest


def _make_folder(into: Path) -> None:
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(into.iterdir()):
        raise Conflict(f"{into} is not empty. Nothing was written. Name an empty or new folder.")


async def _list_keys(snapshot: Snapshot) -> AsyncIterator[tuple[str, bool]]:
    """List the key of each file that a row names, and whether the file must exist."""
    async for key, must, image in snapshot.list_files():
        for one in (
            [key]
            if image is None
            else [build_thumbnail_key(image, size) for size in THUMBNAIL_SIZES]
        ):
            assert one is not None
            yield one, must


async def _copy_files(
    system: AppContext, snapshot: Snapshot, into: Path, report: Report
) -> dict[str, Any]:
    files = total = 0
    missing: list[str] = []
    damaged: list[str] = []
    with (into / INDEX).open("w", encoding="utf-8") as index:
        async for key, must in _list_keys(snapshot):
            line = await _copy_file(system, key, into / FILES)
            if line is None:
                missing += [key] if must else []
                continue
            sha256 = sha256_of(key)
            if sha256 not in (None, line["sha256"]):
                damaged.append(key)
            index.write(json.dumps(line) + "\n")
            files, total = files + 1, total + line["size"]
            if files % REPORT_EVERY == 0:
                report(f"{files:,} files, {total / 1e9:,.1f} GB.")
    images = [one async for one in snapshot.list_images_of([*missing, *damaged])]
    return {
        "files": files,
        "bytes": total,
        "missing": missing,
        "damaged": damaged,
        "harmed_images": images,
    }


async def _copy_file(system: AppContext, key: str, folder: Path) -> dict[str, Any] | None:
    """Copy one file; None if the store does not have it."""
    place = folder.joinpath(*parse_key(key))
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    try:
        with place.open("wb") as file:
            async for piece in system.store.open(key):
                await asyncio.to_thread(file.write, piece)
                digest.update(piece)
                size += len(piece)
    except NotFound:
        place.unlink()
        return None
    arrived = await system.store.find_uploaded(key) if is_artifact(key) else None
    return {
        "key": key,
        "size": size,
        "sha256": digest.hexdigest(),
        "media_type": arrived.media_type if arrived else None,
    }


def read_manifest(backup: Path) -> dict[str, Any]:
    """Read the manifest of a backup.

    Raises:
        Conflict: the folder is not a backup that this version can restore.
    """
    try:
        manifest: dict[str, Any] = json.loads((backup / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Conflict(
            f"{backup} is not a backup, or was not finished. Nothing was restored."
        ) from None
    if manifest.get("format") != FORMAT:
        raise Conflict(
            f"{backup} was created by Trapline {manifest.get('version')}, in a format that this "
            "version cannot read. Nothing was restored."
        )
    if (refusal := describe_refusal(manifest["schema"])) is not None:
        raise Conflict(f"{backup} cannot be restored by this version. {refusal}")
    if not can_migrate(manifest["schema"]):
        raise Conflict(
            f"{backup} was created by a newer Trapline ({manifest['version']}, schema "
            f"{manifest['schema']}); this version ({__version__}) knows schemas up to {newest()}. "
            "Nothing was restored. Use that version or a newer one."
        )
    return manifest


async def restore_files(system: AppContext, backup: Path, report: Report) -> int:
    """Import the files of a backup into the store; return their number.

    Raises:
        Conflict: a file of the backup is damaged.
    """
    done = 0
    with (backup / INDEX).open(encoding="utf-8") as index:
        for text in index:
            line = json.loads(text)
            async with system.store.receive() as incoming:
                with (backup / FILES).joinpath(*parse_key(line["key"])).open("rb") as file:
                    while piece := await asyncio.to_thread(file.read, 1 << 18):
                        await asyncio.to_thread(incoming.write, piece)
                if (incoming.size, incoming.sha256) != (line["size"], line["sha256"]):
                    raise Conflict(
                        f"{line['key']} in the backup has another SHA-256: it is damaged."
                    )
                await system.store.keep(incoming, line["key"], line["media_type"])
            done += 1
            if done % REPORT_EVERY == 0:
                report(f"{done:,} files.")
    return done


async def verify_rows(url: str, manifest: dict[str, Any]) -> None:
    """Compare the numbers of restored rows with the manifest.

    Raises:
        Conflict: a number differs.
    """
    async with open_snapshot(url) as snapshot:
        counts = await snapshot.count_rows()
    found = {table: counts.get(table) for table in manifest["rows"]}
    if found != manifest["rows"]:
        raise Conflict(
            f"The restored database differs from the backup: it has {found} rows, the backup "
            f"{manifest['rows']}."
        )


async def verify_restored(system: AppContext, manifest: dict[str, Any], files: int) -> int:
    """Require the file of each restored row, decrypt each secret, and return the number of secrets.

    Raises:
        Conflict: files are missing.
        DecryptionError: the secret key is another one.
    """
    missing = set(manifest["missing"])
    absent = 0
    async with open_snapshot(system.database.url) as snapshot:
        async for key, must in _list_keys(snapshot):
            is_missed = must and key not in missing
            absent += is_missed and await system.store.find_size(key) is None
    if files != manifest["files"] or absent:
        raise Conflict(
            f"The restored files differ from the backup: {files} files, {absent} rows without "
            "their file."
        )
    return (await verify_secrets(system, Scope.system("restore"))).total
