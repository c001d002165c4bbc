"""How `trapline up` stops its programs: a slow worker does not shorten the time of the API."""

import os
from pathlib import Path

import pytest
from tests.support.running_server import wait_for

from trapline.cli import up
from trapline.cli.supervisor import ChildProcess, ProcessSpec, Supervisor
from trapline.server.app.http_server import STOP_WITHIN_S
from trapline.server.platform.postgres.postgres import STRONGER_SIGNALS

SLOW = """
import pathlib, signal, sys, time

def main(arguments):
    name, takes_s = arguments
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(time.monotonic()))
    pathlib.Path(name).touch()
    while not asked or time.monotonic() < asked[0] + float(takes_s):
        time.sleep(0.05)
    return 0
"""


def test_the_api_ends_by_itself_beside_a_worker_that_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert up.SERVER_PATIENCE_S - up.WORKER_START_S > STOP_WITHIN_S, (
        "a request of that length is cut"
    )
    of_database_s = up.DATABASE_PATIENCE_S + sum(patience_s for _, patience_s in STRONGER_SIGNALS)
    assert up.SERVER_PATIENCE_S + of_database_s < up.STOP_WITHIN_S, (
        "who stops it kills it before it has ended"
    )
    monkeypatch.setattr(up, "WORKER_START_S", 0.5)
    monkeypatch.setattr(up, "SERVER_PATIENCE_S", 6.0)
    (tmp_path / "slow.py").write_text(SLOW)
    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    supervisor = Supervisor(told.append)
    supervisor.release_children()
    children = [
        _start(supervisor, name, takes_s) for name, takes_s in (("worker", 60.0), ("api", 4.0))
    ]
    for child in children:
        wait_for(
            "its start",
            lambda child=child: (tmp_path / child.program.name).exists(),  # type: ignore[misc]
        )
    up.stop_programs(supervisor)
    assert [child.process.returncode for child in children] == [-9, 0]
    assert told == ["The worker process did not end in time and was killed."]
    assert supervisor.children == []


def _start(supervisor: Supervisor, name: str, takes_s: float) -> ChildProcess:
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    return supervisor.start(ProcessSpec(name, "slow", (name, str(takes_s)), environment))
