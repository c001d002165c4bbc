"""Workers whose tasks another worker has by now: nothing is overwritten or repeated."""

import signal
import time
from collections.abc import Callable
from functools import partial

from tests.faults.conftest import MakeScene
from tests.support.fault_run import Figures, make_chance, sized
from tests.support.fault_scene import LEASE_S, REAPER_S, Scene, Strike
from tests.support.ledger_checker import check
from tests.support.operation_log import OK, read_operations
from tests.support.process_keeper import signal_family
from tests.support.running_server import wait_for

RUNS = sized(200, 10)
AT_ONCE = 8
AWAKE = 3
IMAGES = 60
TAKEOVERS = sized(100, 8)
TAKEOVER_IMAGES = 12


def _holds(scene: Scene) -> dict[str, int]:
    """How many tasks each worker has in hand now, by what the server says."""
    rows = scene.ask(
        "select h.user_agent, count(*) from analyses a join holders h on h.id = a.holder_id "
        "where a.state = 'processing' group by 1"
    )
    return {name: int(count) for name, count in rows}


def _list_statuses(scene: Scene) -> list[str]:
    """The statuses of all results so far."""
    return [
        status
        for operation in read_operations(scene.logs)
        if operation.name == "result" and operation.state == OK
        for status in operation.heard["statuses"]
    ]


def test_a_frozen_worker_overwrites_and_doubles_nothing(
    make_scene: MakeScene, figures: Figures
) -> None:
    chance = make_chance("frozen")
    scene = make_scene(apis=2, settings={"TRAPLINE_TASK_LOSSES": "100"}).start(images=IMAGES)
    owner = scene.record("owner")
    names = [f"worker {number}" for number in range(1, AT_ONCE + AWAKE + 1)]
    for number in range(1, AT_ONCE + AWAKE + 1):
        scene.add_worker(number, work_s=0.12, batch=4, additions=number % 2 == 0)
    jobs = 0
    while len(scene.strikes) < RUNS:
        while scene.count_open() < 4 * len(names):
            scene.make_job(owner, f"job-{(jobs := jobs + 1)}")
            wait_for("tasks", lambda: scene.count_open() > 0)
        holds = [name for name in _holds(scene) if name in names]
        chosen = chance.sample(sorted(holds), min(len(holds), AT_ONCE, RUNS - len(scene.strikes)))
        pids = {name: scene.find_pid(name) for name in chosen}
        for name, pid in pids.items():
            scene.strikes.append(Strike(f"{name} stopped", time.monotonic(), pid))
            signal_family(pid, signal.SIGSTOP)
        try:
            time.sleep(LEASE_S + 2 * REAPER_S + chance.random())
        finally:
            for pid in pids.values():
                signal_family(pid, signal.SIGCONT)
        time.sleep(chance.uniform(0.2, 0.6))
    scene.drain(90)
    scene.expect_in_flight(share=0.9)
    tally = check(scene)
    late = _list_statuses(scene).count("duplicate")
    assert tally.results == tally.tasks == jobs * IMAGES
    assert tally.lost_attempts >= RUNS // 2, "hardly a lease ran out: the test proves nothing"
    assert late > 0, "no worker was overtaken: the test proves nothing"
    figures.add(
        "P9",
        "frozen workers; overwritten, doubled",
        f"{RUNS}; 0, 0",
        f"{len(scene.strikes)}; 0, 0 ({tally.lost_attempts} leases lost, {late} results told "
        "duplicate)",
    )


def test_kills_during_takeovers_leave_one_result_for_each_task(
    make_scene: MakeScene, figures: Figures
) -> None:
    """The slow worker and the one that takes over are killed in turn; both send what they have."""
    scene = make_scene(settings={"TRAPLINE_TASK_LOSSES": "100"}).start(images=TAKEOVER_IMAGES)
    scene.add_worker(1, work_s=0.4, batch=TAKEOVER_IMAGES, additions=True, reports=True)
    scene.add_worker(2, work_s=0.1, batch=2, additions=True, reports=True)
    jobs = 0

    def create_jobs_until(what: str, count: Callable[[], int]) -> None:
        """Keep the workers busy until `count` returns more than now."""
        nonlocal jobs
        seen, deadline = count(), time.monotonic() + 120
        while count() <= seen:
            assert time.monotonic() < deadline, f"no {what} within 120 s"
            if scene.count_open() == 0:
                scene.make_expanded_job()
                jobs += 1
            time.sleep(0.1)

    def count_takeovers() -> int:
        return int(scene.ask("select count(*) from attempts where outcome = 'taken over'")[0][0])

    def count_duplicates() -> int:
        return _list_statuses(scene).count("duplicate")

    for number in range(TAKEOVERS):
        create_jobs_until("takeover", count_takeovers)
        victim = "worker 2" if number % 2 else "worker 1"
        part = scene.keeper.find(victim)
        wait_for(victim, partial(getattr, part, "is_running"))
        scene.kill(victim)
    create_jobs_until("second result of a task", count_duplicates)
    scene.drain(120)
    tally = check(scene)
    assert tally.results == tally.tasks == jobs * TAKEOVER_IMAGES
    assert tally.lost_attempts > 0, "no worker held a task when killed: the test proves nothing"
    figures.add(
        "P9",
        "kills during takeovers; lost, doubled",
        f"{TAKEOVERS}; 0, 0",
        f"{len(scene.strikes)}; 0, 0 ({count_takeovers()} taken over, {count_duplicates()} results "
        "told duplicate)",
    )
