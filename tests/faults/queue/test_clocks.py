"""Clocks that are wrong: workers by an hour, API processes by ten seconds.

Leases live on the database's clock.
"""

import time
from email.utils import parsedate_to_datetime

import pytest
from tests.faults.conftest import MakeScene
from tests.support.fault_run import Figures, sized
from tests.support.fault_scene import LEASE_S
from tests.support.ledger_checker import check
from tests.support.operation_log import OK
from tests.support.process_keeper import find_faketime
from tests.support.running_server import wait_for

TASKS = sized(2000, 400)
RENEWALS = sized(400)
WORKERS = 8
FAKETIME = find_faketime()

pytestmark = pytest.mark.skipif(
    FAKETIME is None, reason="needs libfaketime: apt-get install faketime"
)


def skewed(seconds: float) -> dict[str, str]:
    """Build the environment of a process whose date is wrong by `seconds`."""
    return {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME": f"{seconds:+.0f}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def test_no_lease_ends_early_by_a_wrong_clock(make_scene: MakeScene, figures: Figures) -> None:
    scene = make_scene(
        apis=2,
        environments={"api 1": skewed(+10), "api 2": skewed(-10), "background 1": skewed(+10)},
        settings={"TRAPLINE_TASK_LOSSES": "50"},
    ).start(images=TASKS)
    scene.add_background(2)
    for number, port in enumerate(scene.ports, start=1):
        told = scene.call("GET", "/jobs", base_url=f"http://127.0.0.1:{port}").headers["Date"]
        off = read_http_date(told) - time.time()
        assert abs(abs(off) - 10) < 3, (
            f"the clock of api {number} is wrong by {off:.0f} s: no fault was injected"
        )
    scene.make_expanded_job()
    for number in range(1, WORKERS + 1):
        part_skew = 3600 if number % 2 else -3600
        # A batch takes longer than a lease: those that say hello must renew it, over whichever API
        # answers.
        scene.add_worker(
            number,
            environment=skewed(part_skew),
            work_s=LEASE_S * 1.6 / 10,
            batch=10,
            additions=number > 2,
        )
    wait_for(
        "renewals", lambda: sum(one.name == "renew" for one in scene.operations()) >= RENEWALS, 90
    )
    for number in range(1, WORKERS + 1):
        scene.keeper.stop(scene.keeper.find(f"worker {number}"))
    for number in range(1, 3):
        scene.add_worker(100 + number, work_s=0.001, batch=50, additions=True)
    scene.drain(90)
    operations = scene.operations()
    skews = {
        round((one.said["wall"] - time.time()) / 3600) for one in operations if "wall" in one.said
    }
    check(scene)
    early = scene.ask(
        """
        select t.outcome, h.worker_id is not null,
            extract(epoch from t.ended_at - t.leased_at)::float8
        from attempts t left join holders h on h.id = t.holder_id where t.outcome = 'lost'
        """
    )
    too_early = [row for row in early if row[2] < LEASE_S]
    # A worker that got no processor for longer than its lease loses it rightly. A wrong clock would
    # end nearly all.
    not_renewed = sum(row[1] for row in early)
    renewed = sum(one.name == "renew" and one.state == OK for one in operations)
    assert renewed >= RENEWALS
    assert skews >= {1, -1}, f"the workers' clocks were wrong by {skews} h: no fault was injected"
    assert not [one for one in operations if one.state == "failed"]
    figures.add(
        "P12",
        f"{WORKERS} workers 1 h off, 2 API 10 s off: early ends",
        "0",
        f"0 beside {renewed} renewals",
    )
    assert not too_early
    assert not_renewed <= TASKS / 5


def read_http_date(told: str) -> float:
    """Seconds since the epoch."""
    return parsedate_to_datetime(told).timestamp()
