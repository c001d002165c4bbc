"""Migrations that derive again what images show, on data that earlier programs stored."""

from uuid import UUID

import psycopg

from trapline.server.platform.db import migrations

Run = tuple[str, str, list[tuple[str, str | None, str]]]
"""The pipeline of an analysis, its state, and its annotations: type, class and data."""


def test_images_that_an_empty_analysis_made_blank_show_what_was_found(
    empty_database_url: str,
) -> None:
    """What programs of before stored: the newest analysis of any pipeline decided, and every name was a class."""
    migrations.migrate(empty_database_url, "0038")
    box, whole, custom = "bounding_box", "classification", "custom"
    cases: list[tuple[list[Run], bool | None, bool | None, list[str]]] = [
        ([("detector", "completed", [(box, "deer", "{}")]), ("plates", "completed", [])], True, False, ["deer"]),
        ([("detector", "completed", [(box, "deer", "{}")]), ("detector", "completed", [])], True, True, []),
        ([("namer", "completed", [(whole, "Blank", "{}")])], False, True, []),
        ([("namer", "completed", [(whole, "deer", '{"terminal": false}'), (whole, "fox", '{"terminal": true}')])],
         False, False, ["fox"]),
        ([("plates", "completed", []), ("detector", "failed", [(box, "deer", "{}")])], True, True, []),
        ([("detector", "completed", [(box, None, '{"empty": true}')])], False, True, []),
        ([("detector", "completed", [(box, None, "{}")])], False, False, []),
        ([("moon", "completed", [(custom, "x", "{}")])], True, None, []),
        ([("guess", "completed", [(whole, None, '{"topk": [{"class": "fox", "confidence": 0.5}]}')])],
         False, False, ["fox"]),
        ([], None, None, []),
    ]  # fmt: skip
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("set session_replication_role = replica")
        for number, (analyses, before, _, _) in enumerate(cases, 1):
            image = UUID(int=number)
            connection.execute(
                """
                insert into images (id, project_id, deployment_id, sha256, size_bytes, media_type, filename, width,
                    height, orientation, storage_key, captured_at, captured_at_source, time_zone, clock_offset_s, flags,
                    exif, reviewed, blank)
                values (%s, 1, %s, %s, 1, 'image/jpeg', 'a.jpg', 1, 1, 1, 'k', '2026-05-01 23:30Z', 'exif',
                    'Europe/Berlin', 0, '{}', '{}', false, %s)
                """,
                (image, UUID(int=99), image.bytes, before),
            )
            for place, (model, state, found) in enumerate(analyses):
                analysis = UUID(int=number * 100 + place)
                connection.execute(
                    """
                    insert into analyses (id, project_id, image_id, model_name, model_version, state, attempt, fence,
                        errors, lost, created_at)
                    values (%s, 1, %s, %s, '1', %s, 0, 0, 0, 0, now() + make_interval(secs => %s))
                    """,
                    (analysis, image, model, state, place),
                )
                for ordering, (kind, name, data) in enumerate(found):
                    connection.execute(
                        """
                        insert into annotations (id, project_id, analysis_id, image_id, annotation_type, class_name,
                            confidence, data, ordering, fingerprint)
                        values (gen_random_uuid(), 1, %s, %s, %s, %s, 0.5, %s, %s, gen_random_uuid())
                        """,
                        (analysis, image, kind, name, data, ordering),
                    )
            for name in ("deer", "fox", "Blank"):
                if any(name in str(analysis) for analysis in analyses):
                    connection.execute(
                        "insert into image_classes (image_id, class_name, project_id, captured_at, confidence)"
                        " values (%s, %s, 1, now(), 0.5)",
                        (image, name),
                    )
        connection.execute("truncate dirty_days")
    migrations.migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        shown = connection.execute(
            """
            select i.id, i.blank, array(select c.class_name from image_classes c where c.image_id = i.id order by 1)
            from images i order by i.id
            """
        ).fetchall()
        assert [(key.int, blank, classes) for key, blank, classes in shown] == [
            (number, after, classes) for number, (_, _, after, classes) in enumerate(cases, 1)
        ]
        days = connection.execute(
            "select distinct deployment_id, day::text from dirty_days"
        ).fetchall()
        assert days == [(UUID(int=99), "2026-05-02")]
