"""B1: how long a submit takes at a steady rate, against an empty route of the same server at the
same rate.

    python benchmarks/submit.py [--rate 200] [--seconds 20] [--images 100000] [--processes 2]
    [--large 200]
        [--settle 15]

A real Trapline on an empty folder, with its background process at work behind the answers; the
images have rows and no bytes. Requests are sent at their times whether or not the answers before
have come, over connections that are kept open, and a time is counted from the moment at which a
request should have gone: an answer that is late makes those behind it late, the first second apart.
A caller's times hold its own cost on the same machine; the goal is about the time in the server,
from a request that is there to its answer, which /metrics tells.

First what the machine itself takes: an empty route, and one row committed in the same database,
which waits for the disk as a submit does. Then runs over one image, which stand in the line with
their job; then runs over every image, one by one, each canceled and cleared away before the next;
how soon one of them stands in the line; and at last, without a goal, runs over a selection at the
same rate, each expanded behind its answer beside those that follow.
"""

import argparse
import contextlib
import json
import math
import re
import selectors
import socket
import statistics
import time
import urllib.request
from collections import deque
from dataclasses import dataclass, replace

import psycopg
from _ground import SLUG, Caller, Ground, describe_machine, open_ground

CALLERS = 24
GOAL_MS = 10
GOAL = " (goal: 99)"
TOKEN = "submit-benchmark"


@dataclass
class Load:
    """What is asked at a steady rate, and how long each answer took in seconds."""

    method: str
    path: str
    body: bytes | None
    times: list[float]


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--rate", type=int, default=200, help="submits a second")
    arguments.add_argument("--seconds", type=int, default=20)
    arguments.add_argument("--images", type=int, default=100_000)
    arguments.add_argument("--processes", type=int, default=2, help="API processes")
    arguments.add_argument(
        "--large", type=int, default=200, help="submits over all images, one by one"
    )
    arguments.add_argument(
        "--settle", type=int, default=15, help="seconds to wait before the first measurement"
    )
    told = arguments.parse_args()
    with open_ground(told.processes, {"TRAPLINE_METRICS_TOKEN": TOKEN}) as ground:
        ground.register()
        ground.add_images(told.images)
        caller = Caller(ground.port, ground.owner)
        preset = {"project": ground.project, "name": "bench", "pipeline": SLUG}
        caller.ask("POST", "/presets", preset)
        # As in a server that has run for a while: what is to be done for the images is done, files
        # of its log of writes are there to be used again, and the background process has begun. A
        # new file of that log is 50 ms in which nobody commits.
        ground.settle()
        with psycopg.connect(ground.database, autocommit=True) as connection:
            row = connection.execute("select id from images limit 1").fetchone()
            assert row is not None
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")
        time.sleep(told.settle)
        print(
            f"{describe_machine()}; {told.rate} a second for {told.seconds} s, {told.processes} API processes"
        )
        floor = measure(ground, told.rate, told.seconds, Load("GET", "/healthz", None, []))
        print(f"{'floor: an empty route':45} {show(floor)}")
        commits = measure_commits(ground, told.rate, told.seconds)
        within = 100 * sum(1000 * took <= GOAL_MS for took in commits) / len(commits)
        print(
            f"{'floor: one row committed':45} {show(commits)}; {within:.2f} % within {GOAL_MS} ms"
        )
        measure_runs(ground, told, "over one image", {"image": str(row[0])}, GOAL)
        before = read_submits(ground)
        print(
            f"{f'one by one over {told.images:,} images':45} {show(measure_large(caller, ground, told.large))}"
        )
        print(f"{'   of it in the server':45} {show_submits(before, read_submits(ground), GOAL)}")
        forget(ground)
        print(
            f"{told.images:,} images can all be leased after {measure_expansion(ground, told.images):.2f} s (goal: 5)"
        )
        forget(ground)
        measure_runs(
            ground, told, "over a selection", {"captured_after": "2100-01-01T00:00:00Z"}, ""
        )


def measure_runs(
    ground: Ground, told: argparse.Namespace, name: str, content: dict[str, str], goal: str
) -> None:
    """Submit runs over this content at a steady rate, and print."""
    body = {"preset": "bench", "project": ground.project, "content": content}
    load = Load("POST", "/pipeline/run", json.dumps(body).encode(), [])
    measure(
        ground, told.rate, 1, replace(load, times=[])
    )  # what is asked first of all is asked slowly
    before = read_submits(ground)
    times = measure(ground, told.rate, told.seconds, load)
    print(f"{name:45} {show(times)}")
    print(f"{'   of it in the server':45} {show_submits(before, read_submits(ground), goal)}")
    forget(ground)


def measure_commits(ground: Ground, rate: int, seconds: int) -> list[float]:
    """Commit a row at this rate for so long; answers how long each took, in seconds."""
    times = []
    with psycopg.connect(ground.database, autocommit=True) as connection:
        connection.execute("create table floor (number int)")
        began = time.monotonic()
        for number in range(rate * seconds):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            asked = time.monotonic()
            connection.execute("insert into floor values (%s)", (number,))
            times.append(time.monotonic() - asked)
        connection.execute("drop table floor")
    return times


def measure(ground: Ground, rate: int, seconds: int, load: Load) -> list[float]:
    """Send at this rate for so long; answers how long each answer took, in seconds."""
    with contextlib.ExitStack() as stack, selectors.SelectSelector() as waiting:
        # In turn, as callers of their own would be: the server's processes hold some of the
        # connections each.
        free = deque(stack.enter_context(Line(ground, load)) for _ in range(CALLERS))
        for line in free:
            waiting.register(line.socket, selectors.EVENT_READ, line)
        began, sent, answered, asked = time.monotonic() + 0.5, 0, 0, rate * (seconds + 1)
        while answered < asked:
            next_at = began + sent / rate
            while free and sent < asked and time.monotonic() >= next_at:
                free.popleft().send(next_at, is_counted=sent >= rate)
                sent += 1
                next_at = began + sent / rate
            wait = None if sent == asked or not free else max(0.0, next_at - time.monotonic())
            for key, _ in waiting.select(wait):
                if key.data.receive():
                    free.append(key.data)
                    answered += 1
    return load.times


class Line:
    """A connection that is kept open and always asks the same, at the least cost: one thread serves all of them."""

    def __init__(self, ground: Ground, load: Load) -> None:
        body = load.body or b""
        self.socket = socket.create_connection(("127.0.0.1", ground.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._load = load
        self._request = (
            f"{load.method} /api/v2{load.path} HTTP/1.1\r\nHost: 127.0.0.1:{ground.port}\r\n"
            f"Authorization: Token {ground.owner}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        self._heard = b""
        self._at, self._is_counted = 0.0, False

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, at: float, *, is_counted: bool) -> None:
        """Send the request that was due at this time."""
        self._at, self._is_counted = at, is_counted
        self.socket.sendall(self._request)

    def receive(self) -> bool:
        """Read what is there; answers whether the answer is whole.

        Anything but a 2xx ends the benchmark.
        """
        self._heard += (told := self.socket.recv(65536))
        head, blank, body = self._heard.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
        if not told or (blank and length is None):
            raise SystemExit(f"{self._load.path}: not a whole answer: {self._heard[:500]!r}")
        if not blank or length is None or len(body) < int(length[1]):
            return False
        if not re.match(rb"HTTP/1.1 2\d\d", head):
            raise SystemExit(f"{self._load.path}: {self._heard.decode(errors='replace')[:1000]}")
        if self._is_counted:
            self._load.times.append(time.monotonic() - self._at)
        self._heard = b""
        return True


def measure_large(caller: Caller, ground: Ground, count: int) -> list[float]:
    """Seconds of each of some submits over every image."""
    times = []
    body = {"preset": "bench", "project": ground.project, "content": {}}
    for _ in range(count):
        began = time.monotonic()
        job = caller.ask("POST", "/pipeline/run", body)["job_id"]
        times.append(time.monotonic() - began)
        caller.call("POST", f"/pipeline/job/{job}/cancel")
        wait_for_chores(ground)
    return times


def wait_for_chores(ground: Ground) -> None:
    """Wait until nothing of what was asked for is left to be done behind the answers."""
    while ground.count(
        "select count(*) from procrastinate.procrastinate_jobs"
        " where status in ('todo', 'doing') and task_name in ('expand_job', 'sweep_job')"
    ):
        time.sleep(0.02)


def measure_expansion(ground: Ground, images: int) -> float:
    """Seconds from a submit until every image can be leased."""
    body = {"preset": "bench", "project": ground.project, "content": {}}
    began = time.monotonic()
    job = (
        Caller(ground.port, ground.owner)
        .ask("POST", "/pipeline/run", body)["job_id"]
        .removeprefix("job-")
    )
    with psycopg.connect(ground.database, autocommit=True) as connection:
        while True:
            row = connection.execute(
                "select expanded, open from jobs where id = %s", (job,)
            ).fetchone()
            assert row is not None
            if row[0]:
                assert row[1] == images, row
                return time.monotonic() - began
            time.sleep(0.005)


def forget(ground: Ground) -> None:
    """Wait until nothing of what was asked is left to be done, and take it away."""
    with psycopg.connect(ground.database, autocommit=True) as connection:
        connection.execute("delete from procrastinate.procrastinate_jobs where status = 'todo'")
        wait_for_chores(ground)
        connection.execute("truncate jobs cascade")
        connection.execute("vacuum analyze")


def read_submits(ground: Ground) -> dict[float, float]:
    """Read how many submits the server has answered within each of these seconds so far."""
    told = urllib.request.Request(
        f"http://127.0.0.1:{ground.port}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    with urllib.request.urlopen(told, timeout=60) as answer:
        text = answer.read().decode()
    found = re.findall(r'^trapline_submit_seconds_bucket{le="([^"]+)"} (\S+)$', text, re.MULTILINE)
    return {float(bound): float(count) for bound, count in found}


def show_submits(before: dict[float, float], after: dict[float, float], goal: str) -> str:
    """Tell between which times the 99th of a hundred lies, and how many keep the goal."""
    counts = {bound: after[bound] - before.get(bound, 0) for bound in sorted(after)}
    total = counts[math.inf]
    within = 100 * counts[GOAL_MS / 1000] / total
    bounds = [0.0, *counts]
    place = next(number for number, bound in enumerate(counts) if counts[bound] >= 0.99 * total)
    low, high = 1000 * bounds[place], 1000 * bounds[place + 1]
    return f"p99 between {low:.1f} and {high:.1f} ms; {within:.2f} % within {GOAL_MS} ms{goal}"


def show(times: list[float]) -> str:
    """Tell times in milliseconds."""
    cuts = statistics.quantiles(times, n=1000)
    p50, p99, p999 = (1000 * cuts[place] for place in (499, 989, 998))
    return (
        f"median {p50:6.2f} ms   p99 {p99:6.2f} ms   p99.9 {p999:7.2f} ms   {len(times):,} answers"
    )


if __name__ == "__main__":
    main()
