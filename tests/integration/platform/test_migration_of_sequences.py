"""Sequences that were grouped before people could split and merge them."""

import psycopg

from trapline.server.platform.db import migrations


def test_sequences_before_the_migration_are_automatic(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0125")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "insert into sequences (id, project_id, deployment_id, started_at, ended_at, images)"
            " values (gen_random_uuid(), 1, gen_random_uuid(), now(), now(), 3)"
        )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        rows = connection.execute("select images, manual, recheck, dissolve from sequences")
        assert rows.fetchall() == [(3, False, False, False)]
        counted = connection.execute(
            "select (select count(*) from sequence_changes), (select count(*) from sequence_marks)"
        )
        assert counted.fetchall() == [(0, 0)]
