"""`make e2e` runs all steps with either worker, prints a table, and leaves no process or file."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.running_server import quiet_environment

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "worker", [pytest.param(it, marks=pytest.mark.long) for it in ("field", "ours")]
)
def test_a_few_pictures_go_the_whole_way(worker: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.end_to_end", "3", f"--worker={worker}"],
        cwd=ROOT,
        env=quiet_environment(TMPDIR="/tmp"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [line.split()[0] for line in done.stdout.splitlines()]
    assert steps == ["start", "upload", "register", "queue", "work", "look", "stop"]
    assert "3 completed, 6 annotations" in done.stdout


def test_it_says_what_it_cannot_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.end_to_end", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "N must be at least 1" in done.stderr
