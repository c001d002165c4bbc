"""Backups: one moment of the database with every file that its rows speak of, and the way back.

A folder with `database.dump`, the files under their keys in `files/`, `files.jsonl` (a line a
file), `secret-key` where it is kept in the data folder, and `manifest.json`, which is written last:
without it a backup is none.
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
TELL_EVERY = 1000

Tell = Callable[[str], None]


async def create_backup(system: AppContext, data: Path, into: Path, tell: Tell) -> dict[str, Any]:
    """Write a backup into an empty folder while everything runs; answers its manifest.

    A file is stored before its row is written, and none is deleted meanwhile: so every row has its
    file. Each original is compared with its SHA-256 while it is copied. One that is damaged is
    copied as it is, and the manifest names it.
    """
    await asyncio.to_thread(_make_folder, into)
    url = system.database.url
    async with open_snapshot(url) as snapshot:
        tell("The database is written down.")
        await asyncio.to_thread(dump_database, data, url, snapshot.name, into / DUMP)
        counts = await snapshot.count_rows()
        copied = await _copy_files(system, snapshot, into, tell)
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
        raise Conflict(
            f"{into} is not empty. Nothing was written; name an empty folder, or one that is not there."
        )


async def _list_keys(snapshot: Snapshot) -> AsyncIterator[tuple[str, bool]]:
    """List the key of each file that a row speaks of, and whether it must be there."""
    async for key, must, image in snapshot.list_files():
        for one in (
            [key]
            if image is None
            else [build_thumbnail_key(image, size) for size in THUMBNAIL_SIZES]
        ):
            assert one is not None
            yield one, must


async def _copy_files(
    system: AppContext, snapshot: Snapshot, into: Path, tell: Tell
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
            if files % TELL_EVERY == 0:
                tell(f"{files:,} files, {total / 1e9:,.1f} GB.")
    images = [one async for one in snapshot.list_images_of([*missing, *damaged])]
    return {
        "files": files,
        "bytes": total,
        "missing": missing,
        "damaged": damaged,
        "harmed_images": images,
    }


async def _copy_file(system: AppContext, key: str, folder: Path) -> dict[str, Any] | None:
    """Copy one file; None where the store has none."""
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
    """Read what a backup says of itself.

    Raises Conflict where it is none, or not of a form that is known.
    """
    try:
        manifest: dict[str, Any] = json.loads((backup / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Conflict(
            f"{backup} is no backup, or one that was not finished. Nothing was restored."
        ) from None
    if manifest.get("format") != FORMAT:
        raise Conflict(
            f"{backup} was made by Trapline {manifest.get('version')}, which this one cannot read."
        )
    if (refusal := describe_refusal(manifest["schema"])) is not None:
        raise Conflict(f"{backup} cannot be restored by this version. {refusal}")
    if not can_migrate(manifest["schema"]):
        raise Conflict(
            f"{backup} was made by a newer Trapline ({manifest['version']}, schema {manifest['schema']}); this one "
            f"({__version__}) knows up to {newest()}. Nothing was restored; take that version or a newer one."
        )
    return manifest


async def restore_files(system: AppContext, backup: Path, tell: Tell) -> int:
    """Bring the files of a backup into the store; answers how many.

    Raises Conflict for one that is not as it was.
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
                        f"{line['key']} in the backup is not what was saved: it is damaged."
                    )
                await system.store.keep(incoming, line["key"], line["media_type"])
            done += 1
            if done % TELL_EVERY == 0:
                tell(f"{done:,} files.")
    return done


async def verify_rows(url: str, manifest: dict[str, Any]) -> None:
    """Compare the rows that were restored with those that were saved. Raises Conflict."""
    async with open_snapshot(url) as snapshot:
        counts = await snapshot.count_rows()
    found = {table: counts.get(table) for table in manifest["rows"]}
    if found != manifest["rows"]:
        raise Conflict(
            f"What was restored is not what was saved: {found} rows, and {manifest['rows']} were."
        )


async def verify_restored(system: AppContext, manifest: dict[str, Any], files: int) -> int:
    """Look for the file of every restored row, and open every secret; answers how many those are.

    Raises Conflict, and WrongKey where the key is another one.
    """
    missing = set(manifest["missing"])
    absent = 0
    async with open_snapshot(system.database.url) as snapshot:
        async for key, must in _list_keys(snapshot):
            is_missed = must and key not in missing
            absent += is_missed and await system.store.find_size(key) is None
    if files != manifest["files"] or absent:
        raise Conflict(
            f"What was restored is not what was saved: {files} files, {absent} rows without one."
        )
    return (await verify_secrets(system, Scope.system("restore"))).total
