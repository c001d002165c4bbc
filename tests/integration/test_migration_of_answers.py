"""Answers that were stored before their projects were recorded get them from the audit of the same transaction."""

import psycopg

from trapline.server.platform.db import migrations

ADDED = """
insert into audit (id, project_id, actor, action, subject_type, subject_id, address, details, at)
values (gen_random_uuid(), %s, %s, 'create', 'thing', '1', '', '{}', %s)
"""
STORED = """
insert into idempotency_keys (actor, key, route, body_sha256, answer, project_ids, created_at)
values (%s, %s, %s, '', '{}', %s, %s)
"""
FIRST, SECOND = "2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:00.000002Z"


def test_answers_of_before_get_the_projects_that_their_audit_names(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0052")
    answers = {
        "of two projects": ("POST /deployments", None, FIRST, [1, 2]),
        "of another time": ("POST /deployments", None, SECOND, None),
        "of a member": ("POST /projects/1/members", [], FIRST, [1, 2]),
        "of a token": ("POST /auth/tokens", None, FIRST, []),
        "of a person": ("POST /users/7/link", None, FIRST, []),
        "recorded": ("POST /deployments", [3], FIRST, [3]),
        "recorded as none": ("POST /users", [], FIRST, []),
    }
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        for project in (2, 1, 1):
            connection.execute(ADDED, (project, "user:1", FIRST))
        connection.execute(ADDED, (4, "user:2", FIRST))
        for project_id in (None, 5):
            connection.execute(ADDED, (project_id, "user:3", FIRST))
        for key, (route, projects, at, _) in answers.items():
            connection.execute(STORED, ("user:1", key, route, projects, at))
        connection.execute(
            STORED, ("user:3", "of a purged project", "POST /deployments", None, FIRST)
        )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        found: dict[str, list[int] | None] = dict(
            connection.execute("select key, project_ids from idempotency_keys").fetchall()
        )
    expected = {key: projects for key, (*_, projects) in answers.items()} | {
        "of a purged project": None
    }
    assert found == expected
