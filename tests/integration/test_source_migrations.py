"""What migrations make of the pull sources that are there."""

from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from trapline.server.platform.db import migrations


def _add_source(connection: psycopg.Connection, number: int, project: int, **more: object) -> None:
    """Add a source as it was before; `more` is is_active, failures and wait."""
    connection.execute(
        """
        insert into pull_sources (id, project_id, deployment_id, name, gateway, base_url, auth_type, has_password,
            has_auth_header, options, schedule, max_files_per_run, include, exclude, min_age_s, timeouts, is_active,
            consecutive_failures, next_run_at)
        values (%s, %s, gen_random_uuid(), %s, 'http', '', 'none', false, false, '{}', '', 1, '{}', '{}', 0, '{}', %s,
            %s, now() + %s::interval)
        """,
        (
            UUID(int=number),
            project,
            str(number),
            more.get("is_active", True),
            more.get("failures", 0),
            more.get("wait"),
        ),
    )


def test_sources_that_fail_are_left_alone_as_long_as_before(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0012")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        for number, (failures, wait) in enumerate(
            ((0, "1 hour"), (3, "6 hours"), (1, "7 days"), (1, None))
        ):
            _add_source(connection, number, 1, failures=failures, wait=wait)
            connection.execute(
                "insert into source_connections (source_id, project_id, holder, settings_of, heartbeat_at, messages, "
                "refused, failures) values (%s, 1, gen_random_uuid(), now(), now(), 7, 0, 0)",
                (UUID(int=number),),
            )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        rows = connection.execute(
            "select next_run_at - not_before from pull_sources order by id"
        ).fetchall()
        kept = [None if wait is None else wait.days for (wait,) in rows]
        assert kept == [None, 0, 5, None], (
            "a schedule that is further away says nothing of the failure"
        )
        assert (
            connection.execute("select messages from source_connections").fetchall() == [(7,)] * 4
        )


def test_sources_of_projects_archived_before_pause_until_they_come_back(
    empty_database_url: str,
) -> None:
    migrations.migrate(empty_database_url, "0037")
    before = "2026-01-01T00:00:00Z"
    ids = [str(UUID(int=number)) for number in range(7)]
    projects = (
        (1, before, None, None),
        (2, None, None, None),
        (3, before, before, Jsonb({"pull_sources": [ids[6]]})),
    )
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        for row in projects:
            connection.execute(
                "insert into projects (id, name, description, sequence_gap_s, archived_at, deleted_at, paused_with_it)"
                " values (%s, 'p', '', 60, %s, %s, %s)",
                row,
            )
        for number, project, is_active in (
            (2, 1, True),
            (3, 1, False),
            (4, 2, True),
            (5, 2, False),
            (6, 3, False),
        ):
            _add_source(connection, number, project, is_active=is_active)
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        told = [
            row[0]
            for row in connection.execute(
                "select paused_with_it from projects order by id"
            ).fetchall()
        ]
        assert told == [{"archived": [ids[2]]}, None, {"pull_sources": [], "archived": [ids[6]]}]
        active = connection.execute("select id::text from pull_sources where is_active").fetchall()
        assert active == [(ids[4],)], "those that were paused before stay so"


def test_folder_sources_of_owners_pause_and_those_of_operators_are_granted(
    empty_database_url: str,
) -> None:
    migrations.migrate(empty_database_url, "0038")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "insert into projects (id, name, description, sequence_gap_s) overriding system value "
            "values (7, 'Forest', '', 60)"
        )
        for number, is_operator in ((1, True), (2, False), (3, None)):
            person, source = UUID(int=number), UUID(int=100 + number)
            _add_source(connection, source.int, 7)
            connection.execute(
                "update pull_sources set gateway = 'folder', base_url = 'file:///media/old%%20card', name = %s "
                "where id = %s",
                (str(number), source),
            )
            if is_operator is None:
                continue
            connection.execute(
                "insert into users (id, email, name, is_operator) values (%s, %s, '', %s)",
                (person, f"{number}@example.org", is_operator),
            )
            connection.execute(
                "insert into audit (id, project_id, actor, action, subject_type, subject_id, address, details) "
                "values (gen_random_uuid(), 7, %s, 'create', 'source', %s, '', '{}')",
                (f"user:{person}", str(source)),
            )
        _add_source(connection, 200, 7)
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        rows = connection.execute(
            "select name, is_active, last_error from pull_sources order by name"
        ).fetchall()
        assert [(name, active) for name, active, _ in rows] == [
            ("1", True),
            ("2", False),
            ("200", True),
            ("3", False),
        ]
        assert all("trapline source grant" in reason for name, _, reason in rows if name in "23")
        assert connection.execute("select project_id, path from source_folders").fetchall() == [
            (7, "/media/old card")
        ]


def test_writers_do_not_wait_while_the_kinds_of_files_are_validated(
    empty_database_url: str,
) -> None:
    migrations.migrate(empty_database_url, "0060")
    is_valid = (
        "select convalidated from pg_constraint"
        " where conrelid = 'pulled_files'::regclass and contype = 'c' and conname like '%kind'"
    )
    with (
        psycopg.connect(empty_database_url) as writer,
        psycopg.connect(empty_database_url, autocommit=True) as other,
    ):
        assert other.execute(is_valid).fetchall() == [(False,)]
        # A transaction that writes to the table is open meanwhile.
        writer.execute("lock table pulled_files in row exclusive mode")
        migrations.migrate(empty_database_url)
        assert other.execute(is_valid).fetchall() == [(True,)]
        writer.rollback()
