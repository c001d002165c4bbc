"""The floor of the line: what PostgreSQL itself takes to store the same rows, without a server in between.

    python benchmarks/floor.py

Two processes, one connection each. For each batch of 64 images one transaction: the tasks move to `processing` and to
`completed`, the rows of 5 boxes and 5 classifications an image go in by binary COPY, made ready before the clock
starts. The same tables, indexes and constraints as the line's. Change this only with a reason, and say it here.
"""

import multiprocessing
import struct
import time
from typing import Any
from uuid import UUID

import psycopg
from _ground import Ground, describe_machine, open_ground
from uuid_utils.compat import uuid7

BATCH = 64
BOXES = 5
PROCESSES = 2
COLUMNS = (
    "id, project_id, analysis_id, image_id, annotation_type, class_name, confidence, data, parent_id, ordering, "
    "algorithm_id, fingerprint"
)
HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
BOX = b'\1{"x_min":10.5,"y_min":20.25,"x_max":310.5,"y_max":220.75,"image_width":2000,"image_height":1500}'
NAMED = b'\1{"topk":[{"class":"class 0","confidence":0.75},{"class":"class 1","confidence":0.25}],"terminal":true}'


def main() -> None:
    """Measure and print."""
    with open_ground() as ground:
        ground.register()
        measure_floor(ground, 20)
        print(f"{describe_machine()}: {measure_floor(ground, 80):.0f} images/s")


def measure_floor(ground: Ground, batches: int) -> float:
    """Images a second of PostgreSQL alone; `batches` for each of the two processes."""
    images = batches * PROCESSES * BATCH
    ground.add_images(images)
    job = ground.run_job(images)
    start = multiprocessing.get_context("spawn").Barrier(PROCESSES + 1)
    writers = [
        multiprocessing.get_context("spawn").Process(target=_write, args=(start, ground, job, number))
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
        connection.execute("update jobs set status = 'completed', completed = open, open = 0 where id = %s", (job,))
    return images / seconds


def _write(start: Any, ground: Ground, job: int, number: int) -> None:
    with psycopg.connect(ground.database) as connection:
        rows = connection.execute("select id, image_id from analyses where job_id = %s order by id", (job,)).fetchall()
        connection.commit()
        own = rows[number::PROCESSES]
        batches = [own[first : first + BATCH] for first in range(0, len(own), BATCH)]
        ready = [([row[0] for row in batch], _encode(ground.project, batch)) for batch in batches]
        start.wait()
        for ids, content in ready:
            connection.execute(
                "update analyses set state = 'processing', attempt = attempt + 1, leased_at = clock_timestamp(), "
                "deadline = clock_timestamp() + interval '300 s' where id = any(%s)",
                (ids,),
            )
            connection.execute(
                "update analyses set state = 'completed', completed_at = clock_timestamp(), deadline = null "
                "where id = any(%s)",
                (ids,),
            )
            with (
                connection.cursor() as cursor,
                cursor.copy(f"copy annotations ({COLUMNS}) from stdin (format binary)".encode()) as copy,
            ):
                copy.write(content)
            connection.commit()


def _encode(project: int, batch: list[tuple[UUID, UUID]]) -> bytes:
    """Encode the annotations of a batch as PostgreSQL's binary COPY wants them."""
    parts = [HEADER]
    for analysis, image in batch:
        for number in range(BOXES):
            box = uuid7().bytes
            for ordering, (key, kind, data, parent) in enumerate(
                ((box, b"bounding_box", BOX, None), (uuid7().bytes, b"classification", NAMED, box))
            ):
                fields = (
                    key,
                    struct.pack(">q", project),
                    analysis.bytes,
                    image.bytes,
                    kind,
                    b"class 0",
                    struct.pack(">f", 0.75),
                    data,
                    parent,
                    struct.pack(">i", 2 * number + ordering),
                    struct.pack(">q", 1),
                    UUID(int=2 * number + ordering).bytes,
                )
                parts.append(struct.pack(">h", len(fields)))
                parts.extend(
                    struct.pack(">i", -1) if field is None else struct.pack(">i", len(field)) + field
                    for field in fields
                )
    parts.append(struct.pack(">h", -1))
    return b"".join(parts)


if __name__ == "__main__":
    main()
