"""Processor time of an idle `trapline up`, and the number of its database transactions.

    python benchmarks/idle.py [--seconds 60] [--settle 330]

Every process of `trapline up` is counted, including its worker; PostgreSQL is counted separately.
The floor is PostgreSQL alone with the same options and no client, over the same seconds in the same
run. The goal is 1 % of a processor without PostgreSQL. The worker looks for new projects more often
in its first five minutes (`--settle 330`).
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from _ground import describe_machine
from start import TICKS, look_at_family, running_up

from trapline.cli.up import is_ready
from trapline.server.platform.postgres.postgres import (
    find_running_url,
    start_postgres,
    stop_postgres,
)

GOAL = 1.0
TRANSACTIONS = (
    "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()"
)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, help="how long to measure")
    parser.add_argument("--settle", type=float, default=330, help="how long to wait before")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    # Not below a home directory: the user that PostgreSQL runs as must be able to read it.
    with tempfile.TemporaryDirectory(prefix="trapline-bench-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        data = Path(name) / "data"
        with running_up(data, with_worker=True) as (up, port):
            while not is_ready(port):
                time.sleep(0.05)
            time.sleep(arguments.settle)
            shares = measure_shares(up, arguments.seconds)
            transactions = measure_transactions(data, min(10.0, arguments.seconds))
        alone = start_postgres(data)
        time.sleep(min(5.0, arguments.settle))
        floor = measure_shares(alone.process.pid, arguments.seconds)
        stop_postgres(alone)
        assert find_running_url(data) is None
    database = shares.pop("PostgreSQL", 0.0)
    together = sum(shares.values())
    print(
        f"{describe_machine()}; idle for {arguments.seconds:.0f} s; load {os.getloadavg()[0]:.1f}"
    )
    for process, share in sorted(shares.items(), key=lambda item: -item[1]):
        print(f"{process:24} {share:5.2f} % of a processor")
    print(f"{'without PostgreSQL':24} {together:5.2f} % (goal {GOAL:.0f} %)")
    print(
        f"{'PostgreSQL':24} {database:5.2f} % (floor, without clients: {sum(floor.values()):.2f} %)"
    )
    print(f"{transactions:.1f} transactions/s")


def measure_shares(parent: int, seconds: float) -> dict[str, float]:
    """Return the processor share of each kind of process in a process tree, in per cent."""
    before = look_at_family(parent)
    time.sleep(seconds)
    shares: dict[str, float] = {}
    for pid, (name, _, _, ticks) in look_at_family(parent).items():
        taken = ticks - before.get(pid, (name, 0, 0, 0.0))[3]
        shares[name] = shares.get(name, 0.0) + 100 * taken / TICKS / seconds
    return shares


def measure_transactions(data: Path, seconds: float) -> float:
    """Return the transactions per second of all processes, as PostgreSQL counts them."""
    url = find_running_url(data)
    assert url is not None
    with psycopg.connect(url, autocommit=True) as connection:
        first = connection.execute(TRANSACTIONS).fetchone()
        time.sleep(seconds)
        last = connection.execute(TRANSACTIONS).fetchone()
    assert first is not None
    assert last is not None
    return float(last[0] - first[0]) / seconds


if __name__ == "__main__":
    main()
