"""Kills before and after each commit and response: nothing is lost and nothing is repeated."""

import time
from itertools import count
from typing import Any

import httpx2
import pytest
from tests.faults.conftest import MakeScene
from tests.support.exchange_load import DOINGS, Exchange
from tests.support.external_service import Outsider
from tests.support.fault_run import FULL, Figures, make_chance, sized
from tests.support.fault_scene import SLUG, Scene
from tests.support.ledger_checker import check
from tests.support.running_server import RunningServer

from trapline.server.platform.postgres.postgres import find_free_port

RUNS, RUNS_OF_FILES = sized(20, 1), sized(20, 1)
JOBS_AT_ONCE = 8
POINTS_AT_ONCE = 6
STRUCK_WITHIN_S = 60.0
REQUESTS = [
    "POST /api/v2/jobs",
    "GET /api/v2/jobs",
    "POST /api/v2/pipeline/run",
    "POST /api/v2/pipeline/job/*/cancel",
    "POST /api/v2/pipeline/job/*/retry",
    "PATCH /api/v2/presets/*",
    "POST /api/v2/jobs/*/tasks",
    "POST /api/v2/jobs/*/result",
    "POST /api/v2/jobs/*/cancel",
    "POST /api/v2/jobs/*/retry",
    "POST /api/v2/workers/hello",
    "POST /api/v2/tasks/lease",
    "POST /api/v2/tasks/renew",
    "POST /api/v2/tasks/release",
]
"""Every request that moves the ledger, says how it is moved, or that workers make."""
OFTEN = (
    "loop deliveries",
    "chore fetch_content",
    "GET /api/v2/jobs",
    "POST /api/v2/jobs/*/tasks",
    "POST /api/v2/jobs/*/result",
    "POST /api/v2/tasks/lease",
)
REPLIES = ("before commit", "after commit", "before reply", "after reply")
COMMITS = ("before commit", "after commit")
BACKGROUND = [
    "loop reaper",
    "loop deliveries",
    "chore expand_job",
    "chore sweep_job",
    "chore fetch_content",
]
POINTS = [(doing, point) for doing in REQUESTS for point in REPLIES] + [
    (doing, point) for doing in BACKGROUND for point in COMMITS
]
FILE_POINTS = [
    (doing, point)
    for doing in DOINGS
    for point in (COMMITS if doing.startswith("chore") else REPLIES)
]
COMMITS_OF_FILES = {
    "POST /api/v2/exports": 2,
    "POST /api/v2/imports": 4,
    "chore build_export": 10,
    "chore take_import": 7,
}
"""The commits that each takes; the last one of a request is that of what was asked for."""
UNSTRUCK = {
    # They change nothing of the ledger; the next run writes the same data again.
    "loop thumbnails",
    "loop stored files",
    "loop due pull runs",
    "loop dead pull runs",
    "loop feeds",
    "loop old answers",
    "loop used signatures",
    "loop orphaned artifacts",
    "loop clocks",
    "loop waiting work",  # it only reads
    "loop NATS server",
    "loop day counts",
    "loop observations",
    # A chunk and its progress are one transaction; tests of bulk identifications run several.
    "loop bulk identifications",
    "loop prepared bulk identifications",
    "loop sightings of sensitive taxa",
    "loop deleted projects",
    "loop sign-in failures",
    "loop staged files",
    "loop sequences",
    "loop late tasks of deleted images",
    "loop deleted images",
    "loop discarded files",
    "loop silent workers",
    "loop old deliveries",
    "loop old e-mails",
    "loop old URLs of images",
    "loop silences",
    "loop subjects",
    "loop old exports",
    "chore take_up_exports",
    "chore take_up_imports",
    "chore take_up_unfinished",
    "chore recount_jobs",
    "GET /healthz",
    "GET /readyz",
    "POST /api/v2/presets",
    "POST /api/v2/webhooks",
    "",
}


class _Busy:
    """Owners and workers who do everything that there is a point for, again and again."""

    def __init__(self, scene: Scene, outsider: Outsider) -> None:
        self.scene = scene
        self.outsider = outsider
        self.exchange = Exchange(scene)
        self.owner = scene.record("owner")
        self.numbers = count()
        self.preset, self.changed = 0, -1
        outsider.subscribe(scene)

    def hire(self) -> None:
        """Start a worker of the basic protocol, one of the extended protocol, and two slow ones."""
        self.scene.add_worker(1, work_s=0.01, fail_share=0.05)
        self.scene.add_worker(2, work_s=0.05, additions=True, fail_share=0.05)
        for number in (3, 4):
            self.scene.add_worker(number, work_s=0.4, additions=True, batch=4)

    def do(self, doing: str) -> None:
        """Send the owner's requests that lead to this point. The workers run independently."""
        scene = self.scene
        if doing in DOINGS:
            DOINGS[doing](self.exchange)
            return
        if "/presets" in doing:
            self.change_preset()
            return
        if doing.endswith(("/release", "/hello")):
            self.leave_and_come_back()
        elif (
            scene.ask("select count(*) from jobs where status in ('queued', 'processing')")[0][0]
            >= JOBS_AT_ONCE
        ):
            return
        number = next(self.numbers)
        key = f"job-{number}"
        if doing.endswith("fetch_content"):
            scene.make_job(
                self.owner, key, "/pipeline/run", content={"url": self.outsider.address_of(number)}
            )
            return
        is_run = "/pipeline/" in doing
        if is_run:
            job = scene.make_job(self.owner, key, "/pipeline/run", content={"images": scene.images})
        else:
            job = scene.make_job(self.owner, key, selection={"images": scene.images})
        path = f"/pipeline/job/{job}" if is_run else f"/jobs/{job}"
        if doing.endswith(("/cancel", "sweep_job", "/retry")):
            self.call_until_told(f"{path}/cancel")
        if doing.endswith("/retry"):
            self.call_until_told(f"{path}/retry")

    def leave_and_come_back(self) -> None:
        """Let a worker that has something in hand stop; it is started again and says hello."""
        part = self.scene.keeper.find("worker 4")
        if part.is_running and time.monotonic() - part.starts[-1] > 1:
            assert part.process is not None
            part.process.terminate()

    def forget_claims(self) -> None:
        """Expire the URL claims and host slots of killed processes immediately."""
        self.scene.ask(
            "update job_downloads set again_at = now() where image_id is null and again_at > now()"
        )
        self.scene.ask("update host_turns set until = now() where until > now()")

    def change_preset(self) -> None:
        """Change a preset until that is known to be done; it is made first."""
        if not self.preset:
            asked = {"project": self.scene.project, "name": "changed", "pipeline": SLUG}
            self.call_until_told("/presets", body=asked)
            [(self.preset,)] = self.scene.ask("select id from presets")
        number = next(self.numbers)
        self.call_until_told(f"/presets/{self.preset}", "PATCH", {"description": str(number)})
        self.changed = number

    def call_until_told(self, path: str, method: str = "POST", body: Any = None) -> None:
        """Call until the outcome is known; a conflict means that an earlier attempt succeeded."""
        while True:
            try:
                status = self.scene.call(method, path, body).status_code
            except httpx2.HTTPError:
                status = 500
            if status < 500:
                assert status in (200, 201, 202, 409), status
                return
            time.sleep(0.05)


def test_a_process_may_die_at_every_point(
    make_scene: MakeScene, figures: Figures, outsider: Outsider
) -> None:
    chance = make_chance("failpoints")
    scene = make_scene(
        apis=2,
        one_socket=True,
        forking=True,
        failpoints=True,
        settings={
            "TRAPLINE_TASK_LOSSES": "1000",
            "TRAPLINE_TASK_ERRORS": "1000",
            "TRAPLINE_ALLOWED_NETWORKS": outsider.origin,
        },
    )
    scene.start(images=8)
    scene.add_background(2)
    busy = _Busy(scene, outsider)
    busy.hire()
    planned = list(enumerate(POINTS * RUNS + FILE_POINTS * RUNS_OF_FILES, start=1))
    chance.shuffle(planned)
    if not FULL:
        # Taken from the end: a stalled operation is detected and repeated while others are killed.
        planned.sort(key=lambda one: one[1][0] in DOINGS)
    waiting: dict[int, tuple[str, str, float]] = {}
    began = time.monotonic()
    while planned or waiting:
        for strike in scene.list_strikes():
            waiting.pop(strike["rule"], None)
        while planned and len(waiting) < POINTS_AT_ONCE:
            number, (doing, point) = planned.pop()
            at = chance.randint(1, 3) if doing in OFTEN else 1
            if doing in DOINGS and point in COMMITS:
                most = COMMITS_OF_FILES[doing]
                at = chance.randint(1, most) if doing.startswith("chore") else most
            waiting[number] = (doing, f"{point}|{doing}|{at}|kill", time.monotonic())
        scene.follow(*[f"{number} {rule}" for number, (_, rule, _) in waiting.items()])
        for doing, rule, since in list(waiting.values()):
            assert time.monotonic() - since < STRUCK_WITHIN_S, f"nothing was struck {rule}"
            busy.do(doing)
        busy.forget_claims()
        time.sleep(0.1)
    scene.follow()
    took_s = time.monotonic() - began
    scene.kill("background 1")
    busy.forget_claims()
    scene.drain(60)
    tally = check(scene)
    whole = busy.exchange.expect_whole(60)
    told = outsider.expect_told(scene, 60)
    assert scene.ask("select description from presets") == [(str(busy.changed),)]
    struck = scene.list_strikes()
    assert len(struck) == len(POINTS) * RUNS + len(FILE_POINTS) * RUNS_OF_FILES
    for point in REPLIES:
        of = [strike for strike in struck if strike["point"] == point]
        assert len(of) >= 8
    figures.add(
        "P2",
        f"{len(POINTS)} points, {RUNS} times each",
        "0 violations",
        f"{len(struck)} kills, 0 violations",
    )
    figures.add(
        "P2",
        f"{len(FILE_POINTS)} points of exports and imports, {RUNS_OF_FILES} times each",
        "whole",
        whole,
    )
    figures.add(
        "P2",
        "tasks, results, attempts lost",
        "-",
        f"{tally.tasks}, {tally.results}, {tally.lost_attempts}",
    )
    figures.add("P2", "webhooks: told at least once", "0 lost", told)
    figures.add("P2", "seconds a kill", "-", f"{took_s / len(struck):.2f}")


def test_no_point_is_left_out(make_scene: MakeScene, outsider: Outsider) -> None:
    scene = make_scene(failpoints=True, settings={"TRAPLINE_ALLOWED_NETWORKS": outsider.origin})
    scene.follow("1 *|*|1|note")
    scene.start(images=8)
    busy = _Busy(scene, outsider)
    busy.hire()
    deadline = time.monotonic() + 60
    while missing := {*POINTS, *FILE_POINTS} - {
        (one["doing"], one["point"]) for one in scene.list_strikes()
    }:
        assert time.monotonic() < deadline, f"not passed: {missing}"
        busy.do(missing.pop()[0])
        time.sleep(0.1)
    passed = {one["doing"] for one in scene.list_strikes()}
    assert passed <= {*REQUESTS, *BACKGROUND, *DOINGS, *UNSTRUCK}, "strike these points too"


def test_failpoints_are_refused_outside_tests(make_scene: MakeScene) -> None:
    scene = make_scene()
    (scene.folder / "for-tests-only").unlink()
    outside = RunningServer(
        scene.folder, find_free_port(), settings={"TRAPLINE_FAILPOINTS": str(scene.plan)}
    )
    try:
        with pytest.raises(
            AssertionError, match="was not created by a test, so nothing was started"
        ):
            outside.start()
    finally:
        outside.end()
