"""B15: derive all observations of a project again, compared with its floor in the same run.

    python benchmarks/rebuild.py [--images 1000000] [--rounds 1] [--batches 40]

The images are those of benchmarks/grid.py: half of them are blank, the others have 16 boxes. A
change of a threshold starts the rebuild, and it is followed until its observations are the current
ones. The floor: INSERT ... SELECT of the same rows into the same tables and indexes, in one
transaction: `observations` and its index of classes. It derives nothing.

A chunk is measured from one commit to the next. Then the line of benchmarks/line.py is measured
alone and during a rebuild.
"""

import argparse
import statistics
import threading
import time
from typing import Any

import psycopg
from _ground import Ground, describe_machine, open_ground
from grid import change_threshold, derive, fill
from line import measure_line

NO_SET = -1
"""The set of the floor's observations; no set has this ID."""
SAMPLE_S = 0.02


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--images", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument(
        "--batches", type=int, default=40, help="batches of each client of the line; 0 for none"
    )
    options = arguments.parse_args()
    with open_ground(1) as ground:
        ground.register()
        measure_line(ground, 1)
        fill(ground, ground.count("select max(id) from jobs"), options.images)
        derive(ground)
        ground.settle()
        wait_for_deletion(ground)
        print(describe_machine())
        for _ in range(options.rounds):
            measure(ground, options.images)
        if options.batches:
            measure_ingestion(ground, options.batches)


def measure(ground: Ground, images: int) -> None:
    """Measure one rebuild and its floor, and print a table."""
    with psycopg.connect(ground.database, autocommit=True) as connection:
        connection.execute("vacuum analyze observations")
        connection.execute("vacuum analyze observed_classes")
        connection.execute("checkpoint")
        change_threshold(ground)
        began, busy = time.monotonic(), ground.processor_time()
        gaps = sorted(list_gaps(connection))
        seconds, busy = time.monotonic() - began, ground.processor_time() - busy
        wait_for_deletion(ground)
        connection.execute("vacuum analyze observations")
        connection.execute("vacuum analyze observed_classes")
        connection.execute("checkpoint")
        rows, floor, floor_busy = insert(ground, connection)
    print(f"floor    {floor:7.1f} s   {images / floor:8,.0f} images/s   {rows:,} rows")
    print(
        f"rebuild  {seconds:7.1f} s   {images / seconds:8,.0f} images/s   {floor / seconds:.0%} of "
        "the floor (goal 50 %, 10 min)"
    )
    print(
        f"processor time: floor {floor_busy:.1f} s, rebuild {busy:.1f} s, {floor_busy / busy:.0%}"
    )
    print(
        f"{len(gaps)} chunks: median {gaps[len(gaps) // 2] * 1000:.0f} ms, "
        f"p95 {gaps[int(len(gaps) * 0.95)] * 1000:.0f} ms, "
        f"longest {gaps[-1] * 1000:.0f} ms (goal 200 ms)",
        flush=True,
    )


def list_gaps(connection: psycopg.Connection[Any]) -> list[float]:
    """Follow the rebuild until its end; return the seconds between its commits."""
    gaps, derived, last = [], 0, time.monotonic()
    while True:
        row = connection.execute(
            "select derived from observation_sets where state = 'building'"
        ).fetchone()
        now = time.monotonic()
        if row is None:
            return gaps or [now - last]
        if row[0] != derived:
            gaps.append(now - last)
            derived, last = row[0], now
        time.sleep(SAMPLE_S)


def insert(ground: Ground, connection: psycopg.Connection[Any]) -> tuple[int, float, float]:
    """Insert copies of all current observations.

    Return their number, the seconds, and the seconds of processor time.
    """
    connection.execute("drop table if exists pg_temp.seen, pg_temp.names")
    for table, source in (("seen", "observations"), ("names", "observed_classes")):
        connection.execute(
            f"create temp table {table} as select o.* from {source} o "
            "join projects p on p.observation_set_id = o.set_id order by o.image_id"
        )
        connection.execute(f"update {table} set set_id = %s", (NO_SET,))
        connection.execute(f"analyze {table}")
    began, busy = time.monotonic(), ground.processor_time()
    with connection.transaction():
        rows = connection.execute("insert into observations select * from seen").rowcount
        rows += connection.execute("insert into observed_classes select * from names").rowcount
    seconds, busy = time.monotonic() - began, ground.processor_time() - busy
    connection.execute("drop table pg_temp.seen, pg_temp.names")
    connection.execute("delete from observations where set_id = %s", (NO_SET,))
    connection.execute("delete from observed_classes where set_id = %s", (NO_SET,))
    return rows, seconds, busy


def wait_for_deletion(ground: Ground) -> None:
    """Wait until the observations of earlier settings are deleted."""
    while ground.count("select count(*) from observation_sets where state = 'retired'"):
        time.sleep(0.5)


def measure_ingestion(ground: Ground, batches: int) -> None:
    """Measure the line alone and during a rebuild, and print a table."""
    measure_line(ground, max(1, batches // 8))  # warm-up
    alone = [measure_line(ground, batches)]
    change_threshold(ground)
    ended = threading.Event()

    def follow() -> None:
        with psycopg.connect(ground.database, autocommit=True) as connection:
            list_gaps(connection)
        ended.set()

    follower = threading.Thread(target=follow)
    follower.start()
    during = measure_line(ground, batches)
    was_over = ended.is_set()
    follower.join()
    wait_for_deletion(ground)
    alone.append(measure_line(ground, batches))
    middle = statistics.mean(alone)
    print(
        f"line alone {alone[0]:,.0f} and {alone[1]:,.0f} images/s, during a rebuild "
        f"{during:,.0f}: {during / middle:.0%} (goal 80 %)"
        + ("; the rebuild ended before the line" if was_over else "")
    )


if __name__ == "__main__":
    main()
