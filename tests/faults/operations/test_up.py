"""The supervisor of the real `trapline up` always restarts PostgreSQL and its other children."""

import os
import signal
import socket
import time
from typing import cast

import pytest
from tests.faults.conftest import MakeScene
from tests.support.fault_run import Figures, make_chance, sized
from tests.support.fault_scene import DATABASE
from tests.support.ledger_checker import check
from tests.support.light_prober import read_waited_s
from tests.support.load_probes import probe_writes
from tests.support.process_keeper import is_ready
from tests.support.running_server import is_alive, wait_for
from tests.support.up_scene import UpScene

from trapline.cli.supervisor import IMMEDIATE_S, STARTS_WITHOUT_PAUSE

KILLS_IN_A_ROW = sized(20, 8)
RETURNS = sized(40, 8)
BACK_WITHIN_S = 3.0
WRITES_WITHIN_S = 5.0
EXPANDED = "select expanded from jobs where id = %s"


def make_up(make_scene: MakeScene) -> UpScene:
    return cast("UpScene", make_scene(up=True))


def test_postgresql_that_dies_while_it_starts_is_started_again_without_end(
    make_scene: MakeScene, figures: Figures
) -> None:
    """Kill each postmaster when it starts, often before it accepts connections."""
    scene = make_up(make_scene).start(images=2)
    writes = probe_writes(scene, scene.record("writer"))
    supervisor = scene.up.find("up")
    with writes.at_work():
        wait_for("writes", lambda: bool(writes.answers) and writes.answers[-1].status == 201)
        killed = scene.kill(DATABASE).pid
        for _ in range(KILLS_IN_A_ROW - 1):
            killed = scene.kill_again(DATABASE, killed).pid
        last = time.monotonic()
        wait_for("writes", lambda: writes.first_good(last) is not None, 60)
    assert is_alive(supervisor)
    assert scene.up.find("up") == supervisor
    said = scene.up.log.read_text(encoding="utf-8")
    assert "PostgreSQL was ended by SIGKILL. It starts again now." in said
    assert not [line for line in said.splitlines() if line.startswith("Traceback")]
    took = writes.first_good(last) or 0.0
    figures.add(
        "P1",
        f"PostgreSQL killed {KILLS_IN_A_ROW} times while it starts",
        "up stays",
        f"back in {took:.1f} s",
    )
    check(scene)
    assert scene.up.stop() == 0


def test_postgresql_that_finds_its_port_taken_is_found_by_all_processes(
    make_scene: MakeScene,
) -> None:
    """While the supervisor is stopped, another program takes the port of the killed PostgreSQL."""
    scene = make_up(make_scene).start(images=2)
    count = scene.count_returns()
    port = int((scene.folder / "database-port").read_text(encoding="utf-8"))
    supervisor = scene.up.find("up")
    os.kill(supervisor, signal.SIGSTOP)
    try:
        killed = scene.kill(DATABASE).pid
        wait_for("its end", lambda: not is_alive(killed))
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            wait_for("the port", lambda: _binds(other, port))
            other.listen()
            os.kill(supervisor, signal.SIGCONT)
            scene.wait_for_return(count)
            assert int((scene.folder / "database-port").read_text(encoding="utf-8")) != port
            wait_for("the API", lambda: is_ready(scene.ports[0]))
            job = scene.make_job(scene.record("owner"), "after the move")
            wait_for("the background", lambda: scene.ask(EXPANDED, job) == [(True,)], 30)
    finally:
        os.kill(supervisor, signal.SIGCONT)


def _binds(other: socket.socket, port: int) -> bool:
    try:
        other.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


@pytest.mark.alone
def test_api_and_background_are_back_in_time_however_often_they_are_killed(
    make_scene: MakeScene, figures: Figures
) -> None:
    """Processes are killed three times in a row: these starts have no pause.

    A row begins when both processes have run for IMMEDIATE_S. The time in which the new process was
    ready to run and others had the processor is taken off.
    """
    scene = make_up(make_scene).start(images=2)
    owner = scene.record("owner")
    took: dict[str, list[float]] = {"api": [], "background": []}
    started = time.monotonic()
    for number in range(RETURNS):
        if number % (1 + STARTS_WITHOUT_PAUSE) == 0:
            time.sleep(max(0.0, started + IMMEDIATE_S - time.monotonic()))
        killed = scene.kill("api")
        wait_for(
            "another API",
            lambda pid=killed.pid: scene.find_pid("api") != pid,  # type: ignore[misc]
        )
        wait_for("the API", lambda: is_ready(scene.ports[0]), 60)
        took["api"].append(time.monotonic() - killed.at - read_waited_s(scene.find_pid("api")))
        killed = scene.kill("background")
        wait_for(
            "another background",
            lambda pid=killed.pid: scene.find_pid("background") != pid,  # type: ignore[misc]
        )
        started = time.monotonic()
        job = scene.make_job(owner, f"job-{number}")
        wait_for(
            "the background",
            lambda it=job: scene.ask(EXPANDED, it) == [(True,)],  # type: ignore[misc]
            60,
        )
        took["background"].append(
            time.monotonic() - killed.at - read_waited_s(scene.find_pid("background"))
        )
        scene.call("POST", f"/jobs/{job}/cancel")
    assert "It starts again in" not in scene.up.log.read_text("utf-8"), "a start had a pause"
    for part, seconds in took.items():
        asked = f"{BACK_WITHIN_S} s"
        figures.add(
            "P4", f"{part} back, killed {RETURNS} times", asked, f"at most {max(seconds):.1f} s"
        )
    assert max(took["api"]) <= BACK_WITHIN_S
    assert max(took["background"]) <= BACK_WITHIN_S


def test_writes_are_answered_in_time_after_postgresql_is_back(
    make_scene: MakeScene, figures: Figures
) -> None:
    chance = make_chance("postgresql back under up")
    scene = make_up(make_scene).start(images=2)
    writes = probe_writes(scene, scene.record("writer"), every_s=0.02)
    took = []
    with writes.at_work():
        for _ in range(RETURNS):
            wait_for("writes", lambda: bool(writes.answers) and writes.answers[-1].status == 201)
            time.sleep(chance.uniform(0.1, 0.4))
            count = scene.count_returns()
            scene.kill(DATABASE)
            back = scene.wait_for_return(count)
            wait_for(
                "writes",
                lambda at=back: writes.first_good(at) is not None,  # type: ignore[misc]
            )
            took.append(writes.first_good(back) or 0.0)
    figures.add(
        "P4",
        f"up: writes, PostgreSQL back {RETURNS} times",
        f"{WRITES_WITHIN_S} s",
        f"{max(took):.2f} s",
    )
    assert max(took) <= WRITES_WITHIN_S
    check(scene)
