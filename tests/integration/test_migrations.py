"""The migrations make exactly the tables that the program speaks of."""

from uuid import UUID

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError

from trapline.server.app.tables import metadata
from trapline.server.findings.queries.analyses import AnalysisMoveRow
from trapline.server.platform.access import Scope
from trapline.server.platform.db import migrations
from trapline.server.platform.db.base import Database
from trapline.server.queue.rules.job_transitions import (
    ALLOWED_CALLBACK_MOVES,
    ALLOWED_FINALIZATIONS,
    ALLOWED_JOB_MOVES,
)


def test_migrations_equal_the_tables(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url)
    with migrations._connect(empty_database_url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    assert migrations.find_present(empty_database_url) == migrations.newest()
    migrations.migrate(empty_database_url)
    migrations.check_present(empty_database_url)


async def test_moves_in_the_database_equal_the_rules(database: Database) -> None:
    async with database.transaction(Scope.system()) as tx:
        rows = await (await tx.execute("select from_state, to_state from allowed_moves")).fetchall()
    assert set(rows) == ALLOWED_JOB_MOVES


async def test_moves_of_outside_pipelines_are_among_those_of_the_database(
    database: Database,
) -> None:
    allowed = ALLOWED_CALLBACK_MOVES | ALLOWED_FINALIZATIONS
    assert allowed <= ALLOWED_JOB_MOVES
    assert not any(target == "queued" for _, target in allowed)
    with pytest.raises(IntegrityError, match="once_queued"):
        await _write_move(database, "failed", "queued")


async def _write_move(database: Database, from_state: str, to_state: str) -> None:
    async with database.transaction(Scope.system()) as tx:
        await tx.session.execute(text("set session_replication_role = replica"))
        move = AnalysisMoveRow(
            analysis_id=UUID(int=1),
            number=1,
            project_id=1,
            from_state=from_state,
            to_state=to_state,
            actor="x",
        )
        tx.session.add(move)
        await tx.session.flush()


def test_analyses_before_outside_pipelines_keep_their_details(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0008")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        for number in (1, 2):
            connection.execute(
                "insert into analysis_details (analysis_id, project_id, parameters, provenance, error_message) "
                "values (%s, 1, '{}', '{}', 'lost')",
                (UUID(int=number),),
            )
        connection.execute(
            """
            insert into annotations (id, project_id, analysis_id, image_id, annotation_type, data, fingerprint)
            values (gen_random_uuid(), 1, gen_random_uuid(), gen_random_uuid(), 'custom', '{}', gen_random_uuid())
            """
        )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        details = connection.execute(
            "select error_message, priority, external_job_id from analysis_details"
        ).fetchall()
        assert details == [("lost", "normal", None)] * 2
        assert connection.execute("select artifact_id from annotations").fetchall() == [(None,)]


def test_the_winning_attempt_moves_into_the_ledger(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0001")
    with psycopg.connect(empty_database_url) as connection:
        # Without the rows around them: only these two tables are rewritten.
        connection.execute("set session_replication_role = replica")
        for number, state in ((1, "completed"), (2, "failed")):
            connection.execute(
                """
                insert into analyses (id, project_id, image_id, job_id, model_name, model_version, state, attempt,
                    fence, errors, lost, holder_id)
                values (%s, 1, gen_random_uuid(), 1, 'm', '1', %s, 2, 0, 1, 0, 8)
                """,
                (UUID(int=number), state),
            )
            for attempt, outcome in ((1, state if state == "completed" else "error"), (2, "error")):
                connection.execute(
                    "insert into attempts (analysis_id, project_id, attempt, holder_id, outcome) "
                    "values (%s, 1, %s, 7, %s)",
                    (UUID(int=number), attempt, outcome),
                )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("select won, holder_id from analyses order by id").fetchall() == [
            (1, 7),
            (None, 8),
        ]
        left = connection.execute(
            "select analysis_id, attempt, job_id from attempts order by 1, 2"
        ).fetchall()
        assert left == [(UUID(int=1), 2, 1), (UUID(int=2), 1, 1), (UUID(int=2), 2, 1)], (
            "each with the job it was for"
        )


def test_failures_before_reasons_were_named_are_grouped_by_their_words(
    empty_database_url: str,
) -> None:
    migrations.migrate(empty_database_url, "0003")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        for number, error in enumerate(("no image", None, "x" * 300)):
            connection.execute(
                "insert into analysis_details (analysis_id, project_id, parameters, provenance, error_message) "
                "values (%s, 1, '{}', '{}', %s)",
                (UUID(int=number), error),
            )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        reasons = connection.execute(
            "select reason from analysis_details order by analysis_id"
        ).fetchall()
        assert reasons == [("no image",), (None,), ("x" * 200,)]


def test_lists_of_images_move_out_of_the_jobs(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0004")
    ids = [UUID(int=number) for number in range(1, 102)]
    selections = [
        {"images": [str(UUID(int=9)), str(UUID(int=3)), str(UUID(int=9))]},
        {"images": [str(key) for key in reversed(ids)], "unanalysed_only": True},
        {"deployment": str(UUID(int=5))},
    ]
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        for number, selection in enumerate(selections, 1):
            connection.execute(
                """
                insert into jobs (id, project_id, pipeline_id, name, pipeline_slug, pipeline_version, status, priority,
                    standing, paused, parameters, selection, expanded, open, completed, failed, discarded, last_move)
                values (%s, 1, 1, '', '', 1, 'queued', 1, false, false, '{}', %s, false, 0, 0, 0, 0, 1)
                """,
                (number, Jsonb(selection)),
            )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        listed = connection.execute(
            "select job_id, image_ids from job_images order by 1"
        ).fetchall()
        assert listed == [(1, [UUID(int=3), UUID(int=9)]), (2, ids)]
        assert [row[0] for row in connection.execute("select selection from jobs order by id")] == [
            selections[0], {"unanalysed_only": True, "image_count": 101}, selections[2],
        ]  # fmt: skip


def test_jobs_before_presets_keep_going(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0013")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            """
            insert into jobs (project_id, pipeline_id, name, pipeline_slug, pipeline_version, status, priority,
                standing, paused, parameters, selection, expanded, open, completed, failed, discarded, last_move)
            values (1, 1, 'old', 'p', 1, 'queued', 1, false, false, '{}', '{}', false, 0, 0, 0, 0, 1)
            """
        )
        connection.execute(
            "insert into job_moves (job_id, number, project_id, from_state, to_state, actor)"
            " values (1, 1, 1, 'new', 'queued', 'x')"
        )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        told = connection.execute(
            "select preset, content_preview, metadata, fetching from jobs"
        ).fetchall()
        assert told == [(None, None, {}, False)]
        assert connection.execute("select worker_id from job_moves").fetchall() == [(None,)]


def test_images_of_before_are_there_still_and_wait_for_their_sequences(
    empty_database_url: str,
) -> None:
    migrations.migrate(empty_database_url, "0015")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            """
            insert into images (id, project_id, deployment_id, sha256, size_bytes, media_type, filename, width, height,
                orientation, storage_key, captured_at, captured_at_source, time_zone, clock_offset_s, flags, exif,
                reviewed)
            values (%s, 1, %s, 'x', 1, 'image/jpeg', 'a.jpg', 1, 1, 1, 'k', now(), 'exif', 'UTC', 0, '{}', '{}', false)
            """,
            (UUID(int=1), UUID(int=2)),
        )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        seen = connection.execute(
            "select starred, read_at, deleted_at, sequence_id from images"
        ).fetchall()
        assert seen == [(False, None, None, None)]


def test_members_of_before_can_ask_for_notices(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0015")
    user = UUID(int=1)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(
            "insert into users (id, email, name, is_operator) values (%s, 'a@b', '', false)",
            (user,),
        )
        connection.execute(
            "insert into projects (name, description, sequence_gap_s) values ('p', '', 1)"
        )
        connection.execute(
            "insert into members (project_id, user_id, role) select id, %s, 'viewer' from projects",
            (user,),
        )
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "insert into image_classes (image_id, class_name, project_id, captured_at, confidence) "
            "select gen_random_uuid(), 'lynx', id, now(), 0.5 from projects"
        )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(
            "insert into notices (id, project_id, user_id, kind, class_name, confidence_min) "
            "select gen_random_uuid(), project_id, user_id, 'class_seen', 'lynx', 0.7 from members"
        )
        for confidence in (0.6, 0.8, 0.9):
            connection.execute("update image_classes set confidence = %s", (confidence,))
        told = connection.execute(
            "select data->>'class_name', data->'count' from notice_events"
        ).fetchall()
        assert told == [("lynx", 1)], "once, when it became sure enough"
        connection.execute("delete from members")
        assert connection.execute("select from notices").fetchall() == []


def test_addresses_of_before_do_not_stay_in_the_clear(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0016")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            """
            insert into jobs (project_id, pipeline_id, name, pipeline_slug, pipeline_version, status, priority,
                fetching, standing, paused, parameters, selection, expanded, open, completed, failed, discarded,
                last_move)
            select 1, 1, 'j', 'p', 1, 'queued', 1, true, false, false, '{}', '{}', false, 0, 0, 0, 0, 1
            from generate_series(1, 2)
            """
        )
        connection.execute(
            """
            insert into job_downloads (job_id, number, project_id, deployment_id, url, attempts, image_id)
            select j, n, 1, gen_random_uuid(), case when n = 2 and j = 1 then 'http://a/?key=1' else '' end, 0,
                case when n = 2 and j = 1 then null else gen_random_uuid() end
            from generate_series(1, 2) j, generate_series(1, 2) n
            """
        )
        for route in ("POST /api/v2/jobs", "POST /api/images/a/analyses", "POST /pipeline/run"):
            connection.execute(
                "insert into idempotency_keys (actor, key, route, body_sha256, answer) values ('a', %s, %s, '', '')",
                (route, route),
            )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        left = connection.execute(
            "select job_id, number, sealed_url from job_downloads order by 1, 2"
        ).fetchall()
        assert left == [(2, 1, None), (2, 2, None)]
        routes = connection.execute("select route from idempotency_keys order by 1").fetchall()
        assert routes == [("POST /images/a/analyses",), ("POST /jobs",), ("POST /pipeline/run",)]


def test_images_that_are_there_are_counted_by_day(empty_database_url: str) -> None:
    """Also where it ended amid reading them, which it does after its locks: then it is done again, all of it."""
    migrations.migrate(empty_database_url, "0023")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        for number, moment in enumerate(
            ("2026-06-01T21:59Z", "2026-06-01T22:00Z", "2026-06-02T03:00Z")
        ):
            connection.execute(
                """
                insert into images (id, project_id, deployment_id, sha256, size_bytes, media_type, filename, width,
                    height, orientation, storage_key, captured_at, captured_at_source, time_zone, clock_offset_s, flags,
                    exif, reviewed)
                values (gen_random_uuid(), 1, %s, sha256(%s), 1, 'image/jpeg', 'a', 1, 1, 1, 'a', %s, 'exif',
                    'of nowhere', 0, '{}', '{}', false)
                """,
                (UUID(int=7), bytes([number]), moment),
            )
    with pytest.raises(DataError, match="of nowhere"):
        migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        triggers = connection.execute(
            "select count(*) from pg_trigger where tgname like 'note_days_of%'"
        ).fetchall()
        assert triggers == [(2,)], (
            "what locks the images was not committed before all of them are read"
        )
        connection.execute("set session_replication_role = replica")
        connection.execute("update images set time_zone = 'Europe/Berlin'")
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        noted = connection.execute(
            "select deployment_id, day::text from dirty_days order by day"
        ).fetchall()
        assert noted == [(UUID(int=7), "2026-06-01"), (UUID(int=7), "2026-06-02")]


def test_deliveries_of_before_are_in_nobodys_hands(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0027")
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            """
            insert into webhook_deliveries (id, project_id, webhook_id, event_type, data, state, attempts, created_at,
                next_attempt_at, give_up_at)
            values (gen_random_uuid(), 1, gen_random_uuid(), 'job.failed', '{}', 'waiting', 1, now(),
                now() + interval '20 seconds', now())
            """
        )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute(
            "select state, taken_until from webhook_deliveries"
        ).fetchall() == [("waiting", None)]


def test_people_of_before_can_be_linked_with_a_provider(empty_database_url: str) -> None:
    migrations.migrate(empty_database_url, "0023")
    with psycopg.connect(empty_database_url) as connection:
        for number in (1, 2):
            connection.execute(
                "insert into users (id, email, name, is_operator) values (%s, %s, '', false)",
                (UUID(int=number), f"{number}@b"),
            )
    migrations.migrate(empty_database_url)
    link = "update users set oidc_issuer = 'https://a', oidc_subject = 'x' where id = %s"
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        assert connection.execute(
            "select count(*) from users where oidc_subject is null"
        ).fetchall() == [(2,)]
        connection.execute(link, (UUID(int=1),))
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(link, (UUID(int=2),))


def test_nothing_is_said_yet_of_what_was_found_before(empty_database_url: str) -> None:
    """And what is said then is of an image and a taxon of one project, and goes with its image."""
    migrations.migrate(empty_database_url, "0032")
    image, taxon = UUID(int=1), UUID(int=2)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            """
            insert into images (id, project_id, deployment_id, sha256, size_bytes, media_type, filename, width, height,
                orientation, storage_key, captured_at, captured_at_source, time_zone, clock_offset_s, flags, exif,
                reviewed)
            values (%s, 1, %s, 'x', 1, 'image/jpeg', 'a.jpg', 1, 1, 1, 'k', now(), 'exif', 'UTC', 0, '{}', '{}', false)
            """,
            (image, UUID(int=3)),
        )
        connection.execute(
            "insert into taxa (id, project_id, scientific_name, name_key, authorship, rank, higher_ranks, common_names,"
            " external_id, searched) values (%s, 2, 'Lynx', 'lynx', '', '', '{}', '{}', '', '')",
            (taxon,),
        )
    migrations.migrate(empty_database_url)
    say = "insert into identifications (id, project_id, image_id, kind, label, taxon_id, made_by) values "
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        assert connection.execute("select count(*) from identifications").fetchall() == [(0,)]
        for wrong in (
            "2, %s, 'blank', null, null",
            "1, %s, 'correct', 'Lynx', '" + str(taxon) + "'",
        ):
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                connection.execute(f"{say} (gen_random_uuid(), {wrong}, 'x')", (image,))
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(
                f"{say} (gen_random_uuid(), 1, %s, 'correct', null, null, 'x')", (image,)
            )
        connection.execute(
            f"{say} (gen_random_uuid(), 1, %s, 'correct', 'Lynx', null, 'x')", (image,)
        )
        connection.execute("delete from images")
        assert connection.execute("select count(*) from identifications").fetchall() == [(0,)]


def test_what_was_imported_before_has_no_ids_of_packages(empty_database_url: str) -> None:
    """And IDs that are stored then are unique in their project, and are deleted with their deployment."""
    migrations.migrate(empty_database_url, "0040")
    place, other = UUID(int=2), UUID(int=3)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(
            "insert into projects (name, description, sequence_gap_s) values ('p', '', 1)"
        )
        for key in (place, other):
            connection.execute(
                "insert into deployments (id, project_id, name, is_default, time_zone, clock_offset_s, camera, habitat,"
                " notes) values (%s, 1, %s, false, 'UTC', 0, '', '', '')",
                (key, str(key)),
            )
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        for table in ("imported_images", "imported_deployments"):
            assert connection.execute(f"select count(*) from {table}").fetchall() == [(0,)]
        connection.execute("insert into imported_deployments values (%s, 1, 'A1', '')", (place,))
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(
                "insert into imported_deployments values (%s, 1, 'A1', '')", (other,)
            )
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            connection.execute("insert into imported_images values (%s, 1, 'm', '{}')", (place,))
        connection.execute("delete from deployments where id = %s", (place,))
        assert connection.execute("select count(*) from imported_deployments").fetchall() == [(0,)]
