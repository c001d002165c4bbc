"""Locks that a backup holds while it copies, and a database that is migrated by hand."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from tests.conftest import fresh_database, make_system
from tests.support.project_with_roles import build_house
from tests.support.running_server import quiet_environment

from trapline.server.operations.actions.backups import MANIFEST, create_backup, read_manifest
from trapline.server.operations.actions.image_deletion import purge_discarded_files
from trapline.server.operations.queries.snapshots import open_snapshot
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Database
from trapline.server.platform.db.migrations import (
    find_present,
    is_empty,
    list_revisions,
    migrate,
    newest,
)
from trapline.server.platform.errors import Conflict
from trapline.server.platform.imaging.decoder_pool import DecoderPool
from trapline.server.platform.postgres.postgres import Postgres

SCOPE = Scope.system()
KEY = "thumbs/0197d3a0-5f1e-7000-8000-000000000000/320.jpg"


async def test_no_stored_file_goes_while_a_backup_is_made(system: AppContext) -> None:
    async with system.store.receive() as incoming:
        incoming.write(b"a thumbnail")
        await system.store.keep(incoming, KEY)
    async with system.database.transaction(SCOPE) as tx:
        await tx.execute(
            "insert into discarded_files (key, project_id, due_at) values (%s, 1, now())", (KEY,)
        )
    async with open_snapshot(system.database.url):
        await purge_discarded_files(system, SCOPE)
        assert await system.store.find_size(KEY) == 11
    await purge_discarded_files(system, SCOPE)
    assert await system.store.find_size(KEY) is None


async def test_a_file_that_the_store_has_lost_is_named(system: AppContext, tmp_path: Path) -> None:
    await build_house(system, "house")  # its image is only a row
    (tmp_path / "data").mkdir()
    manifest = await create_backup(system, tmp_path / "data", tmp_path / "saved", lambda _: None)
    assert manifest["missing"] == ["originals/1/aa/aa"]
    assert manifest["files"] == 0
    assert manifest["has_secret_key"] is False, "the key of this one is not in its data folder"
    assert read_manifest(tmp_path / "saved") == manifest
    with pytest.raises(Conflict, match="is not empty"):
        await create_backup(system, tmp_path / "data", tmp_path / "saved", lambda _: None)
    (tmp_path / "saved" / MANIFEST).unlink()
    with pytest.raises(Conflict, match="not finished"):
        read_manifest(tmp_path / "saved")


async def test_a_backup_of_an_older_version_becomes_this_ones(
    postgres: Postgres, empty_database_url: str, tmp_path: Path
) -> None:
    older = list_revisions()[-2]
    migrate(empty_database_url, older)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(
            "insert into users (id, email, name, is_operator) values (gen_random_uuid(), "
            "'o@example.org', 'O', false)"
        )
    data, saved, folder = tmp_path / "data", tmp_path / "saved", tmp_path / "restored"
    data.mkdir()
    database, decoders = Database(empty_database_url), DecoderPool(processes=1)
    manifest = await create_backup(
        make_system(database, decoders, tmp_path / "store"), data, saved, lambda _: None
    )
    await decoders.close()
    await database.close()
    assert manifest["schema"] == older
    with fresh_database(postgres, "template1") as url:
        given = {"DATABASE_URL": url, "TRAPLINE_SECRET_KEY": "k" * 32}
        restored = await asyncio.to_thread(
            _run, tmp_path, "restore", str(saved), "--data", str(folder), **given
        )
        assert restored.returncode == 0, restored.stderr
        assert find_present(url) == newest()
        with psycopg.connect(url) as connection:
            assert connection.execute("select email from users").fetchall() == [("o@example.org",)]
        other = await asyncio.to_thread(
            _run, tmp_path, "restore", str(saved), "--data", str(tmp_path / "2"), **given
        )
        assert other.returncode == 1
        assert "DATABASE_URL names is not empty. Nothing was restored" in other.stderr
        assert not (tmp_path / "2").exists(), "it was refused, and something was made"
    told = saved / MANIFEST
    told.write_text(told.read_text("utf-8").replace(f'"{older}"', '"9999"'), "utf-8")
    with pytest.raises(Conflict, match=r"newer Trapline.*9999.*Nothing was restored"):
        read_manifest(saved)


def test_a_database_of_somebody_else_is_not_empty(empty_database_url: str) -> None:
    assert is_empty(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("create schema theirs")
        connection.execute("create table theirs.letters (id int)")
    assert not is_empty(empty_database_url)


def test_a_process_says_which_schema_it_meets(database_url: str, tmp_path: Path) -> None:
    """Older or newer than itself, it refuses to work on it, and changes nothing."""
    given = {
        "DATABASE_URL": database_url,
        "TRAPLINE_DATA": str(tmp_path),
        "TRAPLINE_LOG_FORMAT": "json",
    }
    for revision, told in (("0100", "Run `trapline migrate`"), ("9999", "newer than this program")):
        with psycopg.connect(database_url) as connection:
            connection.execute("update alembic_version set version_num = %s", (revision,))
        refused = _run(tmp_path, "background", **given)
        assert refused.returncode == 1
        assert told in json.loads(refused.stderr.splitlines()[-1])["reason"]
        assert find_present(database_url) == revision


def test_an_outside_database_is_migrated_by_hand(empty_database_url: str, tmp_path: Path) -> None:
    def run(**more: str) -> subprocess.CompletedProcess[str]:
        return _run(tmp_path, "migrate", **more)

    assert "DATABASE_URL is not set" in run().stderr
    first = run(DATABASE_URL=empty_database_url)
    assert first.stdout == f"Migrated from an empty database to {newest()}.\n", first.stderr
    assert run(DATABASE_URL=empty_database_url).stdout == f"The database is at {newest()}.\n"
    misspelt = run(DATABASE_URL=empty_database_url, TRAPLINE_PUBLIC_ULR="http://x")
    assert misspelt.returncode != 0
    assert "Did you mean TRAPLINE_PUBLIC_URL?" in misspelt.stderr


def _run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trapline.cli.main", *arguments],
        env=quiet_environment(**more), cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
