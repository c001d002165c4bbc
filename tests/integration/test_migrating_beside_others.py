"""A migration beside others that use the database: another migration, whoever reads, a backup."""

import subprocess
import sys
import threading

import psycopg
import pytest

from tests.acceptance.running import wait_for
from trapline.server.db.migrations import find_present, list_revisions, migrate, newest
from trapline.server.db.snapshots import open_snapshot
from trapline.server.errors import Unavailable

MIGRATE = "import sys; from trapline.server.db.migrations import migrate; migrate(sys.argv[1])"


def test_two_may_migrate_one_database_at_once(empty_database_url: str) -> None:
    """The second one waits for the first, which waits for all that look at the tables it builds an index on."""
    migrators = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, empty_database_url], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [migrator.communicate(timeout=120)[1] for migrator in migrators]
    assert [migrator.returncode for migrator in migrators] == [0, 0], "\n".join(told)
    assert find_present(empty_database_url) == newest()


def test_nobody_queues_behind_a_migration_that_waits_for_a_reader(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trapline.server.db.migrations.PAUSE_S", 0.2)
    migrate(empty_database_url, "0028")
    told: list[str] = []
    with psycopg.connect(empty_database_url, application_name="a long read") as reader:
        reader.execute("select from users")
        migrating = threading.Thread(target=migrate, args=(empty_database_url, "head", told.append))
        migrating.start()
        try:
            wait_for("its word that it waits", lambda: len(told) >= 2, 20)
            with psycopg.connect(empty_database_url) as other:
                other.execute("set statement_timeout = '5s'")
                other.execute("select from users")
        finally:
            reader.rollback()
            migrating.join(30)
    assert "Another program (a long read, process " in told[0]
    assert find_present(empty_database_url) == newest()


def test_a_migration_that_is_never_let_in_says_so_and_is_whole(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trapline.server.db.migrations.TRIES", 1)
    migrate(empty_database_url, "0028")
    with psycopg.connect(empty_database_url) as reader:
        reader.execute("select from users")
        with pytest.raises(Unavailable, match=r"is at revision 0028, and not migrated further: .* nothing is lost"):
            migrate(empty_database_url)
    migrate(empty_database_url)
    assert find_present(empty_database_url) == newest()


async def test_a_migration_is_refused_while_a_backup_is_made(empty_database_url: str) -> None:
    older = list_revisions()[-2]
    migrate(empty_database_url, older)
    async with open_snapshot(empty_database_url):
        with pytest.raises(Unavailable, match="A backup of this database is being made"):
            migrate(empty_database_url)
        assert find_present(empty_database_url) == older
    migrate(empty_database_url)
    async with open_snapshot(empty_database_url):
        migrate(empty_database_url)
