"""The worker process with a complete Trapline: stopped, killed, evicted, older server."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.running_server import RunningServer, list_children, quiet_environment, wait_for
from tests.support.server_project import Field, open_filled_field
from tests.unit.worker.test_process import installed

from trapline.wire.jobs import NewJob, Selection

__all__ = ["installed"]

LONG = {"TRAPLINE_LEASE_S": "300", "TRAPLINE_REAPER_S": "0.5", "TRAPLINE_LOG_FORMAT": "json"}
"""Leases outlast the test, so a task returns to the queue only if its lease is released or revoked.
"""


class Workers:
    """Processes of `trapline worker` with one state folder, which a machine's processes share."""

    def __init__(self, field: Field, packages: Path) -> None:
        self.field = field
        self.packages = packages
        self.token = field.make_token()
        self.processes: list[subprocess.Popen[str]] = []

    def environment(self, **changes: str) -> dict[str, str]:
        """Return the environment of a worker process."""
        return quiet_environment(
            PYTHONPATH=str(self.packages),
            TRAPLINE_SERVER=self.field.server.base_url,
            TRAPLINE_TOKEN=self.token,
            TRAPLINE_OUTBOX=str(self.packages.parent / "state" / "outbox"),
            TRAPLINE_SERVICE_NAME="Slow",
            TRAPLINE_BATCH_SIZE="4",
            SLOW_S="0.05",
            **changes,
        )

    def command(self, *arguments: str) -> list[str]:
        """A command of ours."""
        return [sys.executable, "-m", "trapline.cli.main", *arguments]

    def register(self) -> None:
        """Offer the slow pipeline."""
        subprocess.run(
            self.command("register", "-p", "slow"),
            env=self.environment(),
            check=True,
            capture_output=True,
        )

    def start(self, *arguments: str, **changes: str) -> subprocess.Popen[str]:
        """Start a worker."""
        process = subprocess.Popen(
            self.command("worker", "-p", "slow", *arguments),
            env=self.environment() | changes,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def end(self) -> None:
        """End them all, also after a test that failed half-way."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()


@contextmanager
def open_workers(
    server: RunningServer, packages: Path, folder: Path, images: int = 40
) -> Iterator[Workers]:
    """A field with a pipeline that takes its time, and workers for it."""
    server.start()
    with open_filled_field(server, "workers", folder, images) as field:
        workers = Workers(field, packages)
        try:
            workers.register()
            yield workers
        finally:
            workers.end()


def run_job(field: Field, **asked: Any) -> int:
    job = field.api.create_job(NewJob(project=field.project, pipeline="slow", **asked)).id
    wait_for("work", lambda: field.api.get_job(job).expanded)
    return job


def count(field: Field, state: str) -> int:
    return int(field.read("select count(*) from analyses where state = %s", state)[0][0])


@pytest.fixture
def workers(own_server: RunningServer, installed: Path, tmp_path: Path) -> Iterator[Workers]:
    own_server.settings = LONG
    with open_workers(own_server, installed, tmp_path / "DCIM") as made:
        yield made


@pytest.mark.long
def test_a_stopped_worker_gives_back_at_once(workers: Workers) -> None:
    field = workers.field
    run_job(field)
    process = workers.start(SLOW_S="0.8")
    wait_for("leases", lambda: count(field, "processing") >= 5)
    process.send_signal(signal.SIGTERM)
    wait_for("leases that are given back", lambda: count(field, "processing") <= 4, 5)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert count(field, "processing") == 0
    assert field.read("select sum(errors), sum(lost) from analyses") == [(0, 0)]
    assert field.read("select ended_why from workers") == [("said goodbye",)]


@pytest.mark.long
def test_a_killed_worker_is_taken_over_from_at_once(workers: Workers) -> None:
    field = workers.field
    job = run_job(field)
    killed = workers.start(SLOW_S="5")
    beside = workers.start(SLOW_S="5")
    holders = "select count(distinct holder_id) from analyses where state = 'processing'"
    wait_for("leases of both", lambda: field.read(holders) == [(2,)])
    names = "select name, ended_why from workers order by id"
    assert sorted(field.read(names)) == [("worker-1", None), ("worker-2", None)]
    [(name,)] = field.read(
        "select name from workers where pid = any(%s)", list_children(killed.pid)
    )
    killed.kill()
    killed.communicate()
    fresh = workers.start()
    wait_for("a new process of that name", lambda: len(field.read(names)) == 3)
    assert field.read("select name from workers where pid = any(%s)", list_children(fresh.pid)) == [
        (name,)
    ]
    assert (name, "replaced") in field.read(names)
    beside.send_signal(signal.SIGKILL)
    beside.communicate()
    workers.start()
    wait_for("the end of the job", lambda: field.api.get_job(job).status == "completed", 60)
    assert field.read("select count(*), max(lost) from analyses where state = 'completed'") == [
        (40, 1)
    ]


@pytest.mark.long
def test_an_evicted_worker_ends_and_says_why(workers: Workers) -> None:
    field = workers.field
    run_job(field)
    process = workers.start(SLOW_S="30", TRAPLINE_STOP_TIMEOUT="2")
    # One image is with the model, and reported as begun; the next one is prepared meanwhile.
    begun = "select coalesce(array_length(begun, 1), 0) from workers"
    wait_for("a begun image", lambda: field.read(begun) == [(1,)])
    wait_for("leases", lambda: count(field, "processing") == 2)
    listed = json.loads(field.server.call("worker", "list", "--json").stdout)
    [worker] = [one for one in listed if one["pid"] in list_children(process.pid)]
    assert (worker["leases"], worker["online"], worker["service"].split()[0]) == (2, True, "Slow")
    table = field.server.call("worker", "list").stdout
    assert worker["id"][:13] in table
    assert "online" in table
    told = field.server.call("worker", "evict", worker["id"][:13]).stdout
    assert told == f"worker-1 on {os.uname().nodename} is evicted; 1 image is queued again.\n"
    assert count(field, "processing") == 1, "it keeps the image that it has begun"
    refused = field.server.call("worker", "evict", "ffffffff", check=False)
    assert (refused.returncode, "there is no worker ffffffff" in refused.stderr) == (1, True)
    assert "evicted by token" in field.server.call("worker", "list", "--ended").stdout
    process.kill()  # it is busy in its model and does not notice the eviction
    other = workers.start()
    wait_for("leases", lambda: count(field, "completed") > 0)
    [other_id] = [
        str(row[0])
        for row in field.read(
            "select id from workers where pid = any(%s)", list_children(other.pid)
        )
    ]
    field.server.call("worker", "evict", other_id)
    _, said = other.communicate(timeout=60)
    assert other.returncode == 4, said
    assert (
        "the server ended this worker: token tests evicted this worker at" in said.splitlines()[-1]
    )


def test_without_the_additions_the_five_calls_do(
    own_server: RunningServer, installed: Path, tmp_path: Path
) -> None:
    own_server.settings = LONG | {"TRAPLINE_WORKER_ADDITIONS": "off"}
    with open_workers(own_server, installed, tmp_path / "DCIM", images=12) as workers:
        field = workers.field
        job = run_job(field)
        process = workers.start("--until-idle", "2")
        field.wait_for_end(job)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0, said
        assert field.read("select count(*) from workers") == [(0,)]
        assert field.read("select count(*) from holders") == [(1,)]


@pytest.mark.long
def test_a_server_stops_while_workers_wait_and_they_find_it_again(workers: Workers) -> None:
    field = workers.field
    process = workers.start()
    wait_for("a worker that waits", lambda: bool(field.read("select 1 from workers")))
    time.sleep(1)
    assert field.server.stop() == 0
    field.server.start()
    job = run_job(field, selection=Selection(unanalysed_only=True))
    field.wait_for_end(job)
    assert process.poll() is None
    assert field.read("select count(*) from workers") == [(1,)], "it is the same worker still"
