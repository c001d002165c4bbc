"""The worker as a process: signals, a model that hangs, what it says, what it imports."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.support.worker_test_server import TOKEN, Answer, Asked, FakeServer, make_jpeg, refuse

ONE_SECOND = {"TRAPLINE_MODEL_TIMEOUT": "1", "TRAPLINE_MODEL_START_TIMEOUT": "1"}
EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"

SLOW = """
import os, time
from trapline.wire.pipelines import Algorithm
from trapline.worker.pipeline import Pipeline

class Slow(Pipeline):
    slug = "slow"
    name = "Slow"
    algorithms = (Algorithm(name="Slow", key="slow"),)
    warm = False
    def run(self, images):
        if not Slow.warm:
            Slow.warm = True
            time.sleep(float(os.environ.get("WARM_UP_S", "0")))
        if any(image.pixels.shape[1] == int(os.environ.get("HANGS_AT_WIDTH",
        "0")) for image in images):
            time.sleep(60)
        time.sleep(float(os.environ["SLOW_S"]) * len(images))
        return [[] for _ in images]
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder that Python finds packages in, with a pipeline package and the example in it."""
    folder = tmp_path / "packages"
    info = folder / "slow_pipelines-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "slow_pipeline.py").write_text(SLOW)
    (folder / "brightest_spot.py").write_text((EXAMPLES / "brightest_spot.py").read_text())
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow-pipelines\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[trapline.pipelines]\nslow = slow_pipeline:Slow\nbrightest-spot = "
        "brightest_spot:BrightestSpot\n"
    )
    return folder


def start(
    server: FakeServer, installed: Path, *arguments: str, command: str = "worker", **variables: str
) -> subprocess.Popen[str]:
    environment: Mapping[str, str] = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TRAPLINE_")},
        "PYTHONPATH": str(installed),
        "TRAPLINE_SERVER": server.url,
        "TRAPLINE_TOKEN": TOKEN,
        "TRAPLINE_OUTBOX": str(installed.parent / "outbox"),
        "TRAPLINE_BATCH_SIZE": "2",
        "TRAPLINE_POLL": "0.05",
        "TRAPLINE_SERVICE_NAME": "Tests",
        "SLOW_S": "0.05",
        **variables,
    }
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("trapline")), command, *arguments],
        env={name: value for name, value in environment.items() if value},
        cwd=installed.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], seconds: float = 60) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate(
            timeout=5
        )  # a child of it that lives on holds the other ends
        pytest.fail(f"it did not end:\n{err}")
    return process.returncode, out, err


def test_it_works_until_idle_and_logs_json(server: FakeServer, installed: Path) -> None:
    server.add_job(3, "brightest-spot", {"a": make_jpeg(), "b": make_jpeg()})
    code, _, err = finish(start(server, installed, "-p", "brightest-spot", "--until-idle", "0.3"))
    assert code == 0, err
    assert set(server.results) == {"a", "b"}
    lines = [json.loads(line) for line in err.splitlines()]
    told = [
        line["event"] for line in lines if line["event"] != "stopping"
    ]  # which is printed only if it takes a while
    assert told == ["worker ready", "worker ended"]
    assert lines[-1]["posted"] == 2
    agent = server.asked[0].headers["User-Agent"]
    assert agent.startswith("trapline-worker/")
    assert "(Tests; " in agent
    assert "; pid " in agent
    assert {asked.headers["User-Agent"] for asked in server.asked} == {agent}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_what_it_holds(
    server: FakeServer, installed: Path, number: signal.Signals
) -> None:
    server.add_job(3, "slow", {f"i{number}": make_jpeg() for number in range(200)})
    process = start(server, installed, "-p", "slow")
    server.wait_for_results(4)
    process.send_signal(number)
    code, _, err = finish(process)
    assert code == 0, err
    ended = json.loads(err.splitlines()[-1])
    assert ended["posted"] == ended["inferred"] == len(server.results)
    assert server.queued[3], "it did not wait for all images"


def test_a_signal_ends_it_in_time_though_the_model_is_busy(
    server: FakeServer, installed: Path
) -> None:
    server.add_job(3, "slow", {"a": make_jpeg()})
    process = start(server, installed, "-p", "slow", SLOW_S="60", TRAPLINE_STOP_TIMEOUT="1.5")
    while not server.paths("/a"):
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process, 30)  # the model is busy for 60 s
    assert code == 0, err
    assert "stopped before all work was done" in err


def test_results_are_on_disk_when_the_server_is_away_at_the_end(
    server: FakeServer, installed: Path
) -> None:
    def meddle(asked: Asked) -> Answer | None:
        return refuse(503) if "/result/" in asked.path else None

    server.meddle = meddle
    server.add_job(3, "slow", {f"i{number}": make_jpeg() for number in range(4)})
    code, _, err = finish(
        start(server, installed, "-p", "slow", "--until-idle", "0.3", TRAPLINE_RETRY_BACKOFF="0.01")
    )
    assert code == 0, err
    assert not server.results
    server.meddle = lambda _: None
    code, _, err = finish(start(server, installed, "-p", "slow", "--until-idle", "0.5"))
    assert code == 0, err
    assert len(server.results) == 4


def test_a_model_that_does_not_come_back_costs_one_picture(
    server: FakeServer, installed: Path
) -> None:
    server.additions = True
    server.add_job(3, "slow", {"hangs": make_jpeg(width=128)})
    process = start(server, installed, "-p", "slow", SLOW_S="0", HANGS_AT_WIDTH="128", **ONE_SECOND)
    until = time.monotonic() + 30
    while len(server.workers) < 2 and process.poll() is None:
        assert time.monotonic() < until, "no process was started again"
        time.sleep(0.02)
    # A server hears that the other one is gone; this one would hand the task to what it still waits
    # for.
    server.ended[server.workers[0]] = "its process began anew"
    server.add_job(4, "slow", {"next": make_jpeg()})
    server.wait_for_results(1)
    process.send_signal(signal.SIGTERM)
    code, _, err = finish(process)
    assert code == 0, err
    assert set(server.results) == {"next"}
    assert [line for line in err.splitlines() if "the model did not return" in line]


def test_killed_in_the_middle_it_posts_nothing_twice(server: FakeServer, installed: Path) -> None:
    server.add_job(3, "slow", {f"i{number}": make_jpeg() for number in range(100)})
    process = start(server, installed, "-p", "slow")
    server.wait_for_results(4)
    process.kill()
    finish(process)
    finish(start(server, installed, "-p", "slow", "--until-idle", "0.3", SLOW_S="0"))
    assert set(server.times_posted.values()) == {1}
    assert (
        len(server.results) >= 90
    )  # what the killed one held comes back to the line by a real server's lease


def test_missing_settings_and_pipelines_are_named(server: FakeServer, installed: Path) -> None:
    code, _, err = finish(start(server, installed, "-p", "slow", TRAPLINE_TOKEN=""))
    assert code == 2
    assert "TRAPLINE_TOKEN is not set" in err
    code, _, err = finish(start(server, installed, "-p", "nonsense"))
    assert code == 1
    assert (
        "package offers pipeline nonsense; installed pipelines: animal-detector, brightest-spot"
        in err
    )
    code, _, err = finish(start(server, installed, "-p", "slow", TRAPLINE_TOKEN="wrong"))
    assert code == 4
    assert "the server refuses the token: sign in first" in err


def test_register_says_one_line_a_project_and_goes_on(server: FakeServer, installed: Path) -> None:
    server.projects = {1: "Woods", 2: "Moor"}
    code, out, err = finish(start(server, installed, command="register"))
    assert code == 0, err
    assert out.splitlines() == [
        "project 1 (Woods): created 5, updated 0",
        "project 2 (Moor): created 5, updated 0",
    ]
    name = server.registered[0][1]["processing_service_name"]
    assert name == f"Tests ({os.uname().nodename})"
    pipelines = {pipeline["slug"]: pipeline for pipeline in server.registered[0][1]["pipelines"]}
    labels = pipelines["animal-detector"]["algorithms"][0]["category_map"]["labels"]
    assert labels == ["animal", "person", "vehicle"]

    code, out, _ = finish(
        start(server, installed, "--project", "9", "--project", "2", command="register")
    )
    assert code == 1
    assert out.splitlines() == [
        "project 9: there is no project 9",
        "project 2 (Moor): created 5, updated 0",
    ]


def test_the_worker_imports_nothing_of_the_server() -> None:
    program = (
        "import sys, trapline.worker.main, trapline.worker.pipelines.camera_trap, "
        "trapline.cli.worker;"
        "print(*sorted(name for name in sys.modules if name.split('.')[0] in "
        "('fastapi', 'starlette', 'sqlalchemy', 'psycopg', 'procrastinate', 'uvicorn', 'alembic')"
        " or name.startswith('trapline.server')))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == ""
