"""The floor of the queue: PostgreSQL storing the same rows without a server.

    python benchmarks/floor.py [--batches 80]

Two processes with one connection each. Each batch of 64 images is one transaction. The tasks change
to `processing` and to `completed`. The rows of 5 boxes and 5 classifications, of the report and of
the classes of each image are inserted by binary COPY, encoded before the clock starts. The images
are marked as not blank, and the counters of the job are updated. The tables, indexes and
constraints are those of the queue; nothing is queried, locked or compared. If you change the
workload, state the reason here.
"""

import argparse
import multiprocessing
import struct
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
from _ground import Ground, describe_machine, open_ground
from uuid_utils.compat import uuid7

BATCH = 64
BOXES = 5
PROCESSES = 2
COLUMNS = (
    "id, project_id, analysis_id, image_id, annotation_type, class_name, confidence, data, "
    "parent_id, ordering, algorithm_id, fingerprint"
)
HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
REPORT = (
    b'\1{"pipeline":"bench-pipeline",'
    b'"source_images":["01a1fd01-fc60-7307-a892-9d89f02a4d08"],"total_time":0.1}'
)
BOX = (
    b'\1{"x_min":10.5,"y_min":20.25,"x_max":310.5,"y_max":220.75,"image_width":2000,'
    b'"image_height":1500,"inference_time":0.05,"timestamp":"2026-11-21T10:00:00.000000"}'
)
NAMED = (
    b'\1{"topk":[{"class":"class 0","confidence":0.75},{"class":"class 1","confidence":0.25}],'
    b'"terminal":true,"inference_time":0.01,"timestamp":"2026-11-21T10:00:00.000000",'
    b'"scores":[0.75,0.25],"logits":[1.0986123,0.0]}'
)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--batches", type=int, default=80, help="batches of each process")
    given = arguments.parse_args()
    with open_ground() as ground:
        ground.register()
        measure_floor(ground, max(1, given.batches // 4))  # warm-up
        print(f"{describe_machine()}: {measure_floor(ground, given.batches):.0f} images/s")


def measure_floor(ground: Ground, batches: int) -> float:
    """Return images per second of PostgreSQL alone, with `batches` batches per process."""
    images = batches * PROCESSES * BATCH
    ground.add_images(images)
    job = ground.run_job(images)
    start = multiprocessing.get_context("spawn").Barrier(PROCESSES + 1)
    writers = [
        multiprocessing.get_context("spawn").Process(
            target=_write, args=(start, ground, job, number)
        )
        for number in range(PROCESSES)
    ]
    for writer in writers:
        writer.start()
    start.wait()
    started = time.monotonic()
    for writer in writers:
        writer.join()
    seconds = time.monotonic() - started
    assert all(writer.exitcode == 0 for writer in writers)
    with psycopg.connect(ground.database, autocommit=True) as connection:
        connection.execute("update jobs set status = 'completed' where id = %s", (job,))
    return images / seconds


def _write(start: Any, ground: Ground, job: int, number: int) -> None:
    with psycopg.connect(ground.database) as connection:
        rows = connection.execute(
            "select id, image_id from analyses where job_id = %s order by id", (job,)
        ).fetchall()
        connection.commit()
        own = rows[number::PROCESSES]
        ready = [
            _make_ready(ground.project, own[first : first + BATCH])
            for first in range(0, len(own), BATCH)
        ]
        start.wait()
        for ids, images, contents in ready:
            connection.execute(
                "update analyses set state = 'processing', attempt = attempt + 1, leased_at = "
                "clock_timestamp(), "
                "deadline = clock_timestamp() + interval '300 s' where id = any(%s)",
                (ids,),
            )
            connection.execute(
                "update analyses set state = 'completed', completed_at = clock_timestamp(), "
                "deadline = null where id = any(%s)",
                (ids,),
            )
            for into, content in contents.items():
                with connection.cursor() as cursor:
                    statement = f"copy {into} from stdin (format binary)"
                    with cursor.copy(statement.encode()) as copy:
                        copy.write(content)
            connection.execute("update images set blank = false where id = any(%s)", (images,))
            connection.execute(
                "update jobs set open = open - %s, completed = completed + %s where id = %s",
                (len(ids), len(ids), job),
            )
            connection.commit()


def _make_ready(
    project: int, batch: list[tuple[UUID, UUID]]
) -> tuple[list[UUID], list[UUID], dict[str, bytes]]:
    """Encode all rows of a batch, by their table and columns."""
    number = struct.pack(">q", project)
    contents = {
        f"annotations ({COLUMNS})": _pack(_list_annotations(number, batch)),
        "analysis_reports (analysis_id, project_id, report)": _pack(
            [(analysis.bytes, number, REPORT) for analysis, _ in batch]
        ),
        "image_classes (image_id, class_name, project_id, captured_at, confidence)": _pack(
            [
                (image.bytes, b"class 0", number, bytes(8), struct.pack(">d", 0.75))
                for _, image in batch
            ]
        ),
    }
    return [analysis for analysis, _ in batch], [image for _, image in batch], contents


def _list_annotations(
    project: bytes, batch: list[tuple[UUID, UUID]]
) -> list[tuple[bytes | None, ...]]:
    rows = []
    confidence, algorithm = struct.pack(">f", 0.75), struct.pack(">q", 1)
    for analysis, image in batch:
        for ordering in range(0, 2 * BOXES, 2):
            box = uuid7().bytes
            for key, kind, data, parent, place in (
                (box, b"bounding_box", BOX, None, ordering),
                (uuid7().bytes, b"classification", NAMED, box, ordering + 1),
            ):
                rows.append(
                    (
                        *(
                            key,
                            project,
                            analysis.bytes,
                            image.bytes,
                            kind,
                            b"class 0",
                            confidence,
                            data,
                            parent,
                        ),
                        *(struct.pack(">i", place), algorithm, place.to_bytes(16, "big")),
                    )
                )
    return rows


def _pack(rows: Sequence[Sequence[bytes | None]]) -> bytes:
    """Encode fields in the format of PostgreSQL's binary COPY."""
    parts = [HEADER]
    for row in rows:
        parts.append(struct.pack(">h", len(row)))
        parts.extend(
            struct.pack(">i", -1) if field is None else struct.pack(">i", len(field)) + field
            for field in row
        )
    parts.append(struct.pack(">h", -1))
    return b"".join(parts)


if __name__ == "__main__":
    main()
