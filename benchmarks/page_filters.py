"""B9: the list of images with all pairs of 16 filters, each with a frequent and a rare value.

    python benchmarks/page_filters.py [--images 1000000] [--rounds 3]

Images, annotations and observations are created in the database: half of the images are blank, the
others have 16 boxes and 4 observations. A rare value is on 0.5 % of the images. Each pair is
requested with its first page of 100 images and, if there is one, with the page that follows, as the
grid does: without counting what matches. `--count` counts it up to 10,000.
"""

import argparse
import itertools
import statistics
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import psycopg
from _ground import Caller, Ground, describe_machine, open_ground
from grid import ANALYSES, CHUNK, FIRST, IMAGES, derive

RARE_PERSON = "01999999-0000-7000-8000-000000000001"
FREQUENT_CLASS, RARE_CLASS = "Cervus elaphus", "Lynx lynx"
OTHERS = 40
APART_S = 86.4
"""The time between two images: a million are of 1,000 days."""
PLACES = 199
"""The images are at these places in turn: 60 are the frequent deployment, one the rare one."""
_RANDOM = "abs(hashint8(n * 16 + {}))::bigint %% 1000"
_ANNOTATIONS = """
    insert into annotations (id, project_id, analysis_id, image_id, annotation_type, class_name,
        confidence, data, ordering, fingerprint)
    select md5(n || '-' || k)::uuid, %(project)s, ('a' || lpad(to_hex(n), 31, '0'))::uuid,
        lpad(to_hex(n), 32, '0')::uuid, 'bounding_box', 'animal', 0.8,
        '{"x_min": 10.5, "y_min": 20.25, "x_max": 310.5, "y_max": 220.75}', k,
        lpad(k::text, 32, '0')::uuid
    from generate_series(%(from)s::bigint, %(to)s::bigint - 1) n, generate_series(0, 15) k
    where n %% 2 = 1
"""
_SHOWN = f"""
    shown as (
        select n, lpad(to_hex(n), 32, '0')::uuid as image_id,
            case when n %% 2 = 0 then 'blank' when kind < 10 then 'vehicle' else 'animal' end
                as kind,
            case when n %% 2 = 0 then 'blank' when kind < 10 then 'car'
                when name < 600 then '{FREQUENT_CLASS}' when name < 610 then '{RARE_CLASS}'
                else 'Canis ' || name %% {OTHERS} end as name,
            n %% 2 = 1 and said < 200 as human,
            case when n %% 2 = 0 or said >= 200 then null when said < 10 then 'user:{RARE_PERSON}'
                else %(person)s end as person,
            n %% 2 = 1 and asked < 10 as needs_review,
            case when n %% 2 = 0 then 0 when number < 10 then 30 when number < 200 then 3 else 1 end
                as count,
            case when n %% 2 = 0 then null when one < 10 then 'rare' when one < 100 then 'frequent'
                end as individual
        from (
            select n, {_RANDOM.format(1)} as name, {_RANDOM.format(2)} as kind,
                {_RANDOM.format(3)} as said, {_RANDOM.format(4)} as asked,
                {_RANDOM.format(5)} as number, {_RANDOM.format(6)} as one
            from generate_series(%(from)s::bigint, %(to)s::bigint - 1) n
        ) r
    )
"""
_OBSERVATIONS = f"""
    with {_SHOWN}
    insert into observations (image_id, id, set_id, project_id, annotation_id, kind, name, label,
        count, individual_id, human, confidence, analysis_id, identified_by, identified_at,
        needs_review)
    select image_id, md5(n || '-' || k)::uuid, %(set)s, %(project)s,
        case when n %% 2 = 1 then md5(n || '-' || k)::uuid end, kind, name, name,
        case when n %% 2 = 1 then case when k = 0 then greatest(count - 3, 1) else 1 end end,
        individual, human, 0.8, ('a' || lpad(to_hex(n), 31, '0'))::uuid, person,
        case when human then now() end, needs_review
    from shown, generate_series(0, 3) k where n %% 2 = 1 or k = 0
"""
_NAMES = f"""
    with {_SHOWN}
    insert into observed_classes (image_id, class_name, set_id, project_id, deployment_id,
        captured_at, kind, count, confidence, human, needs_review, identified_by)
    select s.image_id, s.name, %(set)s, %(project)s, i.deployment_id, i.captured_at, s.kind,
        s.count, case when {_RANDOM.format(8)} < 10 then 0.1 else 0.8 end, s.human, s.needs_review,
        s.person
    from shown s join images i on i.id = s.image_id
"""
_MODEL_CLASSES = f"""
    insert into image_classes (image_id, class_name, project_id, captured_at, confidence)
    select i.id, case when {_RANDOM.format(7)} < 10 then 'rare' else 'frequent' end,
        %(project)s, i.captured_at, 0.8
    from generate_series(%(from)s::bigint, %(to)s::bigint - 1) n
    join images i on i.id = lpad(to_hex(n), 32, '0')::uuid where n %% 2 = 1
"""
_COMMENTS = f"""
    insert into identifications (id, project_id, image_id, kind, comment, made_by)
    select md5('c' || n)::uuid, %(project)s, lpad(to_hex(n), 32, '0')::uuid, 'comment', 'a tail',
        %(person)s
    from generate_series(%(from)s::bigint, %(to)s::bigint - 1) n where {_RANDOM.format(9)} < 5
"""
_ANSWERS = f"""
    insert into answer_pairs (image_id, pair_id, set_id, project_id, kind, first_answer,
        second_answer, differs, is_open)
    select lpad(to_hex(n), 32, '0')::uuid, 1 + (k %% 100) / 5, %(set)s, %(project)s,
        case when k < 5 then 'people' else 'models' end, 'fox', 'deer', true, true
    from (
        select n, {_RANDOM.format(10)} as k
        from generate_series(%(from)s::bigint, %(to)s::bigint - 1) n
    ) r where k < 300
"""


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--images", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3, help="repetitions of each request")
    arguments.add_argument("--filters", type=int, default=16, help="take only the first ones")
    arguments.add_argument("--count", action="store_true", help="count what matches, to 10,000")
    arguments.add_argument("--slowest", type=int, default=20, help="requests to list")
    options = arguments.parse_args()
    with open_ground(1) as ground:
        ground.register()
        ground.add_images(1)
        values = fill(ground, ground.run_job(1), options.images)
        values = dict(itertools.islice(values.items(), options.filters))
        ground.settle()
        with psycopg.connect(ground.database, autocommit=True) as connection:
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")
        print(f"{options.images:,} images; {describe_machine()}")
        measured = sorted(
            (taken for pair in list_pairs(values) for taken in measure(ground, *pair, options)),
            reverse=True,
        )
        for middle, most, name in measured[: options.slowest]:
            print(f"{name:60} median {middle:7.1f} ms   longest {most:7.1f} ms")
        middles = sorted(middle for middle, _, _ in measured)
        longest = max(most for _, most, _ in measured)
        print(
            f"{len(middles)} requests: median {middles[len(middles) // 2]:.0f} ms, "
            f"p95 {middles[int(len(middles) * 0.95)]:.0f} ms (goal 100), "
            f"longest {longest:.0f} ms (goal 1,000)"
        )
        print(f"memory of the API process: {ground.peak_memory() / 2**20:.0f} MiB (goal 400)")


def fill(ground: Ground, job: int, images: int) -> dict[str, tuple[str, str]]:
    """Insert all rows; return the parameters of each filter's frequent and rare value."""
    owner = Caller(ground.port, ground.owner)
    person = owner.ask("GET", "/auth/me")["user_id"]
    named = [(FREQUENT_CLASS, "Cervidae"), (RARE_CLASS, "Felidae")]
    named += [(f"Canis {number}", "Canidae") for number in range(OTHERS)]
    for name, family in named:
        _add_taxon(ground, owner, name, "species", {"family": family})
    families = [_add_taxon(ground, owner, name, "family", {}) for name in ("Canidae", "Felidae")]
    derive(ground)
    places = insert(ground, job, images, f"user:{person}")
    length = timedelta(seconds=images * APART_S)
    middle = FIRST + length / 2
    rare_time = f"captured_after={_show(middle)}&captured_before={_show(middle + length / 200)}"
    return {
        "class": (f"class={quote(FREQUENT_CLASS)}", f"class={quote(RARE_CLASS)}"),
        "taxon": (f"taxon={families[0]}", f"taxon={families[1]}"),
        "blank": ("blank=false", "blank=true"),
        "kind": ("kind=animal", "kind=vehicle"),
        "source": ("source=model", "source=human"),
        "identified_by": (f"identified_by={person}", f"identified_by={RARE_PERSON}"),
        "needs_review": ("needs_review=false", "needs_review=true"),
        "individual": ("individual=frequent", "individual=rare"),
        "count_min": ("count_min=2", "count_min=20"),
        "deployment": (f"deployment={places[0]}", f"deployment={places[-1]}"),
        "time": (f"captured_before={_show(middle)}", rare_time),
        "model_class": ("model_class=frequent", "model_class=rare"),
        "confidence_max": ("confidence_max=0.9", "confidence_max=0.2"),
        "commented": ("commented=false", "commented=true"),
        "hour": ("hour_from=6&hour_to=18", "hour_from=3&hour_to=4"),
        "disagreement": ("disagreement=models", "disagreement=people"),
    }


def _add_taxon(ground: Ground, owner: Caller, name: str, rank: str, higher: Any) -> str:
    asked = {"scientific_name": name, "rank": rank, "higher_ranks": higher}
    return str(owner.ask("POST", "/taxa", {"project": ground.project, **asked})["id"])


def _show(moment: datetime) -> str:
    return quote(moment.isoformat())


def insert(ground: Ground, job: int, images: int, person: str) -> list[UUID]:
    """Insert images, analyses, annotations and observations; return the places of the images."""
    cameras = [uuid4() for _ in range(50)]
    places = [cameras[0]] * 60 + [cameras[1 + n % 48] for n in range(PLACES - 61)] + [cameras[49]]
    with psycopg.connect(ground.database, autocommit=True) as connection:
        for number, camera in enumerate(cameras):
            connection.execute(
                "insert into deployments (id, project_id, name, is_default, time_zone, "
                "clock_offset_s, camera, habitat, notes) "
                "values (%s, %s, %s, false, 'UTC', 0, '', '', '')",
                (camera, ground.project, f"Camera {number}"),
            )
        parameters = {
            "project": ground.project,
            "cameras": places,
            "count": len(places),
            "first": FIRST,
            "job": job,
            "apart": APART_S,
            "person": person,
            "set": ground.count("select observation_set_id from projects limit 1"),
        }
        for start in range(1, images + 1, CHUNK):
            with connection.transaction():
                # Constraints and triggers are disabled, because inserting is not measured.
                connection.execute("set local session_replication_role = replica")
                for statement in (
                    *(IMAGES, ANALYSES, _ANNOTATIONS, _OBSERVATIONS, _NAMES, _MODEL_CLASSES),
                    *(_COMMENTS, _ANSWERS),
                ):
                    ends = {"from": start, "to": min(start + CHUNK, images + 1)}
                    connection.execute(statement.encode(), parameters | ends)
        connection.execute(
            "insert into dirty_days (project_id, deployment_id, day) select distinct project_id, "
            "deployment_id, (captured_at at time zone time_zone)::date from images"
        )
        connection.execute("analyze")
    return places


def list_pairs(values: Mapping[str, tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """List the name and the parameters of each pair of filters with each of their values."""
    for one, other in itertools.combinations(values, 2):
        for first, second in itertools.product((0, 1), (0, 1)):
            kinds = ("frequent", "rare")
            name = f"{one} ({kinds[first]}), {other} ({kinds[second]})"
            yield name, f"{values[one][first]}&{values[other][second]}"


def measure(
    ground: Ground, name: str, parameters: str, options: argparse.Namespace
) -> Iterator[tuple[float, float, str]]:
    """Request the first and the next page; yield each one's median and longest time in ms."""
    caller = Caller(ground.port, ground.owner)
    path = f"/images?project={ground.project}&limit=100&{parameters}"
    if not options.count:
        path += "&count_up_to=1"
    for page in ("first", "later"):
        took = []
        for _ in range(options.rounds):
            began = time.perf_counter()
            answer = caller.ask("GET", path)
            took.append((time.perf_counter() - began) * 1000)
        yield statistics.median(took), max(took), f"{name}: {page} page"
        if answer["next"] is None:
            return
        path += f"&cursor={quote(answer['next'])}"


if __name__ == "__main__":
    main()
