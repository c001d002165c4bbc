"""PostgreSQL away, in three ways: the server says so at once, stays alive, and goes on by itself when it is back."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.faults.chance import Figures, sized
from tests.faults.checker import check
from tests.faults.conftest import MakeScene
from tests.faults.operations import was_busy
from tests.faults.probes import probe_ready, probe_writes, watch_alive
from tests.faults.scene import DATABASE, Scene, Strike

AWAY_S = sized(60, 4)
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
    """As behind a gateway that forgot the connections: the old ones stay dead when new ones work again."""
    with black_holed(scene):
        yield
        assert scene.database_proxy is not None
        scene.database_proxy.cut()


WAYS: dict[str, Callable[[Scene], object]] = {
    "killed": lambda scene: scene.without_database(),
    "stopped": lambda scene: scene.frozen(DATABASE),
    "black-holed": black_holed,
    "forgotten": forgotten,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_database_that_is_away_is_told_at_once_and_found_back(
    make_scene: MakeScene, figures: Figures, way: str
) -> None:
    scene = make_scene(through_proxy=True, settings={"TRAPLINE_TASK_LOSSES": "200"}).start(images=2000)
    scene.make_expanded_job()
    for number in (1, 2):
        scene.add_worker(number, additions=number == 2, work_s=0.01)
    read_alive = watch_alive(scene)
    writes, ready = probe_writes(scene, scene.record("writer")), probe_ready(scene)
    with writes.at_work(), ready.at_work():
        time.sleep(1.5)
        with WAYS[way](scene):  # type: ignore[attr-defined]
            struck = time.monotonic()
            time.sleep(AWAY_S)
            returns = time.monotonic()
        back = scene.last_back() if way == "killed" else returns
        deadline = back + 3 * BACK_WITHIN_S
        while writes.first_good(back) is None or ready.first_good(back) is None:
            assert time.monotonic() < deadline, "writes did not come back"
            time.sleep(0.05)
        # The background must have found it back too: it alone puts a job's tasks into the line.
        scene.make_expanded_job()
        expanded_s = time.monotonic() - back
    away = writes.within(struck, returns)
    slowest = max(one.took_s for one in away)
    alive = [one for one in read_alive() if one.begun >= struck]
    blocked = max(one.blocked_s for one in alive)
    write_s, ready_s = writes.first_good(back), ready.first_good(back)
    assert write_s is not None
    assert ready_s is not None
    figures.add("P5", f"{way}: /healthz", "200", sorted({one.status for one in alive}))
    figures.add("P5", f"{way}: writes while away", "503 within 2 s", f"{len(away)}, slowest {slowest:.2f} s")
    figures.add("P5", f"{way}: writes and /readyz back", "5 s", f"{write_s:.1f} s, {ready_s:.1f} s")
    figures.add("P5", f"{way}: a new job in the line", "-", f"{expanded_s:.1f} s")
    figures.add("P5", f"{way}: event loop blocked", "100 ms", f"{blocked * 1000:.0f} ms")
    assert was_busy(scene.operations(), struck)
    assert {one.status for one in alive} == {200}
    assert {(one.status, one.retry_after is not None) for one in away} == {(503, True)}
    assert len(away) >= 2
    assert slowest <= ANSWERED_WITHIN_S
    assert {one.status for one in ready.within(struck + ANSWERED_WITHIN_S, returns)} == {503}
    assert write_s <= BACK_WITHIN_S
    assert ready_s <= BACK_WITHIN_S
    assert blocked <= BLOCKED_AT_MOST_S
    scene.drain(60)
    check(scene)
