"""Spec 11: 1,000 identifications in one request, compared with their floor in the same run.

    python benchmarks/identify.py [--count 1000] [--rounds 5]

The images have the results of a worker: 5 boxes, each with a classification. Each request
identifies other images. The floor: INSERT ... SELECT of the rows of `identifications` and
`observations` that the request wrote, into the same tables and indexes, in one transaction. It
writes no index of classes and no counts by day, and derives nothing.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
from _ground import Caller, Ground, describe_machine, open_ground
from line import BATCH, CLIENTS, measure_line

NO_SET = -1
"""The set of the floor's observations; no set has this ID."""
GOAL_S = 1
_COPIED = "id, project_id, image_id, annotation_id, kind, label, made_by, confirmed, role"


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--count", type=int, default=1000, help="identifications of a request")
    arguments.add_argument("--rounds", type=int, default=5, help="requests of each kind")
    options = arguments.parse_args()
    with open_ground(1) as ground:
        ground.register()
        needed = options.count * options.rounds * len(KINDS)
        measure_line(ground, -(-needed // (CLIENTS * BATCH)))
        ground.settle()
        with psycopg.connect(ground.database, autocommit=True) as connection:
            connection.execute("vacuum analyze")
            images = iter(list_boxes(connection))
            print(f"{describe_machine()}; {options.count:,} identifications in a request")
            print(
                f"{'':34} {'first s':>8} {'median s':>9} {'floor s':>8} {'ratio':>6} {'CPU s':>6}"
            )
            for name, build in KINDS.items():
                rounds = []
                for _ in range(options.rounds):
                    own = [next(images) for _ in range(options.count)]
                    rounds.append(measure(ground, connection, build(own)))
                took, floor, cpu = (list(column) for column in zip(*rounds, strict=True))
                middle = statistics.median(took)
                ratio = statistics.median(low / high for low, high in zip(floor, took, strict=True))
                print(
                    f"{name:34} {took[0]:8.3f} {middle:9.3f} {statistics.median(floor):8.3f} "
                    f"{ratio:6.0%} {statistics.median(cpu):6.2f}",
                    flush=True,
                )
    print(f"goal: less than {GOAL_S} s")


def list_boxes(connection: psycopg.Connection[Any]) -> list[tuple[UUID, UUID]]:
    """List all images, each with one of its boxes."""
    return connection.execute(
        "select distinct on (image_id) image_id, id from annotations "
        "where annotation_type = 'bounding_box' order by image_id, ordering"
    ).fetchall()


def _correct_images(of: Sequence[tuple[UUID, UUID]]) -> list[dict[str, Any]]:
    return [{"kind": "correct", "label": "lynx", "images": [str(image) for image, _ in of]}]


def _correct_each(of: Sequence[tuple[UUID, UUID]]) -> list[dict[str, Any]]:
    return [
        {"kind": "correct", "label": f"animal {place % 50}", "count": 2, "images": [str(image)]}
        for place, (image, _) in enumerate(of)
    ]


def _correct_boxes(of: Sequence[tuple[UUID, UUID]]) -> list[dict[str, Any]]:
    return [{"kind": "correct", "label": "lynx", "annotations": [str(box) for _, box in of]}]


def _confirm(of: Sequence[tuple[UUID, UUID]]) -> list[dict[str, Any]]:
    return [{"kind": "confirm", "images": [str(image) for image, _ in of]}]


KINDS = {
    "one taxon, all images": _correct_images,
    "50 taxa, each image alone": _correct_each,
    "one taxon, one box of each image": _correct_boxes,
    "confirm all images": _confirm,
}


def measure(
    ground: Ground, connection: psycopg.Connection[Any], identifications: list[dict[str, Any]]
) -> tuple[float, float, float]:
    """Identify, and insert the same rows; return both times and the processor time, in seconds."""
    caller = Caller(ground.port, ground.owner)
    caller.call("GET", "/healthz")
    busy, began = ground.processor_time(), time.monotonic()
    answer = caller.ask("POST", "/identifications", {"identifications": identifications})
    took = time.monotonic() - began
    busy = ground.processor_time() - busy
    made = [one["id"] for one in answer["identifications"]]
    images = list({one["image_id"] for one in answer["identifications"]})
    return took, insert(connection, made, images), busy


def insert(connection: psycopg.Connection[Any], made: list[str], images: list[str]) -> float:
    """Insert copies of identifications and of the observations of images; return the seconds."""
    connection.execute("drop table if exists pg_temp.said, pg_temp.seen")
    connection.execute(
        f"create temp table said as select {_COPIED} from identifications "
        "where id = any(%s::uuid[])",
        (made,),
    )
    connection.execute("update said set id = gen_random_uuid()")
    connection.execute(
        "create temp table seen as select * from observations where image_id = any(%s::uuid[])",
        (images,),
    )
    connection.execute("update seen set set_id = %s", (NO_SET,))
    connection.execute("analyze said, seen")
    began = time.monotonic()
    with connection.transaction():
        connection.execute(f"insert into identifications ({_COPIED}) select {_COPIED} from said")
        connection.execute("insert into observations select * from seen")
    seconds = time.monotonic() - began
    connection.execute("delete from identifications where id in (select id from said)")
    connection.execute("delete from observations where set_id = %s", (NO_SET,))
    return seconds


if __name__ == "__main__":
    main()
