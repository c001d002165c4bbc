"""SIGTERM: an API process completes its requests, and the leases of a worker are released."""

import threading
import time
from itertools import count

from tests.faults.conftest import MakeScene
from tests.support.fault_run import Figures, make_chance, percentile, sized
from tests.support.fault_scene import Scene
from tests.support.ledger_checker import check
from tests.support.load_probes import Answer, Probe, probe_writes
from tests.support.operation_log import OK
from tests.support.running_server import wait_for

STOPS = sized(20, 8)
IN_FLIGHT = 4
SLOW_S = 1.5
ENDS_WITHIN_S = 10.0
LEASABLE_WITHIN_S = 1.0
HELD = 4


def test_an_api_process_finishes_what_is_in_flight(make_scene: MakeScene, figures: Figures) -> None:
    scene = make_scene(failpoints=True, settings={"TRAPLINE_TASK_LOSSES": "200"}).start(
        images=sized(2000, 300)
    )
    scene.make_expanded_job()
    for number in (1, 2):
        scene.add_worker(number, work_s=0.05, additions=number == 2)
    numbers, took, finished = count(1), [], 0
    part = scene.keeper.find("api 1")
    for stop in range(STOPS):
        rules = [
            f"{next(numbers)} before commit|POST /api/v2/deployments|1|sleep {SLOW_S}"
            for _ in range(IN_FLIGHT)
        ]
        scene.follow(*rules)
        answers = _write_at_once(scene, stop)
        wait_for(
            "slow writes",
            lambda wanted=len(rules) * (stop + 1): (  # type: ignore[misc]
                len(scene.list_strikes()) >= wanted
            ),
        )
        assert part.process is not None
        ended, asked = len(part.ends), time.monotonic()
        scene.strikes.append(scene.strike_now("api 1"))
        part.process.terminate()
        wait_for("the end", lambda n=ended: len(part.ends) > n)  # type: ignore[misc]
        took.append(part.ends[-1] - asked)
        told = answers()
        assert [one.status for one in told] == [201] * IN_FLIGHT, f"in flight, and told {told}"
        assert min(one.ended for one in told) > asked, "nothing was in flight when it was stopped"
        finished += len(told)
        scene.wait_until_ready()
    scene.follow()
    scene.drain(60)
    check(scene)
    figures.add(
        "P18",
        f"an API stopped {STOPS} times ends",
        f"{ENDS_WITHIN_S} s",
        f"at most {max(took):.1f} s",
    )
    figures.add(
        "P18", "requests in flight that were finished", "all", f"{finished} of {STOPS * IN_FLIGHT}"
    )
    assert max(took) <= ENDS_WITHIN_S


def _write_at_once(scene: Scene, stop: int) -> "Answers":
    """Send several writes at the same time; return an object that waits for their responses."""
    probes = [
        probe_writes(scene, scene.record(f"writer-{stop}-{number}")) for number in range(IN_FLIGHT)
    ]
    threads = [threading.Thread(target=probe.ask_once, daemon=True) for probe in probes]
    for thread in threads:
        thread.start()
    return Answers(probes, threads)


class Answers:
    """Responses of writes, when they have arrived."""

    def __init__(self, probes: list[Probe], threads: list[threading.Thread]) -> None:
        self._probes = probes
        self._threads = threads

    def __call__(self) -> list[Answer]:
        """Wait for them."""
        for thread in self._threads:
            thread.join(20)
        return [answer for probe in self._probes for answer in probe.answers]


def test_leases_of_a_stopping_worker_are_leasable_again_at_once(
    make_scene: MakeScene, figures: Figures
) -> None:
    """Return the time from SIGTERM until its tasks are queued, by the clock of the database."""
    chance = make_chance("stopping workers")
    scene = make_scene(settings={"TRAPLINE_LEASE_S": "60"}).start(images=STOPS * HELD)
    scene.make_expanded_job()
    for number in range(1, STOPS + 1):
        scene.add_worker(number, batch=HELD, additions=True, keep=True)
    wait_for("the leases", lambda: scene.count_held() == STOPS * HELD)
    took, released = [], 0
    order = list(range(1, STOPS + 1))
    chance.shuffle(order)
    for number in order:
        held = scene.count_held()
        asked = time.monotonic()
        scene.strikes.append(scene.strike_now(f"worker {number}"))
        scene.keeper.stop(scene.keeper.find(f"worker {number}"))
        assert scene.count_held() == held - HELD, "it ended, and its tasks are not back in the line"
        [given] = [
            one
            for one in scene.operations()
            if one.name == "release" and one.client == f"worker-{number}"
        ]
        assert given.ended is not None
        took.append(given.ended - asked)
        released += given.heard["released"]
    for number in (1, 2):
        scene.add_worker(100 + number, work_s=0.001, additions=number == 1)
    scene.drain(30)
    scene.expect_in_flight(1.0)
    check(scene)
    charged = scene.ask("select count(*) from analyses where lost > 0 or errors > 0")[0][0]
    again = sum(
        one.name == "lease" and one.state == OK and bool(one.heard["tasks"])
        for one in scene.operations()
    )
    p99 = percentile(took, 0.99)
    figures.add(
        "P18",
        f"leases of {STOPS} stopping workers leasable",
        f"{LEASABLE_WITHIN_S} s",
        f"p99 {p99:.2f} s",
    )
    figures.add(
        "P18", "given back, attempts charged", f"{STOPS * HELD}, 0", f"{released}, {charged}"
    )
    assert again > STOPS
    assert released == STOPS * HELD
    assert charged == 0
    assert max(took) <= LEASABLE_WITHIN_S
