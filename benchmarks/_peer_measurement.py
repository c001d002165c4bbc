"""Measurement of one other queue: submit its tasks, then complete them."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PEERS = Path(__file__).parent / "_peers"


@dataclass(frozen=True)
class Rates:
    """Tasks per second: submitted, and completed."""

    submitted: float
    worked: float

    @property
    def both(self) -> float:
        """The rate of submitting and completing together."""
        return 1 / (1 / self.submitted + 1 / self.worked)


@dataclass(frozen=True)
class Peer:
    """The commands of another queue's worker and submitter, and a count of its results."""

    program: str
    worker: list[str]
    environment: dict[str, str]
    count_stored: Callable[[], int]


def measure_peer(binaries: Path, peer: Peer, count: int, seconds: float) -> Rates:
    """Submit all tasks, then complete them.

    A queue that needs more than `seconds` is measured by the tasks completed by then.
    """
    submitted = count / submit_tasks(binaries, peer.program, peer.environment, count)
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
            os.killpg(worker.pid, signal.SIGKILL)  # the process group was created above
            worker.wait()


def submit_tasks(binaries: Path, program: str, environment: dict[str, str], count: int) -> float:
    """Run the submitter of another queue; return the seconds that it printed."""
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


def wait_until(happened: Callable[[], bool], within_s: float, otherwise: str) -> None:
    """Poll until a condition holds; end the benchmark if it does not in time."""
    deadline = time.monotonic() + within_s
    while not happened():
        if time.monotonic() > deadline:
            raise SystemExit(otherwise)
        time.sleep(0.02)
