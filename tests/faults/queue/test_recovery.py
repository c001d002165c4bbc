"""Recovery times: tasks of a killed worker, starts of the API, writes after an outage."""

import time

import pytest
from tests.faults.conftest import MakeScene
from tests.support.fault_run import Figures, make_chance, percentile, sized
from tests.support.fault_scene import DATABASE, LEASE_S, REAPER_S
from tests.support.ledger_checker import check
from tests.support.light_prober import read_waited_s
from tests.support.load_probes import probe_writes
from tests.support.operation_log import OK, Operation
from tests.support.process_keeper import is_ready
from tests.support.running_server import wait_for

pytestmark = pytest.mark.alone

KILLS = sized(80)
STARTS = sized(40, 8)
AT_ONCE, HELD = 8, 4
UP = [pytest.param(False, marks=pytest.mark.long), True]
"""Only workers are killed, so that the server is the same in both; the soak runs both."""
AGAIN_WITHIN_S = LEASE_S + REAPER_S + 1
READY_WITHIN_S = 3.0
WRITES_WITHIN_S = 5.0


@pytest.mark.parametrize("up", UP, ids=["parts", "trapline up"])
def test_tasks_of_a_killed_worker_are_leased_again_in_time(
    make_scene: MakeScene, figures: Figures, up: bool
) -> None:
    """Return the time from the kill of a worker to the lease of its tasks by a waiting worker."""
    chance = make_chance("killed workers")
    scene = make_scene(settings={"TRAPLINE_TASK_LOSSES": "200"}, up=up).start(images=AT_ONCE * HELD)
    waits: list[float] = []
    for first in range(0, KILLS, AT_ONCE):
        victims = [f"worker {number}" for number in range(10 + first, 10 + first + AT_ONCE)]
        scene.make_expanded_job()
        for victim in victims:
            scene.add_worker(int(victim.split()[1]), batch=HELD, additions=True, keep=True)
        wait_for("the leases", lambda: scene.count_held() == AT_ONCE * HELD)
        # A worker that waits for tasks starts after the leases of each round; otherwise it would
        # take them.
        waiting = [
            scene.add_worker(100 + first + number, work_s=0.01, additions=number > 1)
            for number in range(1, 4)
        ]
        chance.shuffle(victims)
        struck = {}
        for victim in victims:
            time.sleep(chance.uniform(0.2, 0.6))
            scene.keeper.find(victim).wanted = False
            strike = scene.kill(victim)
            struck[victim.replace(" ", "-")] = strike.at
        scene.drain(60)
        for part in waiting:
            scene.keeper.stop(part)
        waits += list_waits(scene.operations(), struck)
    p99 = percentile(waits, 0.99)
    figures.add(
        "P4",
        f"{len(waits)} tasks of {KILLS} killed workers",
        f"p99 {AGAIN_WITHIN_S} s",
        f"p99 {p99:.2f} s",
    )
    check(scene)
    assert len(waits) == KILLS * HELD
    assert p99 <= AGAIN_WITHIN_S


def list_waits(operations: list[Operation], struck: dict[str, float]) -> list[float]:
    """Return how long after the kill of its worker each of its leased tasks was leased again."""
    leases = [
        (one.client, task, one.ended)
        for one in operations
        if one.name == "lease" and one.ended is not None and one.state == OK
        for task, _ in one.heard["tasks"]
    ]
    held = [(task, struck[client]) for client, task, _ in leases if client in struck]
    return [
        min(at for _, other, at in leases if other == task and at > since) - since
        for task, since in held
    ]


def test_an_api_is_ready_in_time_after_its_start(make_scene: MakeScene, figures: Figures) -> None:
    """Subtract the time in which the process was ready but not scheduled by the kernel."""
    scene = make_scene(background=False).start(images=2)
    part = scene.keeper.find("api 1")
    took, waited = [], []
    for _ in range(STARTS):
        starts = len(part.starts)
        scene.kill("api 1")
        wait_for("a start", lambda n=starts: len(part.starts) > n)  # type: ignore[misc]
        wait_for("an API", lambda: is_ready(scene.ports[0]), 60)
        took.append(time.monotonic() - part.starts[-1])
        waited.append(read_waited_s(scene.find_pid("api 1")))
    own = [all_s - others_s for all_s, others_s in zip(took, waited, strict=True)]
    figures.add(
        "P4", f"API ready, {STARTS} starts", f"{READY_WITHIN_S} s", f"at most {max(own):.1f} s"
    )
    figures.add(
        "P4",
        "API ready, with the waits for a processor",
        "-",
        f"{min(took):.1f} to {max(took):.1f} s",
    )
    assert max(own) <= READY_WITHIN_S


@pytest.mark.long
def test_writes_go_on_in_time_after_postgresql_is_back(
    make_scene: MakeScene, figures: Figures
) -> None:
    """For the soak: test_database_away.py and test_up.py kill PostgreSQL in `make test`."""
    chance = make_chance("postgresql back")
    scene = make_scene().start(images=2)
    writes = probe_writes(scene, scene.record("writer"), every_s=0.02)
    took = []
    with writes.at_work():
        for _ in range(STARTS):
            time.sleep(chance.uniform(0.1, 0.4))
            with scene.without_database():
                time.sleep(chance.uniform(0.1, 1.5))
            back = scene.last_back()
            wait_for(
                "writes",
                lambda at=back: writes.first_good(at) is not None,  # type: ignore[misc]
            )
            took.append(writes.first_good(back) or 0.0)
    figures.add(
        "P4",
        f"writes, PostgreSQL back {STARTS} times",
        f"{WRITES_WITHIN_S} s",
        f"at most {max(took):.2f} s",
    )
    assert {strike.what for strike in scene.strikes} == {DATABASE}
    assert max(took) <= WRITES_WITHIN_S
    check(scene)
