"""B12: the same no-op tasks through others' queues and through the line, results stored durably.

    python benchmarks/peers.py [--count 5000] [--rounds 3] [--seconds 60] [--queue-only]

The others are installed by name into an environment that is thrown away, Redis from the system or
from Debian's package, unpacked beside it. What cannot be had is said and left out. Everything
listens on 127.0.0.1 and ends with the program. Each gets two processes to work in, as the line's
server has; the line's workers come on top of that and speak HTTP. Time is taken from 5 % of the
results stored to the last one.

Durable means that a result is on disk when its task is acknowledged: Redis with `appendfsync
always`, PostgreSQL as it comes. Redis with `appendfsync everysec` is shown beside it and counts for
nothing.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from _ground import Caller, Ground, describe_machine, open_ground
from line import make_result

from trapline.server.platform.postgres.postgres import start_postgres, stop_postgres

PEERS = Path(__file__).parent / "_peers"
PACKAGES = ("celery[redis]", "dramatiq[redis]", "procrastinate", "psycopg[binary]")
PROCESSES = 2
CLIENTS = 4
BATCH = 64
GOAL = 3.0


class Missing(Exception):
    """Something that a peer needs cannot be had here; the message says what."""


@dataclass(frozen=True)
class Rates:
    """Tasks a second: put into the queue, and worked on."""

    submitted: float
    worked: float

    @property
    def both(self) -> float:
        """The whole way of a task."""
        return 1 / (1 / self.submitted + 1 / self.worked)


@dataclass(frozen=True)
class Peer:
    """How to work, how to submit, and how many results are stored."""

    program: str
    worker: list[str]
    environment: dict[str, str]
    count_stored: Callable[[], int]


def main() -> None:
    """Measure in turns and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--count", type=int, default=5000, help="tasks of each peer in a round")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument(
        "--seconds", type=float, default=60, help="the longest that one peer may take in a round"
    )
    arguments.add_argument(
        "--queue-only", action="store_true", help="measure no other queue, and install nothing"
    )
    told = arguments.parse_args()
    measured: dict[str, list[Rates]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="trapline-peers-", dir="/tmp") as name,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL's unprivileged uid must reach what lies in it
        runs = {} if told.queue_only else find_runs(folder, told.count, told.seconds)
        ground = stack.enter_context(open_ground(PROCESSES))
        ground.register()
        measure_line(ground, 8 * BATCH, boxes=0)  # warm
        runs["line, nothing found"] = lambda: measure_line(ground, told.count * 4, boxes=0)
        runs["line, 5 boxes + 5 classes"] = lambda: measure_line(ground, told.count * 4, boxes=5)
        for _ in range(told.rounds):
            # In turns, so that a machine that slows down slows all of them.
            for title, run in runs.items():
                rates = run()
                measured.setdefault(title, []).append(rates)
                print(f"{title:<42} {rates.submitted:8.0f} {rates.worked:8.0f}", flush=True)
    show(measured, told.rounds)


def show(measured: dict[str, list[Rates]], rounds: int) -> None:
    """Print medians and ratios."""
    middle = {
        title: Rates(
            statistics.median(r.submitted for r in rates),
            statistics.median(r.worked for r in rates),
        )
        for title, rates in measured.items()
    }
    print(
        f"\n{describe_machine()}; tasks a second, median of {rounds}; load {os.getloadavg()[0]:.1f}"
    )
    print(f"{'':<42} {'submit':>8} {'work':>8} {'both':>8}")
    for title, rates in middle.items():
        print(f"{title:<42} {rates.submitted:8.0f} {rates.worked:8.0f} {rates.both:8.0f}")
    durable = {
        title: rates
        for title, rates in middle.items()
        if not title.startswith("line") and "not" not in title
    }
    if not durable:
        print("no peer could be measured here")
        return
    best = max(durable, key=lambda title: durable[title].worked)
    print(f"\nbest durable peer: {best}; goal {GOAL:.0f} times")
    for title, rates in middle.items():
        if title.startswith("line"):
            worked, both = (
                rates.worked / durable[best].worked,
                rates.both / max(r.both for r in durable.values()),
            )
            print(f"{title:<42} {worked:6.1f} times at work, {both:.1f} times over the whole way")


def find_runs(folder: Path, count: int, seconds: float) -> dict[str, Callable[[], Rates]]:
    """Find out which peers can be measured here; says which cannot, and why."""
    runs: dict[str, Callable[[], Rates]] = {}
    try:
        binaries = make_environment(folder / "environment")
    except Missing as missing:
        print(f"left out: every peer: {missing}")
        return runs
    runs["procrastinate + PostgreSQL"] = lambda: run_procrastinate(folder, binaries, count, seconds)
    try:
        redis = find_redis(folder / "redis")
    except Missing as missing:
        print(f"left out: Celery and dramatiq over Redis: {missing}")
    else:
        for fsync, title in (
            ("always", "fsync always"),
            ("everysec", "fsync everysec, not durable"),
        ):
            runs[f"Celery + Redis, {title}"] = _over_redis(
                run_celery, folder, binaries, redis, fsync, count, seconds
            )
            runs[f"dramatiq + Redis, {title}"] = _over_redis(
                run_dramatiq, folder, binaries, redis, fsync, count, seconds
            )
    if shutil.which("rabbitmq-server") is None:
        print("left out: Celery over RabbitMQ: there is no rabbitmq-server here")
    return runs


def _over_redis(
    run: Callable[[Path, str, int, float], Rates],
    folder: Path,
    binaries: Path,
    redis: list[str],
    fsync: str,
    count: int,
    seconds: float,
) -> Callable[[], Rates]:
    def measure() -> Rates:
        with open_redis(folder, redis, fsync) as port:
            return run(binaries, f"redis://127.0.0.1:{port}", count, seconds)

    return measure


def make_environment(folder: Path) -> Path:
    """An environment with the peers in it, by name; answers its folder of programs."""
    uv = Path(sys.executable).with_name("uv")
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, folder],
        [uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", *PACKAGES],
    ):
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Missing(f"{command[1]}: {done.stderr.strip()[-300:]}")
    return folder / "bin"


def find_redis(folder: Path) -> list[str]:
    """The command of a Redis server: the system's, or Debian's, unpacked into a folder and not installed."""
    found = shutil.which("redis-server")
    if found:
        return [found]
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Missing("there is no redis-server, and no apt-get to fetch one")
    (folder / "partial").mkdir(parents=True)
    fetch = ["apt-get", "install", "--yes", "--no-install-recommends", "--download-only"]
    fetch += ["-o", f"Dir::Cache::archives={folder}", "-o", "Debug::NoLocking=1", "redis-server"]
    done = subprocess.run(fetch, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"apt-get: {done.stderr.strip()[-300:]} (apt-get update may help)")
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(folder / "root")], check=True)
    libraries = ":".join(
        str(path) for path in (folder / "root" / "usr" / "lib").glob("*-linux-gnu")
    )
    return [
        "env",
        f"LD_LIBRARY_PATH={libraries}",
        str(folder / "root" / "usr" / "bin" / "redis-server"),
    ]


@contextlib.contextmanager
def open_redis(folder: Path, command: list[str], fsync: str) -> Iterator[int]:
    """A Redis with its append-only file in an empty folder; gives its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(dir=folder) as data:
        told = [
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--dir",
            data,
            "--save",
            "",
            "--appendonly",
            "yes",
        ]
        process = subprocess.Popen(
            [*command, *told, "--appendfsync", fsync, "--daemonize", "no"],
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: ask_redis(port, "PING") == "+PONG", 10, "redis-server did not start")
            yield port
        finally:
            process.terminate()
            process.wait(10)


def ask_redis(port: int, command: str, database: int = 0) -> str:
    """One command with a one-line answer; "" where nobody listens yet."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
        connection.makefile("rw", newline="") as wire,
    ):
        wire.write(f"SELECT {database}\r\n{command}\r\n")
        wire.flush()
        wire.readline()
        return wire.readline().strip()
    return ""


def run_celery(binaries: Path, url: str, count: int, seconds: float) -> Rates:
    """Celery's own pool of processes, without the talk between workers that nothing here needs."""
    port = int(url.rpartition(":")[2])
    worker = [
        str(binaries / "celery"),
        "-A",
        "celery_peer",
        "worker",
        "--pool=prefork",
        f"--concurrency={PROCESSES}",
    ]
    worker += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR"]
    peer = Peer("celery_peer.py", worker, {"PEER_REDIS": url}, lambda: _count_results(port))
    return measure_peer(binaries, peer, count, seconds)


def run_dramatiq(binaries: Path, url: str, count: int, seconds: float) -> Rates:
    """Dramatiq with its own default of eight threads in each process."""
    port = int(url.rpartition(":")[2])
    worker = [
        str(binaries / "dramatiq"),
        "dramatiq_peer",
        f"--processes={PROCESSES}",
        "--threads=8",
    ]
    peer = Peer("dramatiq_peer.py", worker, {"PEER_REDIS": url}, lambda: _count_results(port))
    return measure_peer(binaries, peer, count, seconds)


def _count_results(port: int) -> int:
    return int(ask_redis(port, "DBSIZE", database=1).removeprefix(":") or 0)


def run_procrastinate(folder: Path, binaries: Path, count: int, seconds: float) -> Rates:
    """Procrastinate in two processes of eight tasks at a time, over a PostgreSQL of its own, set as ours is."""
    with tempfile.TemporaryDirectory(dir=folder) as data:
        Path(data).chmod(0o711)
        postgres = start_postgres(Path(data))
        try:
            environment = {"PEER_POSTGRES": postgres.url}
            _submit(binaries, "procrastinate_peer.py", environment, 0)
            one = [
                str(binaries / "procrastinate"),
                "--app",
                "procrastinate_peer.app",
                "worker",
                "--concurrency=8",
            ]
            both = ["sh", "-c", '"$@" & "$@" & trap "kill %1 %2; wait" TERM; wait', "sh", *one]
            with psycopg.connect(postgres.url, autocommit=True) as connection:

                def count_done() -> int:
                    query = "select count(*) from procrastinate_jobs where status = 'succeeded'"
                    row = connection.execute(query).fetchone()
                    return int(row[0]) if row else 0

                peer = Peer("procrastinate_peer.py", both, environment, count_done)
                return measure_peer(binaries, peer, count, seconds)
        finally:
            stop_postgres(postgres, timeout_s=5)


def measure_peer(binaries: Path, peer: Peer, count: int, seconds: float) -> Rates:
    """Submit everything, then work on it; a peer that is slower than `seconds` is measured by what it did."""
    submitted = count / _submit(binaries, peer.program, peer.environment, count)
    worker = subprocess.Popen(
        peer.worker,
        cwd=PEERS,
        env=os.environ
        | peer.environment
        | {"PYTHONPATH": str(PEERS), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(
            lambda: peer.count_stored() >= count // 20, 60, f"{peer.program} did not start to work"
        )
        first, began = peer.count_stored(), time.monotonic()
        while (done := peer.count_stored()) < count and time.monotonic() - began < seconds:
            time.sleep(0.02)
        return Rates(submitted, (done - first) / (time.monotonic() - began))
    finally:
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(worker.pid, signal.SIGKILL)  # its own session, begun above
            worker.wait()


def _submit(binaries: Path, program: str, environment: dict[str, str], count: int) -> float:
    done = subprocess.run(
        [str(binaries / "python"), program, str(count)],
        cwd=PEERS,
        env=os.environ | environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{program}: {done.stderr[-2000:]}")
    return float(done.stdout)


def measure_line(ground: Ground, images: int, boxes: int) -> Rates:
    """The line over HTTP: a job until its tasks are there, then four clients that lease and post."""
    images -= images % (CLIENTS * BATCH)
    ground.add_images(images)
    began = time.monotonic()
    job = ground.run_job(images)
    submitted = images / (time.monotonic() - began)
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(CLIENTS + 1)
    clients = [
        context.Process(target=work, args=(start, ground, job, boxes), daemon=True)
        for _ in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    start.wait()
    began = time.monotonic()
    for client in clients:
        client.join()
    seconds = time.monotonic() - began
    done = ground.count("select completed from jobs where id = %s and status = 'completed'", job)
    if done != images:
        raise SystemExit(f"{done} of {images} are completed")
    return Rates(submitted, images / seconds)


def work(start: Any, ground: Ground, job: int, boxes: int) -> None:
    """One client: lease, answer, until nothing is left."""
    caller = Caller(ground.port, ground.worker)
    result = make_result("IMAGE")
    result["detections"] = result["detections"][:boxes]
    template = json.dumps(result)
    start.wait()
    while True:
        tasks = json.loads(
            caller.call("POST", f"/jobs/{job}/tasks/", f'{{"batch_size": {BATCH}}}'.encode())
        )["tasks"]
        if not tasks:
            return
        results = ", ".join(
            f'{{"reply_subject": "{task["reply_subject"]}", "result": {template.replace("IMAGE", task["image_id"])}}}'
            for task in tasks
        )
        answer = json.loads(
            caller.call("POST", f"/jobs/{job}/result/", f'{{"results": [{results}]}}'.encode())
        )
        if answer["results_queued"] != len(tasks):
            raise SystemExit(str(answer)[:500])


def wait_until(happened: Callable[[], bool], within_s: float, otherwise: str) -> None:
    """Ask again and again; ends the benchmark where it does not happen."""
    deadline = time.monotonic() + within_s
    while not happened():
        if time.monotonic() > deadline:
            raise SystemExit(otherwise)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
