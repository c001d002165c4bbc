"""Boxes by people that were stored before points and polygons."""

import psycopg
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine
from tests.integration.review.test_upgraded_observations import load

from trapline.server.platform.db import migrations

INSERT = (
    "insert into human_boxes (id, project_id, image_id, x_min, y_min, x_max, y_max, {0}label,"
    " made_by, updated_by) values (gen_random_uuid(), 1, gen_random_uuid(), {1}, 'hare', '', '')"
)


def test_boxes_and_projects_keep_their_values_and_get_shapes(empty_database_url: str) -> None:
    revision = load("0123")
    migrations.migrate(empty_database_url, revision.down_revision)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(INSERT.format("", "1, 2, 30.5, 40"))
        connection.execute(
            "insert into projects (name, description, sequence_gap_s) values ('Oak', '', 120)"
        )
    migrations.migrate(empty_database_url, "0123")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(INSERT.format("polygon, ", "5, 5, 9, 9, '[[5,5],[9,5],[9,9]]'"))
        connection.execute(INSERT.format("", "0.5, 7, 0.5, 7"))
        assert connection.execute("select shapes from projects").fetchall() == [(["box"],)]
    engine = create_engine(empty_database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as begun, Operations.context(MigrationContext.configure(begun)):
        revision.downgrade()
    engine.dispose()
    with psycopg.connect(empty_database_url) as connection:
        rows = connection.execute(
            "select x_min, y_min, x_max, y_max from human_boxes order by x_max"
        ).fetchall()
    assert rows == [(0, 6, 2, 8), (5, 5, 9, 9), (1, 2, 30.5, 40)]
