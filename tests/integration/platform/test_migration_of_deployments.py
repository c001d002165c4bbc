"""Deployments that were stored before they had the fields of Camtrap DP."""

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from trapline.server.platform.access import Scope
from trapline.server.platform.db import migrations
from trapline.server.platform.db.base import Database

FILE = "select pg_relation_filepath('deployments')"


def test_deployments_get_empty_fields_without_a_rewrite(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0106")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "insert into deployments (id, project_id, name, is_default, time_zone, clock_offset_s,"
            " camera, habitat, notes)"
            " values (gen_random_uuid(), 1, 'Old oak', false, 'UTC', 0, 'RX-1', 'beech', 'wet')"
        )
        before = connection.execute(FILE).fetchone()
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        row = connection.execute(
            "select camera, habitat, notes, camera_model, setup_by, pickup_by, groups, tags,"
            " inactive_periods, camera_delay_s, camera_height_m, camera_depth_m, camera_tilt_deg,"
            " camera_heading_deg, detection_distance_m, timestamp_issues, bait_use, feature_type"
            " from deployments"
        ).fetchone()
        after = connection.execute(FILE).fetchone()
    assert row == ("RX-1", "beech", "wet", "", "", "", [], [], [], *[None] * 9)
    assert after == before


@pytest.mark.parametrize(
    "wrong",
    [
        "camera_tilt_deg = 91", "camera_heading_deg = -1", "camera_height_m = -0.1",
        "camera_depth_m = -1", "detection_distance_m = -1", "camera_delay_s = 2147483648",
        "camera_height_m = 1, camera_depth_m = 1", "feature_type = 'pond'",
    ],
)  # fmt: skip
async def test_the_database_refuses_values_that_responses_cannot_have(
    database: Database, wrong: str
) -> None:
    with pytest.raises(IntegrityError, match="ck_deployments"):
        await store_deployment(database, wrong)


async def store_deployment(database: Database, values: str) -> None:
    async with database.transaction(Scope.system()) as tx:
        await tx.session.execute(text("set session_replication_role = replica"))
        await tx.session.execute(
            text(
                "insert into deployments (id, project_id, name, is_default, time_zone,"
                " clock_offset_s, camera, habitat, notes)"
                " values (gen_random_uuid(), 1, 'Ford', false, 'UTC', 0, '', '', '')"
            )
        )
        await tx.session.execute(text(f"update deployments set {values}"))
