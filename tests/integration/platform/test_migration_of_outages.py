"""Outages of NATS that were recorded before refused events were recorded apart."""

import psycopg

from trapline.server.platform.db import migrations


def test_an_outage_before_the_migration_ends_with_the_next_check(empty_database_url: str) -> None:
    """It was a connection outage or a refusal: the next check ends it, and events are due."""
    migrations.migrate(empty_database_url, "0101")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        for host in ("nats", "example.org:443"):
            connection.execute(
                "insert into webhooks (id, project_id, name, url, host, event_types,"
                " analyses_of_jobs, secrets,"
                " is_active, failing_since, last_error)"
                " values (gen_random_uuid(), 1, '', '', %s, '{}', false, '', true, '2026-11-01',"
                " 'full')",
                (host,),
            )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        rows = connection.execute(
            "select host, failing_since::date::text, unreachable_since::date::text, last_error"
            " from webhooks order by host"
        ).fetchall()
    assert rows == [
        ("example.org:443", "2026-11-01", None, "full"),
        ("nats", None, "2026-11-01", "full"),
    ]
