"""A migration next to other users of the database: another migration, a reader, a backup."""

import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests.support.running_server import wait_for

from trapline.server.operations.queries.snapshots import open_snapshot
from trapline.server.platform.db.migrations import find_present, list_revisions, migrate, newest
from trapline.server.platform.errors import ServiceUnavailable

MIGRATE = (
    "import sys; from trapline.server.platform.db.migrations import migrate; migrate(sys.argv[1])"
)

INSERTS = {
    "projects": "insert into projects (name, description, sequence_gap_s)"
    " values (gen_random_uuid()::text, '', 60)",
    "images": "insert into images (id, project_id, deployment_id, sha256, size_bytes, width,"
    " height, orientation, captured_at, captured_at_source, clock_offset_s, time_zone, exif,"
    " reviewed, media_type, filename, flags, storage_key)"
    " values (gen_random_uuid(), 1, gen_random_uuid(), sha256(gen_random_uuid()::text::bytea),"
    " 1, 1, 1, 1, now(), 'exif', 0, 'UTC', '{}', false,"
    " 'image/jpeg', 'a.jpg', '{}', gen_random_uuid()::text)",
    "jobs": "insert into jobs (project_id, pipeline_id, name, pipeline_slug, pipeline_version,"
    " status, priority, standing, paused, parameters, selection, expanded, open, completed, failed,"
    " discarded, last_move)"
    " values (1, 1, '', 'p', 1, 'queued', 1, false, false, '{}', '{}', true, 0, 0, 0, 0, 1)",
    "webhooks": "insert into webhooks (id, project_id, name, url, host, event_types,"
    " analyses_of_jobs, secrets, is_active)"
    " values (gen_random_uuid(), 1, '', '', 'example.org:443', '{}', false, '', true)",
    "exports": "insert into exports (id, project_id, format, selection, options, requested_by,"
    " state) values (gen_random_uuid(), 1, 'csv', '{}', '{}', 'user', 'queued')",
}
"""One row for each table that users write, as a program of revision 0100 inserts it."""
LOCK_TIMEOUT = "set lock_timeout = '1s'"
"""A migration waits for a lock for at most 0.8 s, and holds it briefly."""


def test_two_may_migrate_one_database_at_once(empty_database_url: str) -> None:
    """The second waits for the first, which waits for all readers of the tables that it indexes."""
    migrators = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, empty_database_url], stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    told = [migrator.communicate(timeout=120)[1] for migrator in migrators]
    assert [migrator.returncode for migrator in migrators] == [0, 0], "\n".join(told)
    assert find_present(empty_database_url) == newest()


def test_nobody_queues_behind_a_migration_that_waits_for_a_reader(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trapline.server.platform.db.migrations.PAUSE_S", 0.2)
    migrate(empty_database_url, "0100")
    told: list[str] = []
    with psycopg.connect(empty_database_url, application_name="a long read") as reader:
        reader.execute("select from webhooks")
        migrating = threading.Thread(target=migrate, args=(empty_database_url, "head", told.append))
        migrating.start()
        try:
            wait_for("its word that it waits", lambda: len(told) >= 2, 20)
            with psycopg.connect(empty_database_url) as other:
                other.execute("set statement_timeout = '5s'")
                other.execute("select from webhooks")
        finally:
            reader.rollback()
            migrating.join(30)
    assert "Another program (a long read, process " in told[0]
    assert find_present(empty_database_url) == newest()


def test_a_migration_that_is_never_let_in_says_so_and_is_whole(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trapline.server.platform.db.migrations.TRIES", 1)
    migrate(empty_database_url, "0100")
    with psycopg.connect(empty_database_url) as reader:
        reader.execute("select from webhooks")
        with pytest.raises(
            ServiceUnavailable,
            match=r"is at revision 0100 and could not be migrated further: .* no data is lost",
        ):
            migrate(empty_database_url)
    migrate(empty_database_url)
    assert find_present(empty_database_url) == newest()


@pytest.mark.alone
def test_a_job_goes_on_beside_a_migration(empty_database_url: str) -> None:
    """Rows written by statements of the older version are stored; none waits a second for a lock.

    PostgreSQL measures the wait. On a busy machine, a migration holds a lock for longer.
    """
    migrate(empty_database_url, "0100")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "insert into analyses (id, project_id, image_id, model_name, model_version, state, "
            "attempt, fence, errors,"
            " lost, created_at, updated_at) select gen_random_uuid(), 1, gen_random_uuid(), 'm', "
            "'1', 'queued', 0, 0,"
            " 0, 0, now(), now() from generate_series(1, 20000)"
        )
    worked = Counter[int]()
    inserted = Counter[str]()
    is_over = threading.Event()

    def insert(table: str) -> None:
        with psycopg.connect(empty_database_url, autocommit=True) as connection:
            connection.execute("set session_replication_role = replica")
            connection.execute(LOCK_TIMEOUT)
            while not is_over.wait(0.01):
                connection.execute(INSERTS[table])
                inserted[table] += 1

    def work(worker: int) -> None:
        with psycopg.connect(empty_database_url, autocommit=True) as connection:
            connection.execute("set session_replication_role = replica")
            connection.execute(LOCK_TIMEOUT)
            while not is_over.is_set():
                done = connection.execute(
                    "update analyses set state = 'completed', attempt = attempt + 1, updated_at = "
                    "now() where id ="
                    " (select id from analyses where state = 'queued' limit 1 for update skip "
                    "locked)"
                )
                assert done.rowcount == 1
                worked[worker] += 1

    with ThreadPoolExecutor(2 + len(INSERTS)) as pool:
        workers = [pool.submit(work, worker) for worker in range(2)]
        workers += [pool.submit(insert, table) for table in INSERTS]
        try:
            wait_for("work", lambda: worked.total() > 10 and len(inserted) == len(INSERTS), 20)
            before = worked.total()
            migrate(empty_database_url)
            during = worked.total() - before
            earlier = inserted.copy()
            wait_for(
                "an insert into each table",
                lambda: (
                    all(inserted[table] > earlier[table] for table in INSERTS)
                    # The result below says why one ended.
                    or any(worker.done() for worker in workers)
                ),
                20,
            )
        finally:
            is_over.set()
        for worker in workers:
            worker.result()
    with psycopg.connect(empty_database_url) as connection:
        counted = connection.execute(
            "select state, sum(attempt) from analyses group by 1 order by 1"
        ).fetchall()
        kept = {
            table: connection.execute(f"select count(*) from {table}").fetchone()
            for table in INSERTS
        }
    assert during > 10, "nobody worked meanwhile"
    assert counted == [("completed", worked.total()), ("queued", 0)]
    assert kept == {table: (number,) for table, number in inserted.items()}


async def test_a_migration_is_refused_while_a_backup_is_made(empty_database_url: str) -> None:
    older = list_revisions()[-2]
    migrate(empty_database_url, older)
    async with open_snapshot(empty_database_url):
        with pytest.raises(ServiceUnavailable, match="A backup of this database is running"):
            migrate(empty_database_url)
        assert find_present(empty_database_url) == older
    migrate(empty_database_url)
    async with open_snapshot(empty_database_url):
        migrate(empty_database_url)


def test_indexes_are_built_beside_writers_and_again_after_a_kill(empty_database_url: str) -> None:
    """A writer holds the table, so that a process that migrates waits with an invalid index."""
    migrate(empty_database_url, "0110")
    invalid = "select count(*) from pg_index where not indisvalid"
    with (
        psycopg.connect(empty_database_url, autocommit=True) as observer,
        psycopg.connect(empty_database_url) as writer,
    ):
        observer.execute("set session_replication_role = replica")
        for _ in range(3):
            observer.execute(INSERTS["images"])
        writer.execute("set session_replication_role = replica")
        writer.execute(INSERTS["images"])
        migrator = subprocess.Popen([sys.executable, "-c", MIGRATE, empty_database_url])
        try:
            wait_for(
                "an index that is not complete",
                lambda: observer.execute(invalid).fetchone() == (1,),
                60,
            )
            # An index that is not built concurrently would hold these back until it ends.
            observer.execute(LOCK_TIMEOUT)
            observer.execute(INSERTS["images"])
        finally:
            migrator.kill()
            migrator.wait(30)
        # The server process notices the end of its client only after the writer.
        observer.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where query like 'create index concurrently%' and pid <> pg_backend_pid()"
        )
        assert observer.execute(invalid).fetchone() == (1,)
        writer.commit()
        migrate(empty_database_url)
        assert observer.execute(invalid).fetchone() == (0,)
        assert observer.execute("select count(*) from images").fetchone() == (5,)
        names = "ix_images_random", "ix_observed_classes_human_name"
        found = observer.execute(
            "select count(*) from pg_indexes where indexname = any(%s)", (list(names),)
        ).fetchone()
    assert found == (2,)
    assert find_present(empty_database_url) == newest()
