"""B5: the queue with 10^3, 10^5 and 10^6 stored analyses, compared with its rate at 10^3.

    python benchmarks/growth.py [--sizes 1000 100000 1000000] [--batches 30] [--rounds 3]

The stored analyses belong to an earlier job of the same project; they are completed, with a box and
a classification each.
"""

import argparse
import statistics

import psycopg
from _ground import Ground, describe_machine, open_ground
from line import measure_line


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    arguments.add_argument(
        "--batches", type=int, default=30, help="batches of each client in a round"
    )
    arguments.add_argument("--rounds", type=int, default=3, help="rounds at each size")
    options = arguments.parse_args()
    rates: dict[int, float] = {}
    with open_ground(2) as ground:
        ground.register()
        measure_line(ground, 4)  # warm-up
        job = ground.count("select min(id) from jobs")
        for size in options.sizes:
            fill(ground, job, size - ground.count("select count(*) from analyses"))
            rates[size] = statistics.median(
                measure_line(ground, options.batches) for _ in range(options.rounds)
            )
            print(f"{size:>9,} analyses stored: {rates[size]:6.0f} images/s", flush=True)
        stored = ground.count("select pg_database_size(current_database())")
    first = rates[options.sizes[0]]
    print(
        f"\n{describe_machine()}; median of {options.rounds}; the database has {stored / 1e9:.1f} "
        "GB at the end"
    )
    for size, rate in rates.items():
        print(
            f"{size:>9,}  {rate:6.0f} images/s  {100 * rate / first:.0f} % of the first (goal: "
            "within 20 %)"
        )


def fill(ground: Ground, job: int, count: int) -> None:
    """Store `count` further analyses, each with an image, a box and a classification."""
    with psycopg.connect(ground.database, autocommit=True) as connection:
        while count > 0:
            connection.execute(
                """
                with i as (
                    insert into images (id, project_id, deployment_id, sha256, size_bytes,
                        media_type, filename, width,
                        height, storage_key, captured_at, captured_at_source, time_zone,
                            thumbnails_at, orientation,
                        clock_offset_s, flags, exif, reviewed, blank)
                    select uuidv7(), %(project)s, %(deployment)s,
                        sha256(gen_random_uuid()::text::bytea), 1,
                        'image/jpeg', n || '.jpg', 2000, 1500, 'originals/x/' || n, now(), 'exif',
                            'UTC', now(), 1, 0,
                        '{}', '{}', false, false
                    from generate_series(1, %(chunk)s) n returning id
                ), a as (
                    insert into analyses (id, project_id, image_id, job_id, model_name,
                        model_version, state, attempt,
                        fence, errors, lost, won, completed_at)
                    select uuidv7(), %(project)s, i.id, %(job)s, 'bench-pipeline', '1', 'completed',
                        1, 0, 0, 0, 1,
                        now()
                    from i returning id, image_id
                )
                insert into annotations (id, project_id, analysis_id, image_id, annotation_type,
                    class_name,
                    confidence, data, ordering, algorithm_id, fingerprint)
                select uuidv7(), %(project)s, a.id, a.image_id, kind, 'class 0', 0.75,
                    '{"x_min": 10.5, "y_min": 20.25, "x_max": 310.5, "y_max": 220.75}', ordering, 1,
                    lpad(ordering::text, 32, '0')::uuid
                from a, (values ('bounding_box', 0), ('classification', 1)) k(kind, ordering)
                """,
                {
                    "project": ground.project,
                    "deployment": ground.deployment,
                    "job": job,
                    "chunk": min(count, 50_000),
                },
            )
            count -= 50_000
        connection.execute("vacuum analyze")


if __name__ == "__main__":
    main()
