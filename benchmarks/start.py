"""B11: time from `trapline up` until it is ready, and its idle use of memory and processor.

    python benchmarks/start.py [--rounds 5] [--idle 60]

A new folder and a used folder are measured. The floor is PostgreSQL's initdb for a new folder, and
its start for a used one, with the same binaries and options in the same run. `trapline up` is ready
when the server answers /readyz with 200. Memory is the proportional set size (PSS, shared pages
divided by their users) and RSS of each process; CPU is a share of one processor over the idle time.
"""

import argparse
import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from _ground import describe_machine

from trapline.cli.up import is_ready
from trapline.server.platform.postgres.postgres import (
    find_free_port,
    find_running_url,
    start_postgres,
    stop_postgres,
)

SETTLE_S = 5.0
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument(
        "--idle", type=float, default=60, help="seconds of idleness; 0 leaves it out"
    )
    arguments.add_argument("--worker", action="store_true", help="with the worker, too")
    options = arguments.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    # Not below a home directory: the user that PostgreSQL runs as must be able to read it.
    with tempfile.TemporaryDirectory(prefix="trapline-bench-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        rounds = []
        for number in range(options.rounds):
            bare, data = Path(name) / f"bare-{number}", Path(name) / f"data-{number}"
            floors = [time_postgres(bare), time_postgres(bare)]
            ways = [time_up(data), time_up(data)]
            rounds.append((*floors, *ways))
            print(
                "initdb {:5.2f} s   PostgreSQL alone {:5.2f} s   "
                "new {:5.2f} s   used {:5.2f} s".format(*rounds[-1]),
                flush=True,
            )
            shutil.rmtree(bare)
        medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
        print(
            f"\n{describe_machine()}; {options.rounds} rounds, medians; load "
            f"{os.getloadavg()[0]:.1f}"
        )
        print(
            f"a new folder   floor {medians[0]:5.2f} s   ready after {medians[2]:5.2f} s   goal 5 s"
        )
        print(
            f"a used folder  floor {medians[1]:5.2f} s   ready after {medians[3]:5.2f} s   goal 2 s"
        )
        if options.idle:
            measure_idle(Path(name) / "data-0", options.idle, with_worker=options.worker)


def time_postgres(folder: Path) -> float:
    """Start PostgreSQL and stop it; return the seconds until it is ready.

    On a new folder they include initdb.
    """
    began = time.monotonic()
    running = start_postgres(folder)
    took = time.monotonic() - began
    stop_postgres(running)
    return took


def time_up(data: Path) -> float:
    """Start Trapline and stop it; return the seconds until the server is ready."""
    began = time.monotonic()
    with running_up(data) as (_, port):
        while not is_ready(port):
            time.sleep(0.005)
        return time.monotonic() - began


@contextlib.contextmanager
def running_up(data: Path, *, with_worker: bool = False) -> Iterator[tuple[int, int]]:
    """Run `trapline up`; yield its process ID and its port."""
    ours = ("TRAPLINE_", "ML_", "S3_", "DATABASE_URL")
    quiet = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    port = find_free_port()
    command = [sys.executable, "-m", "trapline.cli.main", "up", f"--data={data}", f"--port={port}"]
    with data.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen(
            command if with_worker else [*command, "--no-worker"],
            env=quiet,
            stdout=log,
            stderr=log,
            cwd=data.parent,
            start_new_session=True,
        )
    try:
        yield process.pid, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def measure_idle(data: Path, seconds: float, *, with_worker: bool) -> None:
    """Leave it idle, and print the memory and processor time of each of its processes."""
    with running_up(data, with_worker=with_worker) as (up, port):
        while not is_ready(port):
            time.sleep(0.05)
        time.sleep(SETTLE_S)
        before = look_at_family(up)
        time.sleep(seconds)
        after = look_at_family(up)
    print(f"\nidle for {seconds:.0f} s        PSS MiB   RSS MiB   CPU %")
    names = sorted(
        {name for name, *_ in after.values()}, key="up api background worker PostgreSQL".find
    )
    total = [0.0, 0.0, 0.0]
    for name in names:
        ours = [pid for pid in after if after[pid][0] == name]
        memory = [sum(after[pid][place] for pid in ours) / 1024 for place in (1, 2)]
        taken = sum(after[pid][3] - before.get(pid, (name, 0, 0, 0.0))[3] for pid in ours)
        share = 100 * taken / TICKS / seconds
        total = [one + more for one, more in zip(total, (*memory, share), strict=True)]
        print(f"{name:12} ({len(ours):2})      {memory[0]:7.0f}   {memory[1]:7.0f}   {share:5.1f}")
    print(f"{'together':12}           {total[0]:7.0f}   {total[1]:7.0f}   {total[2]:5.1f}")
    assert find_running_url(data) is None


def look_at_family(up: int) -> dict[int, tuple[str, int, int, float]]:
    """Return the kind, PSS and RSS in KiB, and processor ticks of each process below `up`."""
    parents, times = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
            parents[int(stat.parent.name)] = int(words[1])
            times[int(stat.parent.name)] = float(words[11]) + float(words[12])
    family = {up}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    found = {}
    for pid in family:
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
            sizes = {line.split()[0]: int(line.split()[1]) for line in lines[1:]}
            found[pid] = (_name(command), sizes["Pss:"], sizes["Rss:"], times[pid])
    return found


def _name(command: str) -> str:
    for part, name in (
        ("main\0api", "api"),
        ("main\0background", "background"),
        ("local_worker", "worker"),
        ("imaging.decoder_process", "decoder"),
        ("postgres", "PostgreSQL"),
        ("cli.main\0up", "up"),
    ):
        if part in command:
            return name
    return "other"


if __name__ == "__main__":
    main()
