"""A change of the secret key with real rows: nothing is lost if it is killed or others write."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import LargeBinary, text
from tests.support.project_with_roles import House, build_house, fingerprint
from tests.support.running_server import quiet_environment

from trapline.server.app.tables import metadata
from trapline.server.operations.actions.key_rotation import count_secrets
from trapline.server.operations.queries.encrypted_columns import PLACES
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.postgres.key_file import KeyFile, parse_keys
from trapline.server.platform.vault import DecryptionError, SecretKeys, encrypt_secret
from trapline.server.sources.actions import event_secrets, sources
from trapline.server.sources.actions.gateways import decrypt_secrets
from trapline.server.sources.queries.sources import SourceRow, get_source_row
from trapline.wire.sources import AuthType, NewSource

SYSTEM = Scope.system()
OLD, NEW, WRONG = "an old key" * 4, "a new key" * 4, "a wrong key" * 4
MANY = 250
# How columns of bytes end that are no secrets at rest: digests, and what is packed.
PLAIN = ("sha256", "_hash", "digest", "answer", "content")


@pytest.fixture
async def house(system: AppContext) -> House:
    house = await build_house(system, "house")
    async with system.database.transaction(SYSTEM) as tx:
        key = UUID(house.ids["key_id"])
        await tx.session.execute(
            text("update callback_keys set sealed_secret = :sealed"),
            {
                "sealed": encrypt_secret(
                    keys({1: OLD}), "callback-secret", "callback_keys", key, "sealed_secret"
                )
            },
        )
        webhook = UUID(house.ids["webhook_id"])
        await tx.session.execute(
            text("update webhooks set secrets = :sealed"),
            {
                "sealed": encrypt_secret(
                    keys({1: OLD}), "webhook-secret", "webhooks", webhook, "secrets"
                )
            },
        )
    return house


def keys(by_version: dict[int, str]) -> SecretKeys:
    return SecretKeys({version: key.encode() for version, key in by_version.items()})


async def fill(system: AppContext, house: House, many: int) -> dict[UUID, str]:
    """Create sources with passwords and return the passwords. The first has an event secret."""
    made = {}
    for number in range(2):
        new = NewSource(
            name=f"source {number}",
            base_url="https://camera.example/",
            deployment=UUID(house.ids["deployment_id"]),
            auth_type=AuthType.BASIC,
            auth_username="ranger",
            auth_password=f"pw-{number}",
        )
        made[(await sources.create_source(system, SYSTEM, new)).id] = f"pw-{number}"
    first = next(iter(made))
    await event_secrets.create_event_secret(system, SYSTEM, first)
    async with system.database.transaction(SYSTEM) as tx:
        pattern = await get_source_row(SYSTEM, tx, first)
        columns = {
            column.key: getattr(pattern, column.key)
            for column in SourceRow.__table__.columns
            if column.key not in ("id", "name", "secrets", "event_secrets")
        }
        for number in range(2, many):
            row = SourceRow(**columns, id=UUID(int=number), name=f"source {number}")
            row.secrets = encrypt_secret(
                system.secrets, f'{{"password": "pw-{number}"}}', "pull_sources", row.id, "secrets"
            )
            tx.session.add(row)
            made[row.id] = f"pw-{number}"
    return made


async def passwords(system: AppContext, made: dict[UUID, str]) -> dict[UUID, str]:
    async with system.database.transaction(SYSTEM) as tx:
        return {
            key: decrypt_secrets(system, await get_source_row(SYSTEM, tx, key))["password"]
            for key in made
        }


def command(url: str, folder: Path, key: str | None, *more: str) -> subprocess.Popen[str]:
    settings = {"DATABASE_URL": url.replace("+psycopg", ""), "TRAPLINE_DATA": str(folder)}
    if key is not None:
        settings["TRAPLINE_SECRET_KEY"] = key
    return subprocess.Popen(
        [sys.executable, "-m", "trapline.cli.main", "secrets", "rotate", *more],
        env=quiet_environment(**settings), cwd=folder, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def rotate(url: str, folder: Path, key: str | None, *more: str, code: int = 0) -> str:
    running = command(url, folder, key, *more)
    out, err = running.communicate(timeout=60)
    assert running.returncode == code, out + err
    assert not any(secret in out + err for secret in (OLD, NEW, WRONG, "pw-")), "no secret is shown"
    return out + err


def rotate_and_kill_in_the_middle(url: str, folder: Path, key: str | None) -> None:
    """Kill the command while it waits for a row that another transaction has locked."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("select id from pull_sources where id = %s for update", (UUID(int=150),))
        running = command(url, folder, key)
        deadline = time.monotonic() + 30
        waiting = (
            "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = "
            "current_database()"
        )
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as other:
            while other.execute(waiting).fetchone() is None:
                assert running.poll() is None, running.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.02)
        os.kill(running.pid, signal.SIGKILL)
        running.communicate()


async def test_both_keys_live_in_two_processes_and_a_kill_in_the_middle_loses_nothing(
    system: AppContext, house: House, tmp_path: Path
) -> None:
    url = system.database.url
    before = replace(system, secrets=keys({1: OLD}))
    made = await fill(before, house, MANY)
    both = replace(system, secrets=keys({1: OLD, 2: NEW}))
    rotate_and_kill_in_the_middle(url, tmp_path, f"1:{OLD},2:{NEW}")
    seen = await count_secrets(both, SYSTEM)
    assert (seen.total, seen.versions) == (MANY + 3, (1, 2)), "some are done, and some are not"
    assert await passwords(both, made) == made
    # A process that was started before the change continues with the old key.
    late = NewSource(
        name="late",
        base_url="https://camera.example/",
        deployment=UUID(house.ids["deployment_id"]),
        auth_type=AuthType.BASIC,
        auth_username="ranger",
        auth_password="pw-late",
    )
    made[(await sources.create_source(before, SYSTEM, late)).id] = "pw-late"
    said = rotate(url, tmp_path, f"1:{OLD},2:{NEW}")
    assert "0 are left" in said
    assert "of " in said.splitlines()[0], "it tells how far it is"
    assert "Remove it from TRAPLINE_SECRET_KEY" in said
    assert await passwords(replace(system, secrets=keys({2: NEW})), made) == made
    with pytest.raises(DecryptionError, match="version 2"):
        await passwords(before, made)
    again = rotate(url, tmp_path, f"1:{OLD},2:{NEW}")
    assert "0 were encrypted with the new key, 0 are left" in again


async def test_a_wrong_or_a_single_key_changes_nothing(
    system: AppContext, house: House, tmp_path: Path
) -> None:
    await fill(replace(system, secrets=keys({1: OLD})), house, 3)
    before = await fingerprint(system.database)
    url = system.database.url
    assert "cannot be decrypted" in rotate(url, tmp_path, f"1:{WRONG},2:{NEW}", code=1)
    assert "version 1 of the secret key, which is not set here" in rotate(
        url, tmp_path, f"2:{NEW},3:{WRONG}", code=1
    )
    assert "has only one key" in rotate(url, tmp_path, OLD, code=2)
    assert "cannot be decrypted" in rotate(url, tmp_path, None, code=1), (
        "a data folder's own key that sealed nothing here"
    )
    assert len(KeyFile(tmp_path / "secret-key")) == 1, "no key was made"
    assert await fingerprint(system.database) == before


async def test_the_key_of_a_data_folder_is_changed_while_the_server_runs(
    system: AppContext, house: House, tmp_path: Path
) -> None:
    url, file = system.database.url, tmp_path / "secret-key"
    file.write_text(f"{OLD}\n", encoding="utf-8")
    running = replace(system, secrets=SecretKeys(KeyFile(file)))
    made = await fill(running, house, MANY)
    followed = running.secrets.follow("files")
    first = followed[0]
    rotate_and_kill_in_the_middle(url, tmp_path, None)
    assert list(KeyFile(file)) == [1, 2], "the new key was there before anything was sealed with it"
    assert await passwords(running, made) == made
    assert (followed[0] != first, followed[1]) == (True, first), "both open what was signed"
    new = NewSource(
        name="new", base_url="https://camera.example/", deployment=UUID(house.ids["deployment_id"]),
        auth_type=AuthType.BASIC, auth_username="ranger", auth_password="pw-new",
    )  # fmt: skip
    made[(await sources.create_source(running, SYSTEM, new)).id] = "pw-new"
    async with system.database.transaction(SYSTEM) as tx:
        await tx.session.execute(
            text("update analyses set state = 'processing', leased_at = now() - interval '1 h'")
        )
    assert "Key 1 is still in use: workers hold 1 tasks" in rotate(url, tmp_path, None)
    assert list(KeyFile(file)) == [1, 2], "a change that was not over is ended, not begun anew"
    said = rotate(url, tmp_path, None, "--now")
    assert "Key 1 is deleted" in said
    left = parse_keys(file.read_text(encoding="utf-8"), "file")
    assert list(left) == [2]
    assert file.stat().st_mode & 0o777 == 0o600
    assert await passwords(running, made) == made
    assert await passwords(replace(system, secrets=SecretKeys(left)), made) == made
    assert 1 not in running.secrets.by_version


def test_a_key_file_that_was_spoilt_ends_no_server(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "secret-key")
    keys = dict(file)
    file.path.write_text("half a li\n1:", encoding="utf-8")
    assert dict(file) == keys
    file.path.unlink()
    assert dict(file) == keys
    file.path.write_text(f"2:{NEW}\n", encoding="utf-8")
    assert dict(file) == {2: NEW.encode()}
    file.path.write_text("short\n", encoding="utf-8")
    with pytest.raises(ValueError, match="at least 32"):
        KeyFile(tmp_path / "secret-key")


def test_every_column_of_bytes_is_known_as_a_secret_or_not() -> None:
    """A column of bytes is listed in encrypted_columns, so that its key is rotated, or here."""
    columns = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert {tuple(place) for place in PLACES} <= columns
    # Digests of failed sign-ins: with another key, counting only starts again.
    # Digests of the names of two sources, without a key.
    digests = {("sign_in_failures", "key"), ("compared_pairs", "key")}
    others = columns - {tuple(place) for place in PLACES} - digests
    assert not {(table, column) for table, column in others if not column.endswith(PLAIN)}
