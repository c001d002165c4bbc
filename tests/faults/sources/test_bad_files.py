"""Bad files and bad sources do not delay good ones: the next cycle imports all good files."""

import time
from typing import Any

from tests.faults.conftest import MakeScene
from tests.support.fault_run import Figures, make_chance, sized
from tests.support.fault_scene import Scene
from tests.support.faulty_cameras import FAULTS, Cameras
from tests.support.running_server import wait_for

EACH = sized(80)
"""Bad files of each kind."""
GOOD = sized(200)
LONG = sized(100_000)
LATE = 8
NEVER = "0 0 29 2 *"
CYCLE_WITHIN_S = 120.0


def test_bad_files_and_sources_hold_up_no_others(make_scene: MakeScene, figures: Figures) -> None:
    chance = make_chance("bad files")
    with Cameras(slow_s=0.1) as cameras:
        for fault in FAULTS:
            # Bad files sort first, so that each run tries them before any good file.
            for number in range(EACH):
                cameras.add(fault, f"A{number:05}.JPG", fault)
            for number in range(GOOD // len(FAULTS)):
                cameras.add(fault, f"B{number:05}.JPG")
        for number in range(GOOD):
            cameras.add(
                "mixed", f"IMG_{number:05}.JPG", chance.choice(FAULTS) if number % 4 == 0 else None
            )
        for number in range(GOOD // 4):
            cameras.add("endless", f"Z{number:06}.JPG")
        # These are left out by name; every other file is downloaded once to check its first bytes.
        cameras.folders["endless"] |= {f"note-{number:06}.part": b"" for number in range(LONG)}
        scene = make_scene(settings={"TRAPLINE_ALLOWED_NETWORKS": cameras.origin}).start(images=1)
        ids = {name: _add_source(scene, cameras, name) for name in (*FAULTS, "mixed", "endless")}
        ids["away"] = _add_source(scene, cameras, "nowhere")
        took = [_run_cycle(scene)]
        for name in ids:
            # These names sort before all known ones.
            for number in range(LATE if name != "away" else 0):
                cameras.add(name, f"0-late-{number}.JPG")
        took.append(_run_cycle(scene))
        _check(scene, cameras, ids, figures, took)


def _add_source(scene: Scene, cameras: Cameras, name: str) -> str:
    asked = {"name": name, "base_url": cameras.url_of(name), "deployment": scene.deployment}
    answer = scene.call(
        "POST", "/image-pull-sources", asked | {"schedule": NEVER, "max_files_per_run": 0}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _run_cycle(scene: Scene) -> float:
    """Make every source due and wait for the run of each; returns the seconds."""
    due = scene.ask("update pull_sources set next_run_at = now() returning now()")
    sources, due_at = len(due), due[0][0]
    began = time.monotonic()
    over = (
        "select count(distinct source_id) from pull_runs"
        " where state <> 'running' and started_at >= %s"
    )
    wait_for("the runs of a cycle", lambda: scene.ask(over, due_at) == [(sources,)], CYCLE_WITHIN_S)
    return time.monotonic() - began


def _check(
    scene: Scene, cameras: Cameras, ids: dict[str, str], figures: Figures, took: list[float]
) -> None:
    names = {source_id: name for name, source_id in ids.items()}
    rows: list[tuple[Any, ...]] = scene.ask(
        "select source_id::text, path, state, error from pulled_files"
    )
    ledger = {(names[source_id], path): (state, error) for source_id, path, state, error in rows}
    good = bad = lost = unfinished = 0
    for name, files in cameras.folders.items():
        for path in files:
            if path.endswith(".part"):
                unfinished += 1
                assert (name, path) not in ledger
                continue
            state, error = ledger[name, path]
            if path in cameras.faults.get(name, {}):
                bad += 1
                assert state in ("seen", "failed"), (name, path, state, error)
                assert state == "seen" or error, "a failed file has a reason"
            else:
                good += 1
                lost += state != "imported"
    counted = (
        "select max((select sum(n::int) from jsonb_each_text(left_out) as t (reason, n)))"
        " from pull_runs"
    )
    assert scene.ask(counted) == [(unfinished,)], "files left out by name are counted"
    [(images, paths)] = scene.ask(
        "select count(*), count(distinct (source_id, source_path))"
        " from images where source_id is not null"
    )
    [(away,)] = scene.ask("select last_error from pull_sources where id = %s", ids["away"])
    told = ", ".join(f"{cameras.struck[fault]} {fault}" for fault in FAULTS)
    figures.add("P20", "bad files met", f"at least 8 of each of {len(FAULTS)} kinds", told)
    figures.add("P20", "entries of a listing", f"{LONG:,}", f"{len(cameras.folders['endless']):,}")
    seconds = " and ".join(f"{each:.0f} s" for each in took)
    figures.add(
        "P20",
        "good files; not there after two cycles",
        f"{good:,}; 0",
        f"{images:,}; {lost} ({seconds})",
    )
    assert lost == 0
    assert (images, paths) == (good, good)
    assert bad > 0
    assert "404" in (away or ""), "an unavailable source has a reason"
    assert all(cameras.struck[fault] >= 8 for fault in FAULTS), (
        "too few faults occurred for a valid test"
    )
    assert cameras.struck_beside >= sum(cameras.struck.values()) / 2, (
        "no other run was in progress, so the test is not valid"
    )
