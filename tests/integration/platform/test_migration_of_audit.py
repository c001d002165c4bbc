"""Entries of the audit log that were written under the earlier name of an action."""

import psycopg

from trapline.server.platform.db import migrations


def test_permanent_deletions_get_the_name_of_their_verb(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0122")
    with psycopg.connect(empty_database_url) as connection:
        for action in ("delete for good", "delete"):
            connection.execute(
                "insert into audit (id, actor, action, subject_type, subject_id, address,"
                " request_id, details) values (gen_random_uuid(), 'system', %s, 'image', '1', '',"
                " '', '{}')",
                (action,),
            )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        found = connection.execute("select action from audit order by action").fetchall()
    assert found == [("delete",), ("purge",)]
