"""Time until a job over many images is queued.

    python benchmarks/expand.py [images] [--rounds 3]

A real Trapline on an empty folder; images have rows but no files. The floor is PostgreSQL alone:
the same rows, with the same indexes and constraints, inserted into `analyses` by one COPY and one
commit, with IDs generated before the clock starts. The measurement starts with the request for a
job and ends when its last image is queued; the time until the first task can be leased is measured
too. It is done for all images, and for the same images by their IDs. The result is the median of
the rounds.
"""

import argparse
import statistics
import time
from typing import Any

import psycopg
from _ground import SLUG, Caller, Ground, describe_machine, open_ground
from uuid_utils.compat import uuid7

COLUMNS = (
    "id, project_id, image_id, job_id, model_name, model_version, "
    "state, attempt, fence, errors, lost"
)
TYPES = ("uuid", "int8", "uuid", "int8", "text", "text", "text", "int4", "int4", "int2", "int2")


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("images", type=int, nargs="?", default=100_000)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    count = given.images
    with open_ground() as ground:
        ground.register()
        ground.add_images(count)
        images = list_images(ground)
        selections = {"all images": {}, "images by their ids": {"images": images}}
        floors: list[float] = []
        rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in selections}
        for _ in range(given.rounds):
            floors.append(measure_floor(ground))
            for name, selection in selections.items():
                rounds[name].append(measure_job(ground, count, selection))
    floor = statistics.median(floors)
    print(
        f"{describe_machine()}; {count:,} images, floor {floor:.2f} s ({count / floor:,.0f} rows/s)"
    )
    for name, measured in rounds.items():
        first = statistics.median(first for first, _ in measured)
        whole = statistics.median(whole for _, whole in measured)
        print(
            f"{name}: all can be leased after {whole:.2f} s ({count / whole:,.0f} rows/s, "
            f"{floor / whole:.2f} of the "
            f"floor), the first after {first * 1000:.0f} ms"
        )


def list_images(ground: Ground) -> list[str]:
    """List the IDs of all images."""
    with psycopg.connect(ground.database) as connection:
        return [str(key) for (key,) in connection.execute("select id from images")]


def measure_floor(ground: Ground) -> float:
    """Return the seconds that PostgreSQL alone needs for the rows of one job."""
    with psycopg.connect(ground.database) as connection:
        job = _make_empty_job(connection, ground.project)
        images = connection.execute("select id from images order by id").fetchall()
        rows = [
            (uuid7(), ground.project, key, job, SLUG, "1", "queued", 0, 0, 0, 0)
            for (key,) in images
        ]
        connection.commit()
        started = time.monotonic()
        statement = f"copy analyses ({COLUMNS}) from stdin (format binary)"
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(TYPES)
            for row in rows:
                copy.write_row(row)
        connection.commit()
        seconds = time.monotonic() - started
        _clear(connection)
    return seconds


def measure_job(ground: Ground, count: int, selection: dict[str, Any]) -> tuple[float, float]:
    """Return the seconds from the request until one task, and until all tasks can be leased."""
    caller = Caller(ground.port, ground.owner)
    with psycopg.connect(ground.database, autocommit=True) as connection:
        started = time.monotonic()
        asked = {"project": ground.project, "pipeline": SLUG, "selection": selection}
        job = caller.ask("POST", "/jobs", asked)["id"]
        first = 0.0
        while True:
            row = connection.execute(
                "select expanded, open from jobs where id = %s", (job,)
            ).fetchone()
            assert row is not None
            if row[1] and not first:
                first = time.monotonic() - started
            if row[0]:
                break
            time.sleep(0.005)
        whole = time.monotonic() - started
        if row[1] != count:
            raise SystemExit(f"the job has {row[1]} tasks, {count} were expected")
        connection.autocommit = False
        _clear(connection)
    return first, whole


def _make_empty_job(connection: psycopg.Connection, project: int) -> int:
    row = connection.execute(
        """
        insert into jobs (project_id, pipeline_id, name, pipeline_slug, pipeline_version, status,
            priority, standing,
            paused, parameters, selection, expanded, open, completed, failed, discarded, last_move)
        select project_id, id, 'floor', slug, version, 'completed', 1, false, false, '{}', '{}',
            true, 0, 0, 0, 0, 1
        from pipelines where project_id = %s returning id
        """,
        (project,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def _clear(connection: psycopg.Connection) -> None:
    """Delete all jobs before the next round."""
    connection.execute("delete from jobs")
    connection.commit()
    connection.autocommit = True
    connection.execute("vacuum full analyses")
    connection.autocommit = False


if __name__ == "__main__":
    main()
