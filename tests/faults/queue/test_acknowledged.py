"""A 2xx response means committed: kills of PostgreSQL, a full disk, and lost commit responses."""

import io
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from PIL import Image
from tests.faults.conftest import MakeScene
from tests.support.camera_images import make_picture
from tests.support.fault_run import UP_OR_PARTS, Figures, make_chance, sized
from tests.support.fault_scene import DATABASE, Scene
from tests.support.ledger_checker import check
from tests.support.load_probes import Probe, probe_writes
from tests.support.running_server import wait_for

KILLS = sized(20, 8)
COMMITS = sized(20, 8)
FILLS = sized(20, 4)
MIB = 2**20
STORE_MIB = 48
BACK_WITHIN_S = 10.0
WRITES = ("POST /api/v2/jobs/*/result", "POST /api/v2/deployments")
WAIT_S = 0.4


def test_acknowledged_writes_survive_repeated_kills_of_postgresql(
    make_scene: MakeScene, figures: Figures
) -> None:
    """Each kill happens while a result and another write wait to be committed."""
    chance = make_chance("acknowledged")
    scene = make_scene(failpoints=True, settings={"TRAPLINE_TASK_LOSSES": "200"}).start(
        images=sized(4000, 600)
    )
    scene.make_expanded_job()
    for number in (1, 2):
        scene.add_worker(number, additions=number == 2, work_s=0.02)
    probes = [probe_writes(scene, scene.record(f"writer-{number}"), every_s=0) for number in (1, 2)]
    with probes[0].at_work(), probes[1].at_work():
        for number in range(KILLS):
            time.sleep(chance.uniform(0.1, 0.6))
            # A request has several transactions; which of them writes is nothing that this test
            # should know.
            rules = [
                f"before commit|{doing}|{chance.randint(1, 4)}|sleep {WAIT_S}" for doing in WRITES
            ]
            scene.follow(
                *[f"{number * len(WRITES) + place} {rule}" for place, rule in enumerate(rules)]
            )
            expected = (number + 1) * len(WRITES)
            wait_for(
                "writes",
                lambda n=expected: len(scene.list_strikes()) == n,  # type: ignore[misc]
            )
            scene.kill(DATABASE)
            answers = len(probes[0].answers)
            wait_for(
                "an answer",
                lambda n=answers: len(probes[0].answers) > n,  # type: ignore[misc]
            )
            wait_for("writes", lambda: probes[0].answers[-1].status == 201)
    scene.drain(90)
    scene.expect_in_flight(0.9)
    statuses = {one.status for probe in probes for one in probe.answers}
    good = sum(one.status == 201 for probe in probes for one in probe.answers)
    tally = check(scene)
    figures.add(
        "P3",
        f"PostgreSQL killed {len(scene.strikes)} times: acknowledged and gone",
        "0",
        f"0 of {good} writes",
    )
    figures.add("P3", "results acknowledged and gone", "0", f"0 of {tally.acknowledged}")
    assert statuses == {201, 503}


def test_a_commit_whose_fate_is_unknown_is_told_as_such(
    make_scene: MakeScene, figures: Figures
) -> None:
    """The commit succeeds, its response is lost: 503, and a repetition finds the result."""
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
        assert scene.ask("select count(*) from jobs")[0][0] == before + 1, (
            "the commit did not arrive"
        )
        assert answer.headers["Retry-After"]
        again = scene.call("POST", "/jobs", body, headers=headers)
        assert again.status_code == 201, again.text
        assert scene.ask("select count(*) from jobs")[0][0] == before + 1, (
            "the second request made a second job"
        )
    assert scene.database_proxy.swallowed == COMMITS
    assert set(told) == {503}
    figures.add(
        "P3", "commits whose answer is lost", "503", f"{len(told)} times 503, each made once"
    )


@contextmanager
def small_disk(scene: Scene, name: str, mib: int) -> Iterator[Path]:
    """Mount a folder of the scene on a separate file system."""
    place, aside = scene.folder / name, scene.folder / f"{name}.aside"
    place.mkdir(exist_ok=True)
    place.rename(aside)
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "none", str(place)], check=False
    )
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
@pytest.mark.parametrize("up", UP_OR_PARTS)
def test_nothing_is_acknowledged_while_the_disk_is_full(
    make_scene: MakeScene, figures: Figures, up: bool
) -> None:
    chance = make_chance("disk full")
    scene = make_scene(settings={"TRAPLINE_TASK_LOSSES": "200"}, up=up)
    with small_disk(scene, "database", 160) as disk, small_disk(scene, "store", STORE_MIB) as store:
        scene.start(images=600)
        scene.make_expanded_job()
        scene.add_worker(1, work_s=0.05, stubborn=True)
        writes = probe_writes(scene, scene.record("writer"), every_s=0.01)
        ballast = disk / "ballast"
        refused, slowest_s = 0, 0.0
        with writes.at_work():
            for _ in range(FILLS):
                wait_for("writes", lambda: _get_last_status(writes) == 201, 30)
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
        taken_s = expect_pictures_whole_or_none(scene, store)
    figures.add(
        "P3",
        f"disk full {FILLS} times",
        "nothing acknowledged is gone",
        f"0 of {good}, {refused} refused",
    )
    figures.add("P21", "writes after space returned", "10 s", f"{slowest_s:.1f} s")
    figures.add(
        "P21", f"disk of the store full {2 * FILLS} times", "nothing half stored", "nothing"
    )
    figures.add("P21", "pictures after space returned", "10 s", f"{taken_s:.1f} s")
    assert max(slowest_s, taken_s) < BACK_WITHIN_S


def expect_pictures_whole_or_none(scene: Scene, store: Path) -> float:
    """Fill the disk of the store completely or almost; return the seconds until uploads succeed."""
    ballast = store / "ballast"
    noise = io.BytesIO()
    Image.frombytes("RGB", (1300, 1300), make_chance("noise").randbytes(3 * 1300 * 1300)).save(
        noise, "PNG"
    )
    form = {"project": str(scene.project), "deployment": scene.deployment}

    def upload(name: str, picture: bytes) -> int:
        headers = {"Authorization": f"Token {scene.owner}"}
        with httpx2.Client(
            base_url=scene.base_url, headers=headers, trust_env=False, timeout=30
        ) as client:
            sent = client.post(
                "/api/v2/images", data=form, files={"files": (name, picture, "image/png")}
            )
        return sent.status_code

    def look() -> tuple[int, list[Path]]:
        kept = (store / "originals").rglob("*")
        return scene.ask("select count(*) from images")[0][0], sorted(
            path for path in kept if path.is_file()
        )

    slowest_s = 0.0
    for number in range(FILLS):
        for left_mib in (
            0,
            4,
        ):  # less than one in twenty is refused immediately; the disk fills during an upload
            before = look()
            _fill(store, ballast)
            os.truncate(ballast, ballast.stat().st_size - left_mib * MIB)
            assert upload("noise.png", noise.getvalue()) == 503
            assert look() == before
            wait_for("nothing half received", lambda: not [*(store / "incoming").iterdir()])
            freed = time.monotonic()
            ballast.unlink()
        picture = make_picture(number, (320, 240))
        wait_for(
            "a picture to be taken",
            lambda: upload("small.jpg", picture) == 200,  # noqa: B023 - it is waited for here
        )
        slowest_s = max(slowest_s, time.monotonic() - freed)
        count, kept = look()
        assert (count, len(kept)) == (before[0] + 1, len(before[1]) + 1)
        assert picture in [path.read_bytes() for path in kept]
    return slowest_s


def _get_last_status(writes: Probe) -> int | None:
    return writes.answers[-1].status if writes.answers else None


def _fill(disk: Path, ballast: Path) -> None:
    """Take all the space that is left."""
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
