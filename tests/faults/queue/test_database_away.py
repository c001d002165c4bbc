"""PostgreSQL not available, in three ways: the server reports it, stays alive, and recovers."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from tests.faults.conftest import MakeScene
from tests.support.fault_run import FULL, Figures, make_chance, sized
from tests.support.fault_scene import DATABASE, Scene, Strike
from tests.support.ledger_checker import check
from tests.support.load_probes import Probe, probe_ready, probe_writes, watch_alive
from tests.support.running_server import wait_for

pytestmark = pytest.mark.alone

FAULTS = sized(20, 8)
SHORT_S = {
    "killed": (0.3, 0.8),
    "stopped": (1.35, 1.7),
    "black-holed": (1.35, 1.7),
    "forgotten": (1.35, 1.7),
}
"""How long PostgreSQL is away, in seconds; silence is noticed after 1.3 s."""
LONG_S = 60.0 if FULL else 0.0
ANSWERED_WITHIN_S = 2.0
BACK_WITHIN_S = 5.0
BLOCKED_AT_MOST_S = 0.1


@contextmanager
def black_holed(scene: Scene) -> Iterator[None]:
    assert scene.database_proxy is not None
    assert scene.database_proxy.open, "there was no connection to swallow"
    scene.database_proxy.hold()
    scene.strikes.append(Strike("database black-holed", time.monotonic(), 0))
    try:
        yield
    finally:
        scene.database_proxy.release()


@contextmanager
def forgotten(scene: Scene) -> Iterator[None]:
    """Simulate a gateway that lost the connections: old ones stay dead when new ones work again."""
    with black_holed(scene):
        yield
        assert scene.database_proxy is not None
        scene.database_proxy.cut()


WAYS: dict[str, Callable[[Scene], AbstractContextManager[Any]]] = {
    "killed": lambda scene: scene.without_database(),
    "stopped": lambda scene: scene.frozen(DATABASE),
    "black-holed": black_holed,
    "forgotten": forgotten,
}
HOLES = ("black-holed", "forgotten")


@dataclass(frozen=True)
class Outage:
    """How one outage was lived through; seconds, None where nothing came back."""

    way: str
    slowest_answer_s: float
    answers: int
    write_back_s: float
    ready_back_s: float
    back: float


def test_a_database_that_is_away_is_told_at_once_and_found_back(
    make_scene: MakeScene, figures: Figures
) -> None:
    chance = make_chance("database away")
    scene = make_scene(through_proxy=True, settings={"TRAPLINE_TASK_LOSSES": "200"}).start(
        images=3000
    )
    scene.make_expanded_job()
    for number in (1, 2):
        scene.add_worker(number, additions=number == 2, work_s=0.25)
    read_alive = watch_alive(scene)
    writes, ready = probe_writes(scene, scene.record("writer")), probe_ready(scene)
    planned = [
        (way, chance.uniform(*SHORT_S[way]))
        for way in WAYS
        for _ in range(FAULTS // (2 if way in HOLES else 1))
    ]
    planned += [(way, LONG_S) for way in WAYS if LONG_S]
    chance.shuffle(planned)
    with writes.at_work(), ready.at_work():
        outages = [_live_through(scene, way, away_s, writes, ready) for way, away_s in planned]
        # The background must have found it back too: it alone puts a job's tasks into the line.
        scene.make_expanded_job(selection={"images": scene.images[:1]})
        job_s = time.monotonic() - outages[-1].back
    _drop_work(scene)
    alive = [one for one in read_alive() if one.begun >= scene.strikes[0].at]
    blocked_s = max(one.blocked_s for one in alive)
    for way in WAYS:
        lived = [outage for outage in outages if outage.way == way]
        slowest_s = max(outage.slowest_answer_s for outage in lived)
        back_s = max(max(outage.write_back_s, outage.ready_back_s) for outage in lived)
        count = sum(outage.answers for outage in lived)
        figures.add(
            "P5",
            f"{way}, {len(lived)} times: writes",
            "503 in 2 s",
            f"{count}, slowest {slowest_s:.2f} s",
        )
        figures.add("P5", f"{way}: writes and /readyz back", "5 s", f"{back_s:.1f} s")
    figures.add("P5", "a new job in the line after the last", "-", f"{job_s:.1f} s")
    figures.add("P5", "/healthz meanwhile", "200", sorted({one.status for one in alive}))
    figures.add("P5", "event loop blocked", "100 ms", f"{blocked_s * 1000:.0f} ms")
    scene.expect_in_flight(0.9)
    assert {one.status for one in alive} == {200}
    assert blocked_s <= BLOCKED_AT_MOST_S
    assert not [one for one in outages if max(one.write_back_s, one.ready_back_s) > BACK_WITHIN_S]
    check(scene)


def _live_through(scene: Scene, way: str, away_s: float, writes: Probe, ready: Probe) -> Outage:
    wait_for("leases", lambda: scene.count_held() > 0)
    with WAYS[way](scene):
        struck = time.monotonic()
        time.sleep(away_s)
        returns = time.monotonic()
    back = scene.last_back() if way == "killed" else returns
    deadline = back + 3 * BACK_WITHIN_S
    while writes.first_good(back) is None or ready.first_good(back) is None:
        assert time.monotonic() < deadline, f"writes did not come back after {way}"
        time.sleep(0.02)
    away = writes.within(struck, returns)
    met = [one for one in writes.answers if one.begun <= returns and one.ended >= struck]
    slowest_s = max(one.took_s for one in met)
    told = {(one.status, one.retry_after is not None) for one in away}
    assert told == {(503, True)}, f"{way}: while it was away, writes were told {told}"
    assert slowest_s <= ANSWERED_WITHIN_S, f"{way}: a write waited {slowest_s:.2f} s for its answer"
    late = {one.status for one in ready.within(struck + ANSWERED_WITHIN_S, returns)}
    assert late <= {503}, f"{way}: /readyz said {late}"
    write_s, ready_s = writes.first_good(back), ready.first_good(back)
    assert write_s is not None
    assert ready_s is not None
    return Outage(way, slowest_s, len(away), write_s, ready_s, back)


def _drop_work(scene: Scene) -> None:
    """Stop the workers and cancel the rest. There was always more work than they could do."""
    for number in (1, 2):
        scene.keeper.stop(scene.keeper.find(f"worker {number}"), signal.SIGKILL)
    for (job,) in scene.ask(
        "select id from jobs where status in ('queued', 'processing') order by id"
    ):
        assert scene.call("POST", f"/jobs/{job}/cancel").status_code == 202
    wait_for("the end of the sweep", lambda: scene.count_open() == 0, 30)
