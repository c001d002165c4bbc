"""B2: the whole queue over HTTP into PostgreSQL, compared with its floor in the same run.

    python benchmarks/line.py [--processes 2] [--batches 40] [--rounds 3]

Four clients repeatedly lease 64 tasks and post 64 results of 5 boxes with a classification each.
The floor is benchmarks/floor.py on the same database.
"""

import argparse
import json
import multiprocessing
import statistics
import time
from typing import Any

from _ground import Caller, Ground, describe_machine, open_ground
from floor import measure_floor

CLIENTS = 4
BATCH = 64
BOXES = 5


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--processes", type=int, default=2, help="API processes (default 2)")
    arguments.add_argument(
        "--batches", type=int, default=40, help="batches of each client in a round"
    )
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    with open_ground(options.processes) as ground:
        ground.register()
        measure_line(ground, 4)  # warm-up
        pairs = []
        for _ in range(options.rounds):
            floor = measure_floor(ground, options.batches * CLIENTS // 2)
            line = measure_line(ground, options.batches)
            pairs.append((floor, line))
            print(
                f"floor {floor:7.0f} images/s   line {line:7.0f} images/s   "
                f"{100 * line / floor:.0f} %",
                flush=True,
            )
    floor, line = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"\n{describe_machine()}; {options.processes} API processes, {CLIENTS} clients, median of "
        f"{options.rounds}"
    )
    print(f"floor            {floor:7.0f} images/s")
    print(
        f"line over HTTP   {line:7.0f} images/s   {100 * line / floor:.0f} % of the floor (goal 55 "
        "%, 3,000 images/s)"
    )


def measure_line(ground: Ground, batches: int) -> float:
    """Return images per second of all clients, from the first lease to the last accepted result."""
    images = batches * CLIENTS * BATCH
    ground.add_images(images)
    job = ground.run_job(images)
    start = multiprocessing.get_context("spawn").Barrier(CLIENTS + 1)
    clients = [
        multiprocessing.get_context("spawn").Process(target=_work, args=(start, ground, job))
        for _ in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    start.wait()
    started = time.monotonic()
    for client in clients:
        client.join()
    seconds = time.monotonic() - started
    assert all(client.exitcode == 0 for client in clients)
    done = ground.count("select completed from jobs where id = %s and status = 'completed'", job)
    assert done == images, f"{done} of {images} are completed"
    found = ground.count(
        "select count(*) from annotations n join analyses a on a.id = n.analysis_id where a.job_id "
        "= %s",
        job,
    )
    assert found == images * BOXES * 2, found
    return images / seconds


def _work(start: Any, ground: Ground, job: int) -> None:
    caller = Caller(ground.port, ground.worker)
    template = json.dumps(make_result("IMAGE"))
    start.wait()
    while True:
        tasks = json.loads(caller.call("POST", f"/jobs/{job}/tasks/", b'{"batch_size": 64}'))[
            "tasks"
        ]
        if not tasks:
            return
        results = ", ".join(
            f'{{"reply_subject": "{task["reply_subject"]}", '
            f'"result": {template.replace("IMAGE", task["image_id"])}}}'
            for task in tasks
        )
        answer = json.loads(
            caller.call("POST", f"/jobs/{job}/result/", f'{{"results": [{results}]}}'.encode())
        )
        assert answer["results_queued"] == len(tasks), answer


def make_result(image_id: str) -> dict[str, Any]:
    """Build a result of 5 boxes, each with a classification over two classes."""
    stamp = "2026-11-21T10:00:00.000000"
    return {
        "pipeline": "bench-pipeline",
        "algorithms": {},
        "total_time": 0.1,
        "source_images": [{"id": image_id, "url": ""}],
        "detections": [
            {
                "source_image_id": image_id,
                "bbox": {"x1": 10.5 * number, "y1": 20.25, "x2": 10.5 * number + 300, "y2": 220.75},
                "inference_time": 0.05,
                "algorithm": {"name": "Detector", "key": "detector"},
                "timestamp": stamp,
                "crop_image_url": None,
                "classifications": [
                    {
                        "classification": "class 0",
                        "labels": None,
                        "scores": [0.75, 0.25],
                        "logits": [1.0986123, 0.0],
                        "inference_time": 0.01,
                        "algorithm": {"name": "Classifier", "key": "classifier"},
                        "terminal": True,
                        "timestamp": stamp,
                    }
                ],
            }
            for number in range(BOXES)
        ],
    }


if __name__ == "__main__":
    main()
