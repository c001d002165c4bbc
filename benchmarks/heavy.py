"""B3: large results, 24 images x 10 crops x 2,500 scores and logits in one body.

    python benchmarks/heavy.py [--classes 2500] [--posts 8] [--rounds 3] [--pack zstd]

They are compared with their floor in the same run. The floor: two processes parse the same JSON,
pack the numbers as float32 with zstd, and copy them into a table. The queue: two clients repeatedly
lease 24 tasks and post 24 results. The stored scores are read back and compared, and their size is
printed as PostgreSQL reports it.
"""

import argparse
import json
import multiprocessing
import statistics
import time
from typing import Any

import msgspec
import numpy as np
import psycopg
from _ground import Caller, Ground, describe_machine, open_ground
from backports import zstd

from trapline.server.findings.rules.score_codec import decode_scores

WRITERS = 2
CROPS = 10


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--classes", type=int, default=2_500)
    arguments.add_argument("--images", type=int, default=24, help="images of a body (default 24)")
    arguments.add_argument("--posts", type=int, default=8, help="bodies of each client in a round")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument(
        "--pack", choices=["no", "zstd"], default="no", help="how the clients pack their bodies"
    )
    options = arguments.parse_args()
    with open_ground(WRITERS) as ground:
        ground.register(options.classes)
        before = ground.peak_memory()
        body = make_body(options.classes, [("TOKEN", "IMAGE")] * options.images)
        pairs, took = [], []
        for _ in range(options.rounds):
            floor = measure_floor(ground, body, options.posts)
            line, seconds = measure_line(ground, options)
            pairs.append((floor, line))
            took += seconds
            print(
                f"floor {floor:6.2f} bodies/s   line {line:6.2f} bodies/s   "
                f"{100 * line / floor:.0f} %",
                flush=True,
            )
        with psycopg.connect(ground.database) as connection:
            stored = connection.execute(
                "select count(*), avg(octet_length(content)), "
                "pg_total_relation_size('score_vectors') "
                "from score_vectors"
            ).fetchone()
            peak = ground.peak_memory()
            checked = check(connection, options)
    assert stored is not None
    count, content, total = stored
    floor, line = (statistics.median(column) for column in zip(*pairs, strict=True))
    ranked = sorted(took)
    print(
        f"\n{describe_machine()}; {options.classes:,} classes, bodies of {len(body) / 1e6:.1f} MB, "
        f"packed: {options.pack}"
    )
    print(
        f"floor {floor:.2f} bodies/s, line {line:.2f} bodies/s: {100 * line / floor:.0f} % of the "
        "floor (goal 50 %)"
    )
    print(
        f"a post took {ranked[len(ranked) // 2]:.2f} s (median), "
        f"{ranked[int(len(ranked) * 0.95)]:.2f} s (p95, goal "
        f"1 s), {ranked[-1]:.2f} s (longest) of {len(ranked)}"
    )
    print(
        f"an API process had {before / 1e6:.0f} MB of memory before, {peak / 1e6:.0f} MB at the "
        "most"
    )
    print(
        f"{count:,} classifications: {content:,.0f} bytes each as encoded (goal 12,288), "
        f"{total / count:,.0f} with the "
        f"table around them; {checked} read back and equal to the last bit of a float32"
    )


def make_scores(classes: int, seed: int) -> tuple[list[float], list[float]]:
    """Generate scores and logits of a classifier, as PyTorch would write them."""
    logits = np.random.default_rng(seed).normal(0, 3, classes).astype(np.float32)
    powers = np.exp(logits - logits.max(), dtype=np.float32)
    return (powers / powers.sum(dtype=np.float32)).astype(np.float32).tolist(), logits.tolist()


def make_body(classes: int, tasks: list[tuple[str, str]]) -> bytes:
    """Build a body for these lease tokens and images; every crop has different scores."""
    stamp, results = "2026-11-21T10:00:00.000000", []
    for number, (token, image) in enumerate(tasks):
        detections = []
        for crop in range(CROPS):
            scores, logits = make_scores(classes, number * CROPS + crop)
            named = {
                "classification": f"class {int(np.argmax(scores))}",
                "labels": None,
                "scores": scores,
                "logits": logits,
                "algorithm": {"name": "Classifier", "key": "classifier"},
                "terminal": True,
                "timestamp": stamp,
            }
            detections.append(
                {
                    "source_image_id": image,
                    "bbox": {"x1": 10.0 * crop, "y1": 20.0, "x2": 10.0 * crop + 300, "y2": 220.0},
                    "algorithm": {"name": "Detector", "key": "detector"},
                    "timestamp": stamp,
                    "classifications": [named],
                }
            )
        found = {
            "pipeline": "bench",
            "total_time": 1.0,
            "source_images": [{"id": image, "url": ""}],
        }
        results.append({"reply_subject": token, "result": found | {"detections": detections}})
    return json.dumps({"results": results}).encode()


def check(connection: psycopg.Connection[Any], options: argparse.Namespace) -> int:
    """Read back the scores of the first image of some bodies and compare them.

    Return the number of score vectors.
    """
    rows = connection.execute(
        """
        select v.content, v.encoding, n.ordering from score_vectors v
        join annotations n on n.id = v.annotation_id
        order by v.analysis_id, n.ordering limit 50
        """
    ).fetchall()
    for first in range(0, len(rows), CROPS):
        stored = [
            decode_scores(content, encoding) for content, encoding, _ in rows[first : first + CROPS]
        ]
        for seed in range(options.images):
            scores, logits = make_scores(options.classes, seed * CROPS)
            if stored[0].scores.tobytes() == np.array(scores, np.float32).tobytes():
                break
        else:
            raise SystemExit("the stored scores differ from those sent")
        for crop, found in enumerate(stored):
            scores, logits = make_scores(options.classes, seed * CROPS + crop)
            assert found.scores.tobytes() == np.array(scores, np.float32).tobytes()
            assert found.logits is not None
            assert found.logits.tobytes() == np.array(logits, np.float32).tobytes()
    return len(rows)


def measure_floor(ground: Ground, body: bytes, posts: int) -> float:
    """Return bodies per second that two processes parse, pack and copy."""
    with psycopg.connect(ground.database) as connection:
        connection.execute("drop table if exists floor_vectors")
        connection.execute(
            "create table floor_vectors (id bigint generated always as identity primary key, "
            "content bytea)"
        )
    return _measure(_write, [(ground, body, posts)] * WRITERS) * posts * WRITERS


def measure_line(ground: Ground, options: argparse.Namespace) -> tuple[float, list[float]]:
    """Return bodies per second over HTTP, and the time of each request."""
    posts = options.posts
    images = posts * WRITERS * options.images
    ground.add_images(images)
    job = ground.run_job(images)
    took = multiprocessing.get_context("spawn").Queue()
    rate = _measure(_post, [(ground, options, job, took)] * WRITERS) * posts * WRITERS
    seconds = [took.get() for _ in range(posts * WRITERS)]
    done = ground.count("select completed from jobs where id = %s and status = 'completed'", job)
    assert done == images, done
    return rate, seconds


def _measure(work: Any, arguments: list[Any]) -> float:
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
    return 1 / (time.monotonic() - started)


def _write(start: Any, ground: Ground, body: bytes, posts: int) -> None:
    with psycopg.connect(ground.database) as connection:
        start.wait()
        for _ in range(posts):
            rows = [
                (
                    zstd.compress(
                        np.array([named["scores"], named["logits"]], "<f4").tobytes(), level=1
                    ),
                )
                for result in msgspec.json.decode(body)["results"]
                for detection in result["result"]["detections"]
                for named in detection["classifications"]
            ]
            with (
                connection.cursor() as cursor,
                cursor.copy("copy floor_vectors (content) from stdin (format binary)") as copy,
            ):
                copy.set_types(["bytea"])
                for row in rows:
                    copy.write_row(row)
            connection.commit()


def _post(start: Any, ground: Ground, options: argparse.Namespace, job: int, took: Any) -> None:
    batch = options.images
    template = make_body(
        options.classes, [(f"TOKEN{number:02}", f"IMAGE{number:02}") for number in range(batch)]
    )
    ready = []
    for _ in range(options.posts):
        caller, tasks = Caller(ground.port, ground.worker), []
        while len(tasks) < batch:
            asked = json.dumps({"batch_size": batch - len(tasks)}).encode()
            tasks += json.loads(caller.call("POST", f"/jobs/{job}/tasks/", asked))["tasks"]
        body = template
        for number, task in enumerate(tasks):
            body = body.replace(f"TOKEN{number:02}".encode(), task["reply_subject"].encode())
            body = body.replace(f"IMAGE{number:02}".encode(), task["image_id"].encode())
        ready.append(zstd.compress(body, level=1) if options.pack == "zstd" else body)
    caller = Caller(ground.port, ground.worker)
    start.wait()
    headers = {"Content-Encoding": options.pack} if options.pack != "no" else {}
    for body in ready:
        began = time.monotonic()
        answer = json.loads(caller.call("POST", f"/jobs/{job}/result/", body, **headers))
        took.put(time.monotonic() - began)
        assert answer["results_queued"] == batch, answer["tasks"][0]


if __name__ == "__main__":
    main()
