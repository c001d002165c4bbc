"""A 2xx means committed: PostgreSQL killed in the middle of writes, a full disk, a commit whose answer is lost."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.running import wait_for
from tests.faults.chance import Figures, make_chance, sized
from tests.faults.checker import check
from tests.faults.conftest import MakeScene
from tests.faults.probes import probe_writes
from tests.faults.scene import DATABASE, Scene

KILLS = sized(20, 8)
COMMITS = sized(20, 8)
FILLS = sized(20, 8)
WRITES = ("POST /api/v2/jobs/*/result", "POST /api/v2/deployments")
WAIT_S = 0.4


def test_what_was_acknowledged_is_there_however_often_postgresql_is_killed(
    make_scene: MakeScene, figures: Figures
) -> None:
    """Each kill strikes while a result and another write wait to be committed."""
    chance = make_chance("acknowledged")
    scene = make_scene(failpoints=True, settings={"TRAPLINE_TASK_LOSSES": "200"}).start(images=sized(4000, 600))
    scene.make_expanded_job()
    for number in (1, 2):
        scene.add_worker(number, additions=number == 2, work_s=0.02)
    probes = [probe_writes(scene, scene.record(f"writer-{number}"), every_s=0) for number in (1, 2)]
    with probes[0].at_work(), probes[1].at_work():
        for number in range(KILLS):
            time.sleep(chance.uniform(0.1, 0.6))
            # A request has several transactions; which of them writes is nothing that this test should know.
            rules = [f"before commit|{doing}|{chance.randint(1, 4)}|sleep {WAIT_S}" for doing in WRITES]
            scene.follow(*[f"{number * len(WRITES) + place} {rule}" for place, rule in enumerate(rules)])
            wait_for("writes", lambda n=number: len(scene.list_strikes()) == (n + 1) * len(WRITES))  # type: ignore[misc]
            scene.kill(DATABASE)
            answers = len(probes[0].answers)
            wait_for("an answer", lambda n=answers: len(probes[0].answers) > n)  # type: ignore[misc]
            wait_for("writes", lambda: probes[0].answers[-1].status == 201)
    scene.drain(90)
    scene.expect_in_flight(0.9)
    statuses = {one.status for probe in probes for one in probe.answers}
    good = sum(one.status == 201 for probe in probes for one in probe.answers)
    tally = check(scene)
    figures.add(
        "P3", f"PostgreSQL killed {len(scene.strikes)} times: acknowledged and gone", "0", f"0 of {good} writes"
    )
    figures.add("P3", "results acknowledged and gone", "0", f"0 of {tally.acknowledged}")
    assert statuses == {201, 503}


def test_a_commit_whose_fate_is_unknown_is_told_as_such(make_scene: MakeScene, figures: Figures) -> None:
    """The commit arrives and its answer does not: 503, and the same request again finds what the first one made."""
    scene = make_scene(through_proxy=True).start(images=2)
    assert scene.database_proxy is not None
    job_key, told = "", []
    for number in range(COMMITS):
        job_key = f"unknown-{number}"
        body = {"project": scene.project, "pipeline": "field-pipeline"}
        headers = {"Idempotency-Key": job_key}
        before = scene.ask("select count(*) from jobs")[0][0]
        # Of the transactions of this request only the one that makes the job writes into its table.
        scene.database_proxy.swallow_answer_to(b"COMMIT", after=b"INSERT INTO jobs")
        answer = scene.call("POST", "/jobs", body, headers=headers)
        told.append(answer.status_code)
        assert scene.ask("select count(*) from jobs")[0][0] == before + 1, "the commit did not arrive"
        assert answer.headers["Retry-After"]
        again = scene.call("POST", "/jobs", body, headers=headers)
        assert again.status_code == 201, again.text
        assert scene.ask("select count(*) from jobs")[0][0] == before + 1, "the second request made a second job"
    assert scene.database_proxy.swallowed == COMMITS
    assert set(told) == {503}
    figures.add("P3", "commits whose answer is lost", "503", f"{len(told)} times 503, each made once")


@contextmanager
def small_disk(scene: Scene, mib: int) -> Iterator[Path]:
    """Put PostgreSQL's folder on a file system of its own."""
    place, aside = scene.folder / "database", scene.folder / "database.aside"
    place.rename(aside)
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "none", str(place)], check=False)
    if done.returncode != 0:
        place.rmdir()
        aside.rename(place)
        pytest.skip("only root can make a small file system here")
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", str(place)], check=True)
        state = aside.stat()
        os.chown(place, state.st_uid, state.st_gid)
        yield place
    finally:
        scene.end()
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small file system")
def test_nothing_is_acknowledged_while_the_disk_is_full(make_scene: MakeScene, figures: Figures) -> None:
    chance = make_chance("disk full")
    scene = make_scene(settings={"TRAPLINE_TASK_LOSSES": "200"})
    with small_disk(scene, 160) as disk:
        scene.start(images=600)
        scene.make_expanded_job()
        scene.add_worker(1, work_s=0.05, stubborn=True)
        writes = probe_writes(scene, scene.record("writer"), every_s=0.01)
        ballast = disk / "ballast"
        refused, slowest_s = 0, 0.0
        with writes.at_work():
            for _ in range(FILLS):
                wait_for("writes", lambda: writes.answers and writes.answers[-1].status == 201, 30)  # type: ignore[arg-type, return-value]
                _fill(disk, ballast)
                full = time.monotonic()
                wait_for("a refusal", lambda: writes.answers[-1].status == 503, 30)
                time.sleep(chance.uniform(0.1, 0.4))
                freed = time.monotonic()
                ballast.unlink()
                wait_for("writes", lambda: writes.answers[-1].status == 201, 30)
                slowest_s = max(slowest_s, time.monotonic() - freed)
                told = [one.status for one in writes.within(full, freed)]
                refused += told.count(503)
        scene.keeper.stop(scene.keeper.find("worker 1"), signal.SIGKILL)
        scene.call("POST", "/jobs/1/cancel")
        wait_for("the sweep", lambda: scene.count_open() == 0, 30)
        check(scene)
        good = sum(one.status == 201 for one in writes.answers)
        assert {one.status for one in writes.answers} == {201, 503}
        assert refused >= FILLS
    figures.add("P3", f"disk full {FILLS} times", "nothing acknowledged is gone", f"0 of {good}, {refused} refused")
    figures.add("P3", "writes after space returned", "-", f"{slowest_s:.1f} s")


def _fill(disk: Path, ballast: Path) -> None:
    """Take all the space that is left."""
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
