"""B1: how long a submit takes at a steady rate, against an empty route of the same server at the same rate.

    python benchmarks/submit.py [--rate 200] [--seconds 20] [--images 100000] [--processes 2]

A real Trapline on an empty folder, with its background process at work behind the answers; the images have rows and no
bytes. Requests are sent at their times whether or not the answers before have come, over connections that are kept
open, and a time is counted from the moment at which a request should have gone: an answer that is late makes those
behind it late. The first second is not counted. First runs over one image, which stand in the line with their job, then
runs over a selection, which are expanded behind the answer; then runs over every image one by one, each canceled at
once, and how soon one of them stands in the line. The times are a caller's on the same machine, its own cost included.
"""

import argparse
import json
import queue
import statistics
import threading
import time
from dataclasses import dataclass

import psycopg
from _ground import SLUG, Caller, Ground, describe_machine, open_ground

CALLERS = 24
LARGE = 100
GOAL_MS = 10


@dataclass
class Load:
    """What is asked at a steady rate, and how long each answer took in seconds."""

    method: str
    path: str
    body: bytes | None
    times: list[float]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rate", type=int, default=200, help="submits a second")
    arguments.add_argument("--seconds", type=int, default=20)
    arguments.add_argument("--images", type=int, default=100_000)
    arguments.add_argument("--processes", type=int, default=2, help="API processes")
    told = arguments.parse_args()
    with open_ground(told.processes) as ground:
        ground.register()
        ground.add_images(told.images)
        caller = Caller(ground.port, ground.owner)
        preset = {"project": ground.project, "name": "bench", "pipeline": SLUG}
        caller.ask("POST", "/presets", preset)
        with psycopg.connect(ground.database) as connection:
            row = connection.execute("select id from images limit 1").fetchone()
            assert row is not None
        contents = {
            "over one image": {"image": str(row[0])},
            "over a selection": {"captured_after": "2100-01-01T00:00:00Z"},
        }
        print(f"{describe_machine()}; {told.rate} a second for {told.seconds} s, {told.processes} API processes")
        floor = measure(ground, told.rate, told.seconds, Load("GET", "/healthz", None, []))
        print(f"{'floor: an empty route':45} {show(floor)}")
        for name, content in contents.items():
            body = {"preset": "bench", "project": ground.project, "content": content}
            load = Load("POST", "/pipeline/run", json.dumps(body).encode(), [])
            times = measure(ground, told.rate, told.seconds, load)
            print(f"{name:45} {show(times)}   goal: p99 {GOAL_MS} ms")
            forget(ground)
        print(f"{f'one by one over {told.images:,} images':45} {show(measure_large(caller, ground.project))}")
        forget(ground)
        print(f"{told.images:,} images can all be leased after {measure_expansion(ground, told.images):.2f} s")


def measure(ground: Ground, rate: int, seconds: int, load: Load) -> list[float]:
    """Send at this rate for so long; answers how long each answer took, in seconds."""
    due: queue.SimpleQueue[tuple[float, bool] | None] = queue.SimpleQueue()
    threads = [threading.Thread(target=_send, args=(ground, due, load)) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    began = time.monotonic() + 0.5
    for number in range(rate * (seconds + 1)):
        at = began + number / rate
        time.sleep(max(0.0, at - time.monotonic()))
        due.put((at, number >= rate))
    for _ in threads:
        due.put(None)
    for thread in threads:
        thread.join()
    return load.times


def _send(ground: Ground, due: "queue.SimpleQueue[tuple[float, bool] | None]", load: Load) -> None:
    caller = Caller(ground.port, ground.owner)
    caller.call("GET", "/healthz")
    while (wanted := due.get()) is not None:
        at, is_counted = wanted
        caller.call(load.method, load.path, load.body)
        if is_counted:
            load.times.append(time.monotonic() - at)


def measure_large(caller: Caller, project: int) -> list[float]:
    """Seconds of each of some submits over every image."""
    times = []
    for _ in range(LARGE):
        began = time.monotonic()
        job = caller.ask("POST", "/pipeline/run", {"preset": "bench", "project": project, "content": {}})["job_id"]
        times.append(time.monotonic() - began)
        caller.call("POST", f"/pipeline/job/{job}/cancel")
    return times


def measure_expansion(ground: Ground, images: int) -> float:
    """Seconds from a submit until every image can be leased."""
    body = {"preset": "bench", "project": ground.project, "content": {}}
    began = time.monotonic()
    job = Caller(ground.port, ground.owner).ask("POST", "/pipeline/run", body)["job_id"].removeprefix("job-")
    with psycopg.connect(ground.database, autocommit=True) as connection:
        while True:
            row = connection.execute("select expanded, open from jobs where id = %s", (job,)).fetchone()
            assert row is not None
            if row[0]:
                assert row[1] == images, row
                return time.monotonic() - began
            time.sleep(0.005)


def forget(ground: Ground) -> None:
    """Wait until nothing of what was asked is left to be done, and take it away."""
    with psycopg.connect(ground.database, autocommit=True) as connection:
        connection.execute("delete from procrastinate.procrastinate_jobs where status = 'todo'")
        while True:
            row = connection.execute(
                "select count(*) from procrastinate.procrastinate_jobs where status = 'doing' and task_name like 'e%'"
            ).fetchone()
            if row == (0,):
                break
            time.sleep(0.05)
        connection.execute("truncate jobs cascade")
        connection.execute("vacuum analyze")


def show(times: list[float]) -> str:
    """Tell times in milliseconds."""
    cuts = statistics.quantiles(times, n=1000)
    p50, p99, p999 = (1000 * cuts[place] for place in (499, 989, 998))
    return f"median {p50:6.2f} ms   p99 {p99:6.2f} ms   p99.9 {p999:7.2f} ms   {len(times):,} answers"


if __name__ == "__main__":
    main()
