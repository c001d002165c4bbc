"""Boxes of people and reviews of sets that were stored before revision 0125."""

import psycopg

from trapline.server.platform.db import migrations

BOX = """
    insert into human_boxes (id, project_id, image_id, x_min, y_min, x_max, y_max, label, version,
        made_by, created_at, updated_by, updated_at, named_at)
    values (%(id)s, 1, gen_random_uuid(), 0, 0, 9, 9, 'lynx', %(version)s, 'ada', '2026-11-01',
        %(by)s, '2026-11-09', '2026-11-01')
"""
CHANGE = """
    insert into human_box_changes (box_id, version, changed_by, changed_at, previous)
    values (%(id)s, %(version)s, %(by)s, %(at)s, jsonb_build_object('x_min', %(x)s::float8,
        'y_min', 0, 'x_max', 9, 'y_max', 9, 'label', %(label)s::text, 'count', null, 'sex', null,
        'life_stage', null, 'behaviour', null, 'individual_id', null, 'taxon_id', null))
"""


def test_a_box_gets_who_said_last_what_it_shows(empty_database_url: str) -> None:
    keys = {name: f"00000000-0000-0000-0000-00000000000{number}" for number, name in enumerate(
        ("new", "moved", "renamed", "moved by its author", "restored")
    )}  # fmt: skip
    changes = {
        "moved": [("bob", 1, "lynx")],
        "renamed": [("bob", 0, "hare"), ("cleo", 1, "lynx")],
        "moved by its author": [("ada", 1, "lynx")],
        "restored": [("bob", 0, "lynx"), ("ada", 0, "lynx")],
    }
    migrations.migrate(empty_database_url, "0123")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        for name, key in keys.items():
            made = changes.get(name, [])
            by = made[-1][0] if made else "ada"
            connection.execute(BOX, {"id": key, "version": 1 + len(made), "by": by})
            for number, (person, x, label) in enumerate(made):
                row = {"id": key, "version": 2 + number, "by": person, "x": x, "label": label}
                connection.execute(CHANGE, row | {"at": f"2026-11-0{2 + number}"})
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        rows = connection.execute(
            "select id::text, stated_by, extract(day from stated_at)::int from human_boxes"
        ).fetchall()
    assert {key: rest for key, *rest in rows} == {
        keys["new"]: ["ada", 1],
        keys["moved"]: ["ada", 1],
        keys["renamed"]: ["bob", 2],
        keys["moved by its author"]: ["ada", 2],
        keys["restored"]: ["ada", 3],
    }
