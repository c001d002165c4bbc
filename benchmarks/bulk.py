"""B4: bulk annotations, 5,000 in each signed request, compared with their floor in the same run.

    python benchmarks/bulk.py [--count 5000] [--posts 12] [--rounds 4] [--clients 1]

The floor: one process per client copies the same rows, encoded before the clock starts, by binary
COPY into the same table with the same indexes and constraints, in one transaction per request. The
way: clients sign and post boxes, each request to another analysis, and read the response, which
lists each box with its ID.
"""

import argparse
import json
import multiprocessing
import statistics
import struct
import time
from typing import Any
from uuid import UUID

import psycopg
from _ground import Caller, Ground, describe_machine, open_ground
from uuid_utils.compat import uuid7

from trapline.client.signing import sign_v1

COLUMNS = (
    "id, project_id, analysis_id, image_id, annotation_type, class_name, confidence, data, "
    "storage_path, artifact_id, "
    "parent_id, ordering, fingerprint"
)
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--count", type=int, default=5_000, help="annotations of a request")
    arguments.add_argument(
        "--posts", type=int, default=12, help="requests of each client in a round"
    )
    arguments.add_argument("--rounds", type=int, default=4)
    arguments.add_argument("--clients", type=int, default=1)
    options = arguments.parse_args()
    pairs, took = [], []
    with open_ground(options.clients) as ground:
        for _ in range(options.rounds):
            made = [make_analyses(ground, options.posts * 2) for _ in range(options.clients)]
            floor = measure(_copy, [(ground, options, own[: options.posts]) for own in made])
            queue = multiprocessing.get_context("spawn").Queue()
            way = measure(_post, [(ground, options, own[options.posts :], queue) for own in made])
            took += [queue.get() for _ in range(options.posts * options.clients)]
            rates = [
                options.posts * options.clients * options.count / seconds
                for seconds in (floor, way)
            ]
            pairs.append(rates)
            print(
                f"floor {rates[0]:8,.0f}/s   way {rates[1]:8,.0f}/s   "
                f"{100 * rates[1] / rates[0]:.0f} %",
                flush=True,
            )
        stored = ground.count("select count(*) from annotations")
        assert stored == 2 * options.rounds * options.posts * options.clients * options.count, (
            stored
        )
    floor, way = (statistics.median(column) for column in zip(*pairs, strict=True))
    ranked = sorted(took)
    print(
        f"\n{describe_machine()}; {options.count:,} boxes a request, {options.clients} clients and "
        "API processes"
    )
    print(
        f"floor {floor:,.0f} annotations/s, way {way:,.0f}: {100 * way / floor:.0f} % of the floor "
        "(goal 40 %)"
    )
    print(
        f"a request took {ranked[len(ranked) // 2]:.3f} s (median), "
        f"{ranked[int(len(ranked) * 0.95)]:.3f} s (p95)"
    )


def make_analyses(ground: Ground, count: int) -> list[tuple[str, str, str]]:
    """Create analyses of one image each; return their IDs, images and secrets."""
    ground.add_images(count)
    with psycopg.connect(ground.database) as connection:
        images = connection.execute(
            "select id from images order by id desc limit %s", (count,)
        ).fetchall()
    caller = Caller(ground.port, ground.owner)
    made = []
    for (image,) in images:
        asked = {"image_id": str(image), "model_name": "bench", "model_version": "1"}
        analysis = caller.ask("POST", f"/images/{image}/analyses", asked)
        made.append((analysis["id"], str(image), analysis["callback_secret"]))
    return made


def make_data(number: int) -> dict[str, Any]:
    """Build the data of a box; each number gives other data."""
    x, y = (number % 1500) + 0.5, (number // 1500) * 10.0
    return {
        "x_min": x,
        "y_min": y,
        "x_max": x + 120.25,
        "y_max": y + 90.75,
        "image_width": 2000,
        "image_height": 1500,
    }


def measure(work: Any, arguments: list[Any]) -> float:
    """Return the seconds for running the work in one process per argument."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(len(arguments) + 1)
    processes = [context.Process(target=work, args=(start, *given)) for given in arguments]
    for process in processes:
        process.start()
    start.wait()
    started = time.monotonic()
    for process in processes:
        process.join()
    assert all(process.exitcode == 0 for process in processes)
    return time.monotonic() - started


def _copy(
    start: Any, ground: Ground, options: argparse.Namespace, own: list[tuple[str, str, str]]
) -> None:
    ready = [
        _make_ready(ground.project, UUID(analysis), UUID(image), options.count)
        for analysis, image, _ in own
    ]
    with psycopg.connect(ground.database) as connection:
        start.wait()
        for content in ready:
            with connection.cursor() as cursor:
                statement = f"copy annotations ({COLUMNS}) from stdin (format binary)"
                with cursor.copy(statement.encode()) as copy:
                    copy.write(content)
            connection.commit()


def _make_ready(project: int, analysis: UUID, image: UUID, count: int) -> bytes:
    parts = [HEADER]
    first = uuid7().int & ~0xFFFFF
    for number in range(count):
        fields = (
            (first + number).to_bytes(16, "big"),
            struct.pack(">q", project),
            analysis.bytes,
            image.bytes,
            b"bounding_box",
            b"deer",
            struct.pack(">f", 0.75),
            b"\1" + json.dumps(make_data(number), separators=(",", ":")).encode(),
            None,
            None,
            None,
            struct.pack(">i", number),
            uuid7().bytes[::-1],
        )
        parts.append(struct.pack(">h", len(fields)))
        parts += [
            struct.pack(">i", -1) if one is None else struct.pack(">i", len(one)) + one
            for one in fields
        ]
    return b"".join([*parts, b"\xff\xff"])


def _post(
    start: Any,
    ground: Ground,
    options: argparse.Namespace,
    own: list[tuple[str, str, str]],
    took: Any,
) -> None:
    annotations = [
        {
            "annotation_type": "bounding_box",
            "class_name": "deer",
            "confidence": 0.75,
            "data": make_data(number),
            "ordering": number,
        }
        for number in range(options.count)
    ]
    body = json.dumps({"annotations": annotations}).encode()
    caller = Caller(ground.port)
    start.wait()
    for analysis, _, secret in own:
        began = time.monotonic()
        answer = caller.call(
            "POST", f"/analyses/{analysis}/annotations:bulk", body, **sign_v1(secret, body)
        )
        took.put(time.monotonic() - began)
        assert answer.count(b'"bounding_box"') == options.count


if __name__ == "__main__":
    main()
