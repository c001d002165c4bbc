"""B1: time of a submit at a steady rate, compared with an empty route at the same rate.

    python benchmarks/submit.py [--rate 200] [--seconds 20] [--images 100000] [--processes 2]
        [--large 200] [--settle 15]

A real Trapline on an empty folder with its background process; images have rows but no files.
Requests are sent on schedule over persistent connections, whether or not earlier responses have
arrived. Their time is measured from the scheduled time, so a late response delays the following
ones, except in the first second. A client's times include its own cost on the same machine. The
goal is about the time in the server, from a complete request to its response, which /metrics
reports.

The first measurements show the cost of the machine: an empty route, and one committed row in the
same database, which waits for the disk as a submit does. Then: runs over one image, which are
queued with their job; runs over every image, one at a time, each canceled and deleted before the
next; the time until all their images are queued; and, without a goal, runs over a selection at the
same rate, which are expanded in the background while others are submitted.
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
    """A request that is sent at a steady rate, and the time of each response in seconds."""

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
    options = arguments.parse_args()
    with open_ground(options.processes, {"TRAPLINE_METRICS_TOKEN": TOKEN}) as ground:
        ground.register()
        ground.add_images(options.images)
        caller = Caller(ground.port, ground.owner)
        preset = {"project": ground.project, "name": "bench", "pipeline": SLUG}
        caller.ask("POST", "/presets", preset)
        # As in a server that has run for a while: the background work for the images is done, and
        # files of the write-ahead log can be reused. Creating such a file blocks commits for 50 ms.
        ground.settle()
        with psycopg.connect(ground.database, autocommit=True) as connection:
            row = connection.execute("select id from images limit 1").fetchone()
            assert row is not None
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")
        time.sleep(options.settle)
        print(
            f"{describe_machine()}; {options.rate} a second for {options.seconds} s, "
            f"{options.processes} API processes"
        )
        floor = measure(ground, options.rate, options.seconds, Load("GET", "/healthz", None, []))
        print(f"{'floor: an empty route':45} {show(floor)}")
        commits = measure_commits(ground, options.rate, options.seconds)
        within = 100 * sum(1000 * took <= GOAL_MS for took in commits) / len(commits)
        print(
            f"{'floor: one row committed':45} {show(commits)}; {within:.2f} % within {GOAL_MS} ms"
        )
        measure_runs(ground, options, "over one image", {"image": str(row[0])}, GOAL)
        before = read_submits(ground)
        print(
            f"{f'one by one over {options.images:,} images':45} "
            f"{show(measure_large(caller, ground, options.large))}"
        )
        print(f"{'   of it in the server':45} {show_submits(before, read_submits(ground), GOAL)}")
        delete_jobs(ground)
        print(
            f"{options.images:,} images can all be leased after "
            f"{measure_expansion(ground, options.images):.2f} s (goal: 5)"
        )
        delete_jobs(ground)
        measure_runs(
            ground, options, "over a selection", {"captured_after": "2100-01-01T00:00:00Z"}, ""
        )


def measure_runs(
    ground: Ground, options: argparse.Namespace, name: str, content: dict[str, str], goal: str
) -> None:
    """Submit runs over this content at a steady rate, and print the times."""
    body = {"preset": "bench", "project": ground.project, "content": content}
    load = Load("POST", "/pipeline/run", json.dumps(body).encode(), [])
    measure(ground, options.rate, 1, replace(load, times=[]))  # the first requests are slow
    before = read_submits(ground)
    times = measure(ground, options.rate, options.seconds, load)
    print(f"{name:45} {show(times)}")
    print(f"{'   of it in the server':45} {show_submits(before, read_submits(ground), goal)}")
    delete_jobs(ground)


def measure_commits(ground: Ground, rate: int, seconds: int) -> list[float]:
    """Commit rows at this rate for `seconds`; return the seconds of each commit."""
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
    """Send requests at this rate for `seconds`; return the seconds of each response."""
    with contextlib.ExitStack() as stack, selectors.SelectSelector() as waiting:
        # In turn, as separate clients would: each server process has some of the connections.
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
    """A persistent connection that always sends the same request.

    One thread serves all connections, to keep the overhead small.
    """

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
        """Send the request that was scheduled for this time."""
        self._at, self._is_counted = at, is_counted
        self.socket.sendall(self._request)

    def receive(self) -> bool:
        """Read available data; return whether the response is complete.

        Any status other than 2xx ends the benchmark.
        """
        self._heard += (options := self.socket.recv(65536))
        head, blank, body = self._heard.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
        if not options or (blank and length is None):
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
    """Return the seconds of each submit over all images."""
    times = []
    body = {"preset": "bench", "project": ground.project, "content": {}}
    for _ in range(count):
        began = time.monotonic()
        job = caller.ask("POST", "/pipeline/run", body)["job_id"]
        times.append(time.monotonic() - began)
        caller.call("POST", f"/pipeline/job/{job}/cancel")
        wait_for_background(ground)
    return times


def wait_for_background(ground: Ground) -> None:
    """Wait until all background tasks of earlier submits are done."""
    while ground.count(
        "select count(*) from procrastinate.procrastinate_jobs"
        " where status in ('todo', 'doing') and task_name in ('expand_job', 'sweep_job')"
    ):
        time.sleep(0.02)


def measure_expansion(ground: Ground, images: int) -> float:
    """Return the seconds from a submit until every image can be leased."""
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


def delete_jobs(ground: Ground) -> None:
    """Wait until all background tasks are done, and delete all jobs."""
    with psycopg.connect(ground.database, autocommit=True) as connection:
        connection.execute("delete from procrastinate.procrastinate_jobs where status = 'todo'")
        wait_for_background(ground)
        connection.execute("truncate jobs cascade")
        connection.execute("vacuum analyze")


def read_submits(ground: Ground) -> dict[float, float]:
    """Return the number of submits that the server has answered within each of these limits."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{ground.port}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
    found = re.findall(r'^trapline_submit_seconds_bucket{le="([^"]+)"} (\S+)$', text, re.MULTILINE)
    return {float(bound): float(count) for bound, count in found}


def show_submits(before: dict[float, float], after: dict[float, float], goal: str) -> str:
    """Format the range of the 99th percentile, and the share of submits that meet the goal."""
    counts = {bound: after[bound] - before.get(bound, 0) for bound in sorted(after)}
    total = counts[math.inf]
    within = 100 * counts[GOAL_MS / 1000] / total
    bounds = [0.0, *counts]
    place = next(number for number, bound in enumerate(counts) if counts[bound] >= 0.99 * total)
    low, high = 1000 * bounds[place], 1000 * bounds[place + 1]
    return f"p99 between {low:.1f} and {high:.1f} ms; {within:.2f} % within {GOAL_MS} ms{goal}"


def show(times: list[float]) -> str:
    """Format times in milliseconds."""
    cuts = statistics.quantiles(times, n=1000)
    p50, p99, p999 = (1000 * cuts[place] for place in (499, 989, 998))
    return (
        f"median {p50:6.2f} ms   p99 {p99:6.2f} ms   p99.9 {p999:7.2f} ms   {len(times):,} answers"
    )


if __name__ == "__main__":
    main()
