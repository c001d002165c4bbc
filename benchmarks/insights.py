"""Each insight over HTTP in a project with many images, compared with counting its observations.

    python benchmarks/insights.py [--images 1000000] [--rounds 3]

100 deployments took the images in one year, in bursts of five. Half of the bursts are blank, the
others show one of 40 species, every tenth a second one. People reviewed a tenth of the images, and
a random audit sample. The rows are created in the database. "changed" is the first request after
an observation changed, "again" the median of those that follow. The floor counts all observations
in the database. The goal is 2 s for each insight.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from urllib.parse import quote

import psycopg
from _ground import Caller, Ground, describe_machine, open_ground
from grid import ANALYSES, CHUNK, FIRST, IMAGES, derive

from trapline.server.review.queries.answer_pairs import get_pair_key
from trapline.wire.image_filters import PEOPLE

DEPLOYMENTS = 100
SPECIES = 40
BURST = 5
YEAR_S = 365 * 86_400
MODEL, OTHER = "model:bench-pipeline/1", "model:bench-pipeline/2"
FREQUENT, SECOND = "Species 0", "Species 1"
_RANDOM = "abs(hashint8(n / 5 * 16 + {}))::bigint %% 1000"
# The square of a uniform number: the most frequent of 40 species is on a sixth of the images.
_SHOWN = f"""
    shown as (
        select n, lpad(to_hex(n), 32, '0')::uuid as image_id, k,
            case when is_blank then 'blank' else 'animal' end as kind,
            case when is_blank then 'blank'
                else 'Species ' || (number * number * {SPECIES} / 1000000 + k) %% {SPECIES}
                end as name,
            case when is_blank then 0 else 1 + number %% 3 end as count
        from (
            select n, {_RANDOM.format(1)} as number, {_RANDOM.format(2)} < 500 as is_blank,
                {_RANDOM.format(3)} < 100 as has_second
            from generate_series(%(from)s::bigint, %(to)s::bigint - 1) n
        ) r, generate_series(0, 1) k where k = 0 or (has_second and not is_blank)
    )
"""
_NAMES = f"""
    with {_SHOWN}
    insert into observed_classes (image_id, class_name, set_id, project_id, deployment_id,
        captured_at, kind, count, confidence, human, needs_review)
    select s.image_id, s.name, %(set)s, %(project)s, i.deployment_id, i.captured_at, s.kind,
        s.count, 0.8, false, false
    from shown s join images i on i.id = s.image_id
"""
_OBSERVATIONS = f"""
    with {_SHOWN}
    insert into observations (image_id, id, set_id, project_id, annotation_id, kind, name, label,
        count, human, confidence, analysis_id, needs_review)
    select image_id, md5(n || '-' || k)::uuid, %(set)s, %(project)s,
        case when kind = 'animal' then md5(n || '-' || k)::uuid end, kind, name, name,
        case when kind = 'animal' then count end, false, 0.8,
        ('a' || lpad(to_hex(n), 31, '0'))::uuid, false
    from shown
"""
_ANNOTATIONS = f"""
    with {_SHOWN}
    insert into annotations (id, project_id, analysis_id, image_id, annotation_type, class_name,
        confidence, data, ordering, fingerprint)
    select md5(n || '-' || k)::uuid, %(project)s, ('a' || lpad(to_hex(n), 31, '0'))::uuid, image_id,
        'bounding_box', name, 0.5 + n %% 50 / 100.0,
        '{{"x_min": 10.5, "y_min": 20.25, "x_max": 310.5, "y_max": 220.75}}', k,
        lpad(k::text, 32, '0')::uuid
    from shown where kind = 'animal'
"""
# The model is wrong on a tenth of the reviewed images.
_ANSWERS = f"""
    with reviewed as materialized (
        update images i set reviewed = true where i.project_id = %(project)s
            and (hashtext(i.id::text) %% 10 = 0
                or exists (select from review_set_images m where m.image_id = i.id))
        returning i.id
    ), answered as (
        select r.id, string_agg(c.class_name, ' + ' order by c.class_name) as answer,
            hashtext('w' || r.id) %% 10 = 0 as is_wrong
        from reviewed r join observed_classes c on c.image_id = r.id and c.set_id = %(set)s
        group by r.id
    )
    insert into answer_pairs (image_id, pair_id, set_id, project_id, kind, first_answer,
        second_answer, differs, is_open)
    select a.id, p.id, %(set)s, %(project)s, 'model_people',
        case when a.is_wrong then '{SECOND}' else a.answer end, a.answer,
        a.is_wrong and a.answer <> '{SECOND}', false
    from answered a, compared_pairs p where p.project_id = %(project)s
"""


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--images", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3, help="repetitions of each request")
    options = arguments.parse_args()
    with open_ground(1) as ground:
        ground.register()
        ground.add_images(1)
        fill(ground, ground.run_job(1), options.images)
        with psycopg.connect(ground.database, autocommit=True) as connection:
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")
        print(f"{options.images:,} images; {describe_machine()}")
        floor = measure_floor(ground, options.rounds)
        print(f"floor: counting the observations takes {floor:.0f} ms")
        print(
            f"{'':28} {'changed ms':>10} {'processor':>10} {'again ms':>9} {'processor':>10} "
            f"{'x floor':>8}"
        )
        for name, path in list_requests(ground):
            measure(ground, name, path, options.rounds, floor)
        size = min(1000, options.images // 10)
        print(f"a random audit sample of {size:,} images takes {draw(ground, size):.0f} ms")
        print(f"memory of the API process: {ground.peak_memory() / 2**20:.0f} MiB (goal 400)")


def fill(ground: Ground, job: int, images: int) -> None:
    """Insert deployments, images, observations, and the answers of people and two models."""
    owner = Caller(ground.port, ground.owner)
    for number in range(SPECIES):
        species = {"scientific_name": f"Species {number}", "rank": "species"}
        higher = {"family": f"Family {number % 8}"}
        asked = {"project": ground.project, **species, "higher_ranks": higher}
        owner.ask("POST", "/taxa", asked)
    derive(ground)
    with psycopg.connect(ground.database, autocommit=True) as connection:
        connection.execute("delete from images where width = 1")
        cameras = [
            row[0]
            for number in range(DEPLOYMENTS)
            for row in connection.execute(
                "insert into deployments (id, project_id, name, is_default, time_zone, "
                "clock_offset_s, camera, habitat, notes, latitude, longitude) values "
                "(gen_random_uuid(), %s, %s, false, 'Europe/Berlin', 0, '', '', '', %s, %s) "
                "returning id",
                (ground.project, f"Camera {number:03}", 50 + number / 100, 8 + number / 100),
            )
        ]
        places = [camera for camera in cameras for _ in range(BURST)]
        parameters = {
            "project": ground.project,
            "cameras": places,
            "count": len(places),
            "first": FIRST,
            "job": job,
            "apart": YEAR_S / images,
            "set": ground.count("select observation_set_id from projects limit 1"),
        }
        for start in range(BURST, images + BURST, CHUNK):
            with connection.transaction():
                # Constraints and triggers are disabled, because inserting is not measured.
                connection.execute("set local session_replication_role = replica")
                for statement in (IMAGES, ANALYSES, _NAMES, _OBSERVATIONS, _ANNOTATIONS):
                    ends = {"from": start, "to": min(start + CHUNK, images + BURST)}
                    connection.execute(statement.encode(), parameters | ends)
        connection.execute(
            "insert into dirty_days (project_id, deployment_id, day) select distinct project_id, "
            "deployment_id, (captured_at at time zone time_zone)::date from images"
        )
        connection.execute("analyze")
    # The server groups and counts the images, which the following statements change, too.
    ground.settle()
    draw(ground, min(10_000, images // 10))
    with psycopg.connect(ground.database, autocommit=True) as connection:
        for model in (MODEL, OTHER):
            connection.execute(
                "insert into compared_pairs (project_id, kind, first, second, key) "
                "values (%s, 'model_people', %s, %s, decode(%s, 'hex'))",
                (ground.project, model, PEOPLE, get_pair_key(model, PEOPLE)),
            )
        with connection.transaction():
            connection.execute("set local session_replication_role = replica")
            connection.execute(_ANSWERS.encode(), parameters)
            connection.execute("update review_set_items set is_done = true")


def draw(ground: Ground, images: int) -> float:
    """Draw a random audit sample; return the time in ms."""
    began = time.perf_counter()
    path = f"/insights/audit-samples?project={ground.project}"
    Caller(ground.port, ground.owner).ask("POST", path, {"images": images, "name": "Audit"})
    return (time.perf_counter() - began) * 1000


def list_requests(ground: Ground) -> Iterator[tuple[str, str]]:
    """List the name and the path of each insight."""
    project, species, model = f"project={ground.project}", quote(FREQUENT), quote(MODEL, safe="")
    two = f"first={species}&second={quote(SECOND)}"
    paths = {
        "summary": "summary",
        "summary of a quarter": "summary?start=2023-04-01&end=2023-06-30",
        "activity": "activity",
        "activity, solar time": "activity?time=solar",
        "overlap": f"overlap?{two}",
        "accumulation": "accumulation",
        "trends by week": "trends?step=week",
        "detection history": f"detections?species={species}&days=1",
        "records": "records",
        "camera health": "camera-health",
        "table of species": "tables?table=species",
        "table of records": "tables?table=records",
        "model quality": "model-quality",
        "reliability": f"reliability?source={model}",
        "threshold": f"threshold?source={model}&class={species}",
        "comparison of models": (f"model-comparison?first={model}&second={quote(OTHER, safe='')}"),
    }
    for name, path in paths.items():
        yield name, f"/insights/{path}{'&' if '?' in path else '?'}{project}"


def measure_floor(ground: Ground, rounds: int) -> float:
    """Return the median time of counting all observations, in ms."""
    took = []
    with psycopg.connect(ground.database, autocommit=True) as connection:
        for _ in range(max(3, rounds)):
            began = time.perf_counter()
            connection.execute("select count(*) from observed_classes").fetchone()
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def measure(ground: Ground, name: str, path: str, rounds: int, floor: float) -> None:
    """Request an insight after a change and again, and print a line."""
    caller = Caller(ground.port, ground.owner)
    caller.ask("GET", "/auth/me")
    with psycopg.connect(ground.database, autocommit=True) as connection:
        connection.execute("update deployments set updated_at = clock_timestamp()")
    changed, first_work = _request(ground, caller, path)
    again = [_request(ground, caller, path) for _ in range(rounds)]
    took = statistics.median(one for one, _ in again)
    work = statistics.median(one for _, one in again)
    print(
        f"{name:28} {changed:10.0f} {first_work:10.0f} {took:9.0f} {work:10.0f} "
        f"{took / floor:8.1f}",
        flush=True,
    )


def _request(ground: Ground, caller: Caller, path: str) -> tuple[float, float]:
    """Return the time and the processor time of a request, in ms."""
    work, began = ground.processor_time(), time.perf_counter()
    caller.call("GET", path)
    took = time.perf_counter() - began
    return took * 1000, (ground.processor_time() - work) * 1000


if __name__ == "__main__":
    main()
