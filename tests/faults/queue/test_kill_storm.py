"""Many kills -9 of all processes during jobs: nothing is lost or repeated."""

import threading
import time

import pytest
from tests.faults.conftest import MakeScene
from tests.support.external_service import Outsider
from tests.support.fault_run import FULL, UP_OR_PARTS, Figures, make_chance, sized
from tests.support.fault_scene import LEASE_MAX_S
from tests.support.ledger_checker import check
from tests.support.running_server import wait_for

TASKS = sized(10_000)
KILLS = sized(80, 32)
STORM_S = sized(120, 28)
JOBS = 10
WORKERS = 4
KINDS = ("api", "background", "worker", "database")
DRAINED_WITHIN_S = 30.0


@pytest.mark.parametrize("up", UP_OR_PARTS)
def test_a_storm_of_kills_loses_and_doubles_nothing(
    make_scene: MakeScene, figures: Figures, outsider: Outsider, up: bool
) -> None:
    """A receiver of events is away until half of it is over and it turned one away; it gets all."""
    chance = make_chance("storm")
    settings = {
        "TRAPLINE_TASK_LOSSES": "200",
        "TRAPLINE_TASK_ERRORS": "200",
        "TRAPLINE_ALLOWED_NETWORKS": outsider.origin,
    }
    scene = make_scene(apis=2, settings=settings, up=up)
    scene.start(images=TASKS // JOBS)
    outsider.subscribe(scene)
    outsider.away = True
    owner = scene.record("owner")

    def submit() -> None:
        for number in range(JOBS):
            scene.make_job(owner, f"job-{number}")
            time.sleep(STORM_S * 0.6 / JOBS)

    submitting = threading.Thread(target=submit, daemon=True)
    submitting.start()
    pace_s = STORM_S * WORKERS / TASKS * (0.6 if FULL else 0.4)
    for number in range(1, WORKERS + 1):
        scene.add_worker(number, work_s=pace_s, additions=number % 2 == 0, fail_share=0.02)
    # One is slower than its leases last: its results come late, when others have the same tasks in
    # hand.
    scene.add_worker(WORKERS + 1, work_s=LEASE_MAX_S / 3, batch=4)
    kinds = chance.sample(KINDS, len(KINDS))
    began = time.monotonic()
    while len(scene.strikes) < KILLS or time.monotonic() - began < STORM_S:
        time.sleep(chance.uniform(0.5, 1.5) * STORM_S / KILLS * 0.95)
        assert time.monotonic() - began < 3 * STORM_S, f"{kinds} still have no process to kill"
        # At first one process of each kind; then chance decides.
        kind = kinds[-1] if kinds else ""
        victims = [name for name in scene.list_victims() if name.startswith(kind)]
        if victims and scene.kill_any(chance, victims) and kinds:
            kinds.pop()
        outsider.away = time.monotonic() - began < STORM_S / 2 or not outsider.turned_away
    submitting.join()
    storm_s = time.monotonic() - began
    drained_s = scene.drain(90)
    wait_for("a delivery to the receiver that is away", lambda: outsider.turned_away > 0, 60)
    outsider.away = False
    scene.expect_in_flight()
    tally = check(scene)
    told = outsider.expect_told(scene, 60)
    struck = {strike.what.split()[0] for strike in scene.strikes}
    figures.add(
        "P1",
        "kills",
        f"at least {KILLS} in {STORM_S} s",
        f"{len(scene.strikes)} in {storm_s:.0f} s",
    )
    figures.add("P1", "results, lost, doubled", f"{TASKS}, 0, 0", f"{tally.results}, 0, 0")
    figures.add(
        "P1", "drained after the last kill", f"{DRAINED_WITHIN_S:.0f} s", f"{drained_s:.1f} s"
    )
    figures.add(
        "P1", f"webhooks: told later, {outsider.turned_away} times in vain first", "0 lost", told
    )
    figures.add(
        "P1", "acknowledged, attempts lost", "-", f"{tally.acknowledged}, {tally.lost_attempts}"
    )
    assert tally.tasks == tally.results == TASKS
    assert struck == set(KINDS)
    assert drained_s <= DRAINED_WITHIN_S
