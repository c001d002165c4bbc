"""B8: a poll that finds nothing new, and the memory for a very long listing.

    python benchmarks/poll.py [--known 100000] [--long 1000000] [--rounds 5]

It is compared with a floor in the same run: the same listing, downloaded from a web server and
parsed by the same gateway. The way: a whole run of a background process, including the start and
the end of its row. Writes are measured in bytes of PostgreSQL's write-ahead log, so that every
write is counted. Memory is the peak of a process that does only this.
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from _directory import Directory, serve
from _ground import Caller, Ground, describe_machine, open_ground

from trapline.server.app.app_startup import open_app_context
from trapline.server.app.settings import load_settings
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.sources.actions.gateways import open_gateway
from trapline.server.sources.actions.pull_runs import run_pull
from trapline.server.sources.queries.pull_runs import create_run, get_run_row
from trapline.server.sources.queries.sources import RunRow, get_source_row

SYSTEM = Scope.system()
LINE = (
    '<a href="IMG_{0:07}.JPG">IMG_{0:07}.JPG</a>                              '
    "01-May-2026 06:00             {1:7}\n"
)


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--known", type=int, default=100_000, help="files that are known")
    arguments.add_argument(
        "--long", type=int, default=1_000_000, help="files of the long listing; 0 leaves it out"
    )
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="trapline-bench-", dir="/tmp") as name:
        root, work = Path(name) / "root", Path(name) / "work"
        work.mkdir(parents=True)
        counts = [count for count in (options.known, options.known // 10, options.long) if count]
        for count in counts:
            write_listing(root / str(count), count)
        with (
            serve(root, work) as directory,
            open_ground(settings={"TRAPLINE_ALLOWED_NETWORKS": directory.origin}) as ground,
        ):
            asyncio.run(measure(ground, directory, options.known, options.rounds))
            for count in counts[1:]:
                peaks = [
                    in_own_process(ground, directory, count, all_new) / 2**20
                    for all_new in (True, False)
                ]
                print(
                    f"{count:9,} entries: at most {peaks[0]:.0f} MiB with all of them new, "
                    f"{peaks[1]:.0f} with none"
                )


def write_listing(folder: Path, count: int) -> None:
    """Write a listing in the format of nginx, of files that do not exist."""
    folder.mkdir(parents=True)
    with (folder / "index.html").open("w", encoding="ascii") as page:
        page.write(
            "<html><head><title>Index of /</title></head><body><h1>Index of /</h1><hr><pre>\n"
        )
        page.writelines(LINE.format(number, 100_000 + number % 9_000) for number in range(count))
        page.write("</pre><hr></body></html>\n")


async def measure(ground: Ground, directory: Directory, known: int, rounds: int) -> None:
    """Compare the floor and the way, round by round."""
    async with open_engines(ground, directory) as system:
        source_id = make_source(ground, directory, known)
        await know(system, source_id)
        pairs, wrote = [], []
        for _ in range(rounds):
            began = time.monotonic()
            assert await list_only(system, source_id) == known
            floor = time.monotonic() - began
            before = count_written(ground)
            began = time.monotonic()
            run = await run_once(system, source_id)
            way = time.monotonic() - began
            wrote.append(count_written(ground) - before)
            assert (run.state, run.listed, run.new, run.imported) == ("completed", known, 0, 0), run
            pairs.append((floor, way))
            print(
                f"floor {floor:6.2f} s   way {way:6.2f} s   {100 * floor / way:.0f} %   "
                f"{wrote[-1]:,} bytes written",
                flush=True,
            )
    floor, way = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"\n{describe_machine()}; {known:,} known files, {directory.program}; load "
        f"{os.getloadavg()[0]:.1f}"
    )
    rates = f"floor {known / floor:,.0f} entries/s, way {known / way:,.0f}"
    print(f"{rates}: {100 * floor / way:.0f} % of the floor (goal 80 %)")
    print(f"a poll writes {statistics.median(wrote):,.0f} bytes, {known:,} known files or not")


@asynccontextmanager
async def open_engines(ground: Ground, directory: Directory) -> AsyncIterator[AppContext]:
    """Open the services of a background process on the same database."""
    with tempfile.TemporaryDirectory(prefix="trapline-bench-", dir="/tmp") as data:
        environment = {
            "DATABASE_URL": ground.database,
            "TRAPLINE_DATA": data,
            "TRAPLINE_SECRET_KEY": "a secret key of the benchmark with 32 bytes",
            "TRAPLINE_ALLOWED_NETWORKS": directory.origin,
        }
        async with open_app_context(load_settings(environment, Path("/dev/null"))) as system:
            yield system


def make_source(ground: Ground, directory: Directory, count: int) -> UUID:
    """Create a paused source, so that no other process polls it."""
    asked = {
        "name": f"{count} {time.monotonic_ns()}",
        "base_url": f"{directory.url}{count}/",
        "deployment": str(ground.deployment),
        "is_active": False,
        "max_files_per_run": 1,
    }
    return UUID(Caller(ground.port, ground.owner).ask("POST", "/image-pull-sources", asked)["id"])


async def know(system: AppContext, source_id: UUID) -> None:
    """Mark every file of a source as imported."""
    run = await run_once(system, source_id)
    assert run.new == run.listed, run
    async with system.database.transaction(SYSTEM) as tx:
        await tx.execute(
            "update pulled_files set state = 'imported', next_attempt_at = null where source_id = "
            "%s",
            (source_id,),
        )
    async with system.database.sql_transaction(SYSTEM, each_alone=True) as tx:
        await tx.execute("vacuum analyze pulled_files")


async def list_only(system: AppContext, source_id: UUID) -> int:
    """Download and parse the listing; return the number of files."""
    async with system.database.transaction(SYSTEM) as tx:
        source = await get_source_row(SYSTEM, tx, source_id)
    gateway = open_gateway(system, source)
    count = 0
    try:
        async for _ in gateway.list_files():
            count += 1
    finally:
        await gateway.close()
    return count


async def run_once(system: AppContext, source_id: UUID) -> RunRow:
    """Execute a run in this process."""
    async with system.database.transaction(SYSTEM) as tx:
        run_id = (
            await create_run(
                SYSTEM, tx, await get_source_row(SYSTEM, tx, source_id, lock=True), "manual", None
            )
        ).id
    await run_pull(system, SYSTEM, run_id)
    async with system.database.transaction(SYSTEM) as tx:
        return await get_run_row(SYSTEM, tx, source_id, run_id)


def count_written(ground: Ground) -> int:
    """Return the bytes of PostgreSQL's write-ahead log so far."""
    return ground.count("select pg_current_wal_insert_lsn() - '0/0'::pg_lsn")


def in_own_process(ground: Ground, directory: Directory, count: int, all_new: bool) -> int:
    """Return the peak memory, in bytes, of a process that polls a listing.

    Either all files of the listing are new, or none.
    """
    queue = multiprocessing.get_context("spawn").Queue()
    process = multiprocessing.get_context("spawn").Process(
        target=_poll, args=(ground, directory, count, all_new, queue)
    )
    process.start()
    peak = int(queue.get())
    process.join()
    return peak


def _poll(ground: Ground, directory: Directory, count: int, all_new: bool, queue: Any) -> None:
    async def poll() -> None:
        async with open_engines(ground, directory) as system:
            if all_new:
                run = await run_once(system, make_source(ground, directory, count))
                assert run.new == count, run
                async with system.database.transaction(SYSTEM) as tx:
                    await tx.execute(
                        "update pulled_files set state = 'imported', next_attempt_at = null where "
                        "source_id = %s",
                        (run.source_id,),
                    )
            else:
                cursor = (
                    "select id from pull_sources where base_url = %s "
                    "order by created_at desc limit 1"
                )
                async with system.database.transaction(SYSTEM) as tx:
                    row = await (await tx.execute(cursor, (f"{directory.url}{count}/",))).fetchone()
                assert row is not None
                run = await run_once(system, row[0])
                assert (run.listed, run.new) == (count, 0), run

    asyncio.run(poll())
    queue.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    main()
