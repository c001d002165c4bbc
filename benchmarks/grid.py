"""B9: requests of the page in a project with many images, compared with an empty route.

    python benchmarks/grid.py [--sizes 100000 1000000] [--rounds 40]

The images are created in the database. Half of them are blank, the others have 8 to 24 annotations,
8 per image on average; "common" is on 30 %, "rare" on 0.5 %. They were captured by 50 cameras over
1,000 days.
"""

import argparse
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import psycopg
from _ground import Caller, Ground, describe_machine, open_ground

CAMERAS = 50
DAYS = 1000
FIRST = datetime(2023, 1, 1, tzinfo=UTC)
CHUNK = 50_000

IMAGES = """
    insert into images (id, project_id, deployment_id, sha256, size_bytes, media_type, filename,
        width, height,
        storage_key, captured_at, captured_at_source, time_zone, thumbnails_at, orientation,
            clock_offset_s, flags,
        exif, reviewed)
    select lpad(to_hex(n), 32, '0')::uuid, %(project)s, (%(cameras)s::uuid[])[1 + n %% %(count)s],
        sha256(n::text::bytea), 1, 'image/jpeg', n || '.jpg', 2000, 1500,
        'originals/' || %(project)s || '/aa/' || n,
        %(first)s::timestamptz + make_interval(secs => n::float8 * %(apart)s), 'exif', 'UTC', now(),
            1, 0, '{}', '{}',
        false
    from generate_series(%(from)s::bigint, %(to)s::bigint - 1) n
"""
ANALYSES = """
    insert into analyses (id, project_id, image_id, job_id, model_name, model_version, state,
        attempt, fence, errors,
        lost, won, completed_at)
    select ('a' || lpad(to_hex(n), 31, '0'))::uuid, %(project)s, lpad(to_hex(n), 32, '0')::uuid,
        %(job)s,
        'bench-pipeline', '1', 'completed', 1, 0, 0, 0, 1, now()
    from generate_series(%(from)s::bigint, %(to)s::bigint - 1) n
"""
_ANNOTATIONS = """
    insert into annotations (id, project_id, analysis_id, image_id, annotation_type, class_name,
        confidence, data,
        ordering, fingerprint)
    select gen_random_uuid(), %(project)s, ('a' || lpad(to_hex(n), 31, '0'))::uuid,
        lpad(to_hex(n), 32, '0')::uuid,
        'bounding_box', case when n %% 200 = 1 and k < 8 then 'rare' when n %% 10 < 6 then 'common'
            else 'other' end,
        0.3 + (n * 7 + k) %% 70 / 100.0,
            '{"x_min": 10.5, "y_min": 20.25, "x_max": 310.5, "y_max": 220.75}', k,
        lpad(k::text, 32, '0')::uuid
    from generate_series(%(from)s::bigint, %(to)s::bigint - 1) n, generate_series(0, 15) k
    where n %% 2 = 1
"""
_CLASSES = """
    insert into image_classes (image_id, class_name, project_id, captured_at, confidence)
    select i.id, c.class_name, i.project_id, i.captured_at, 0.3 + (c.n * 7) %% 70 / 100.0
    from generate_series(%(from)s::bigint, %(to)s::bigint - 1) m
    join images i on i.id = lpad(to_hex(m), 32, '0')::uuid
    cross join lateral (
        select case when m %% 10 < 6 then 'common' else 'other' end as class_name, m as n
        union all select 'rare', m where m %% 200 = 1
    ) c
    where m %% 2 = 1
"""


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    arguments.add_argument("--rounds", type=int, default=40, help="repetitions of each request")
    options = arguments.parse_args()
    with open_ground(1) as ground:
        ground.register()
        ground.add_images(1)
        job = ground.run_job(1)
        for size in options.sizes:
            fill(ground, job, size)
            derive(ground)
            seconds = ground.settle()
            with psycopg.connect(ground.database, autocommit=True) as connection:
                connection.execute("vacuum analyze")
                connection.execute("checkpoint")
            print(
                f"\n{size:,} images; {describe_machine()}; counted and grouped in {seconds:.0f} s"
            )
            print(f"{'':42} {'p50 ms':>8} {'p95 ms':>8} {'processor ms':>13}")
            for name, questions in list_questions(ground).items():
                p50, p95, processor = measure(ground, questions, options.rounds)
                print(f"{name:42} {p50:8.1f} {p95:8.1f} {processor:13.1f}", flush=True)
            print(f"memory of the API process: {ground.peak_memory() / 2**20:.0f} MiB (goal 400)")
        stored = ground.count("select pg_database_size(current_database())")
        print(f"the database has {stored / 1e9:.1f} GB")


def fill(ground: Ground, job: int, size: int) -> None:
    """Insert images, analyses and annotations until there are `size` images."""
    with psycopg.connect(ground.database, autocommit=True) as connection:
        connection.execute("delete from images where width = 1")
        made = connection.execute("select count(*) from deployments").fetchone()
        for number in range(CAMERAS - (made[0] if made else 0)):
            connection.execute(
                "insert into deployments (id, project_id, name, is_default, time_zone, "
                "clock_offset_s, camera, habitat,"
                " notes) values (gen_random_uuid(), %s, %s, false, 'UTC', 0, '', '', '')",
                (ground.project, f"Camera {number} of {size}"),
            )
        cameras = [
            row[0]
            for row in connection.execute("select id from deployments order by id").fetchall()
        ]
        begun = ground.count("select count(*) from images") - 1
        for start in range(begun, size, CHUNK):
            to = min(start + CHUNK, size)
            parameters = {
                "project": ground.project,
                "cameras": cameras,
                "count": len(cameras),
                "first": FIRST,
                "job": job,
                "from": start + 1,
                "to": to + 1,
                "apart": DAYS * 86_400 / 1_000_000,
            }
            if size <= 100_000:
                parameters["apart"] = DAYS * 86_400 / size
            with connection.transaction():
                # Constraints and triggers are disabled, because inserting these rows is not
                # measured.
                connection.execute("set local session_replication_role = replica")
                for statement in (IMAGES, ANALYSES, _ANNOTATIONS, _CLASSES):
                    connection.execute(statement, parameters)
        connection.execute(
            "insert into dirty_days (project_id, deployment_id, day)"
            " select distinct project_id, deployment_id, (captured_at at time zone "
            "time_zone)::date from images"
        )
        connection.execute("analyze")


def derive(ground: Ground) -> None:
    """Let the server derive the observations of the images."""
    change_threshold(ground)
    began = time.monotonic()
    while ground.count("select count(*) from observation_sets where state = 'building'"):
        time.sleep(0.5)
    images = ground.count("select count(*) from images")
    seconds = time.monotonic() - began
    print(f"observations of {images:,} images: {seconds:.0f} s, {images / seconds:,.0f} images/s")


def change_threshold(ground: Ground) -> None:
    """Change a threshold, which starts to derive all observations again."""
    path = f"/projects/{ground.project}/observation-settings"
    caller = Caller(ground.port, ground.owner)
    settings = caller.ask("GET", path)
    threshold = 0.21 if settings["detection_threshold"] == 0.2 else 0.2
    caller.ask("PATCH", path, {"detection_threshold": threshold})


def list_questions(ground: Ground) -> dict[str, Iterator[str]]:
    """Return the requests; those that jump in time use another time in each round."""
    images = f"/images?project={ground.project}&limit=100"
    camera = ground.count("select 1")  # warms the connection
    assert camera == 1
    [deployment] = _column(ground, "select id from deployments order by id desc limit 1")

    def jump(more: str = "") -> Iterator[str]:
        for number in count(1):
            day = (FIRST + timedelta(days=number * 331 % DAYS)).date()
            yield f"{images}{more}&captured_before={day}T12:00:00Z"

    def day(more: str = "") -> Iterator[str]:
        for number in count(1):
            one = (FIRST + timedelta(days=number * 331 % DAYS)).date()
            yield f"{images}{more}&day_after={one}&day_before={one + timedelta(days=1)}&skip=50"

    def same(path: str) -> Iterator[str]:
        while True:
            yield path

    filters = {
        "common class (30 %)": "&class=common",
        "rare class (0.5 %)": "&class=rare",
        "common class, confidence 0.95": "&class=common&confidence_min=0.95",
        "any class, confidence 0.95": "&confidence_min=0.95",
        "blank": "&blank=true",
        "not blank": "&blank=false",
        "one of 50 deployments": f"&deployment={deployment}",
        "rare class, one deployment": f"&class=rare&deployment={deployment}",
        "needs review (none)": "&needs_review=true",
        "decided by a person (none)": "&source=human",
        "groups of 2 or more": "&count_min=2",
        "kind animal, one deployment": f"&kind=animal&deployment={deployment}",
        "analysis completed": "&analysis_state=completed",
        "analysis failed (none)": "&analysis_state=failed",
        "not analysed (none)": "&analysis_state=none",
        "starred (none)": "&starred=true",
        "reviewed (none)": "&reviewed=true",
        "tagged (none)": "&tag=nothing",
    }
    return {
        "floor: an empty route": same("/healthz"),
        "first page": same(images),
        "jump": jump(),
        "part of a day": day(),
        **{f"first page, {name}": same(images + more) for name, more in filters.items()},
        **{f"jump, {name}": jump(more) for name, more in filters.items()},
        "days": same(f"/images/days?project={ground.project}"),
        "days, common class": same(f"/images/days?project={ground.project}&class=common"),
        "days, rare class": same(f"/images/days?project={ground.project}&class=rare"),
        "days, blank": same(f"/images/days?project={ground.project}&blank=true"),
        "classes": same(f"/images/classes?project={ground.project}"),
        "observations": same(f"/observations?project={ground.project}&limit=100"),
        "observations, rare class": same(
            f"/observations?project={ground.project}&class=rare&limit=100"
        ),
        "observations by name": same(f"/observations/groups?project={ground.project}"),
        "overview: summary": same(f"/summary?project={ground.project}"),
    }


def _column(ground: Ground, query: str) -> list[object]:
    with psycopg.connect(ground.database, autocommit=True) as connection:
        return [row[0] for row in connection.execute(query.encode()).fetchall()]


def measure(ground: Ground, questions: Iterator[str], rounds: int) -> tuple[float, float, float]:
    """Send a request `rounds` times; return its times in milliseconds.

    The times are the 50th and 95th percentile, and the processor time per response.
    """
    caller = Caller(ground.port, ground.owner)
    caller.call("GET", next(questions))
    took = []
    before = ground.processor_time()
    for _ in range(rounds):
        path = next(questions)
        began = time.perf_counter()
        caller.call("GET", path)
        took.append((time.perf_counter() - began) * 1000)
    processor = (ground.processor_time() - before) * 1000 / rounds
    took.sort()
    return took[len(took) // 2], took[min(len(took) - 1, int(len(took) * 0.95))], processor


if __name__ == "__main__":
    main()
