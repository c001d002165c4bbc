"""B12: the same no-op tasks in other queues and in Trapline, with results stored durably.

    python benchmarks/peers.py [--count 5000] [--rounds 3] [--seconds 60] [--queue-only]

The other queues are installed by name into a temporary environment; Redis is the system's, or
unpacked from Debian's package. Whatever is unavailable is reported and skipped. All servers listen
on 127.0.0.1 and end with the program. Each queue has two processes for its work, as Trapline's
server does; Trapline's workers run in addition and use HTTP. The time is measured from 5 % of the
results stored to the last result.

Durable means that a result is on disk when its task is acknowledged: Redis with `appendfsync
always`, PostgreSQL with its defaults. Redis with `appendfsync everysec` is printed for information
only.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from _ground import Caller, Ground, describe_machine, open_ground
from _peer_measurement import Peer, Rates, measure_peer, submit_tasks
from _peer_servers import Missing, ask_redis, find_redis, make_environment, open_redis
from line import make_result

from trapline.server.platform.postgres.postgres import start_postgres, stop_postgres

PROCESSES = 2
CLIENTS = 4
BATCH = 64
GOAL = 3.0


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
    options = arguments.parse_args()
    measured: dict[str, list[Rates]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="trapline-peers-", dir="/tmp") as name,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL's unprivileged user must be able to read its content
        runs = {} if options.queue_only else find_runs(folder, options.count, options.seconds)
        ground = stack.enter_context(open_ground(PROCESSES))
        ground.register()
        measure_line(ground, 8 * BATCH, boxes=0)  # warm-up
        runs["line, nothing found"] = lambda: measure_line(ground, options.count * 4, boxes=0)
        runs["line, 5 boxes + 5 classes"] = lambda: measure_line(ground, options.count * 4, boxes=5)
        for _ in range(options.rounds):
            # In turns, so that a slow machine slows all of them equally.
            for title, run in runs.items():
                rates = run()
                measured.setdefault(title, []).append(rates)
                print(f"{title:<42} {rates.submitted:8.0f} {rates.worked:8.0f}", flush=True)
    show(measured, options.rounds)


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
    """Return the queues that can be measured here; print the others with the reason."""
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


def run_celery(binaries: Path, url: str, count: int, seconds: float) -> Rates:
    """Run Celery's pool of processes, without unneeded messages between workers."""
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
    """Run dramatiq with its default of eight threads in each process."""
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
    """Run procrastinate in two processes of eight tasks each, over a separate PostgreSQL.

    PostgreSQL has the same options as Trapline's.
    """
    with tempfile.TemporaryDirectory(dir=folder) as data:
        Path(data).chmod(0o711)
        postgres = start_postgres(Path(data))
        try:
            environment = {"PEER_POSTGRES": postgres.url}
            submit_tasks(binaries, "procrastinate_peer.py", environment, 0)
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


def measure_line(ground: Ground, images: int, boxes: int) -> Rates:
    """Measure Trapline's queue over HTTP: submit a job, then lease and post with four clients."""
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
    """Lease tasks and post results until no task is left."""
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
            f'{{"reply_subject": "{task["reply_subject"]}", '
            f'"result": {template.replace("IMAGE", task["image_id"])}}}'
            for task in tasks
        )
        answer = json.loads(
            caller.call("POST", f"/jobs/{job}/result/", f'{{"results": [{results}]}}'.encode())
        )
        if answer["results_queued"] != len(tasks):
            raise SystemExit(str(answer)[:500])


if __name__ == "__main__":
    main()
