"""Every point before and after a commit or a reply: a process that dies there loses nothing and doubles nothing."""

import time
from itertools import count

import httpx2
import pytest

from tests.acceptance.running import RunningServer
from tests.faults.chance import Figures, make_chance, sized
from tests.faults.checker import check
from tests.faults.conftest import MakeScene
from tests.faults.scene import Scene
from trapline.server.engines.postgres import free_port

RUNS = sized(20)
JOBS_AT_ONCE = 4
REQUESTS = [
    "POST /api/v2/jobs",
    "GET /api/v2/jobs",
    "POST /api/v2/jobs/*/tasks",
    "POST /api/v2/jobs/*/result",
    "POST /api/v2/jobs/*/cancel",
    "POST /api/v2/jobs/*/retry",
    "POST /api/v2/workers/hello",
    "POST /api/v2/tasks/lease",
    "POST /api/v2/tasks/renew",
    "POST /api/v2/tasks/release",
]
"""Every request that moves the ledger, or that workers make."""
REPLIES = ("before commit", "after commit", "before reply", "after reply")
COMMITS = ("before commit", "after commit")
BACKGROUND = ["loop reaper", "chore expand_job", "chore sweep_job"]
POINTS = [(doing, point) for doing in REQUESTS for point in REPLIES] + [
    (doing, point) for doing in BACKGROUND for point in COMMITS
]
UNSTRUCK = {
    # They move nothing of the ledger; what they write is written anew by the next run.
    "loop thumbnails",
    "loop dead pull runs",
    "chore start_due_runs",
    "chore take_up_unfinished",
    "chore recount_jobs",
    "GET /healthz",
    "GET /readyz",
    "",
}


class _Busy:
    """Owners and workers who do everything that there is a point for, again and again."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.owner = scene.record("owner")
        self.numbers = count()

    def hire(self) -> None:
        """Start a worker of the five calls, one of the additions, and a slow one that renews what it has in hand."""
        self.scene.add_worker(1, work_s=0.01, fail_share=0.05)
        self.scene.add_worker(2, work_s=0.05, additions=True, fail_share=0.05)
        self.scene.add_worker(3, work_s=0.4, additions=True, batch=4)

    def do(self, doing: str) -> None:
        """Let the owner do what brings a process to this point; the workers do the rest by themselves."""
        scene = self.scene
        if doing.endswith(("/release", "/hello")):
            self.leave_and_come_back()
        elif scene.ask("select count(*) from jobs where status in ('queued', 'processing')")[0][0] >= JOBS_AT_ONCE:
            return
        job = scene.make_job(self.owner, f"job-{next(self.numbers)}", selection={"images": scene.images})
        if doing.endswith(("/cancel", "sweep_job", "/retry")):
            self.call_until_told(f"/jobs/{job}/cancel")
        if doing.endswith("/retry"):
            self.call_until_told(f"/jobs/{job}/retry")

    def leave_and_come_back(self) -> None:
        """Let the worker that is slow, and so has something in hand, stop; it is started again and says hello."""
        part = self.scene.keeper.find("worker 3")
        if part.is_running:
            assert part.process is not None
            part.process.terminate()

    def call_until_told(self, path: str) -> None:
        """Call until the fate is known; a conflict tells that an earlier try did it."""
        while True:
            try:
                status = self.scene.call("POST", path).status_code
            except httpx2.HTTPError:
                status = 500
            if status < 500:
                assert status in (200, 202, 409), status
                return
            time.sleep(0.05)


def test_a_process_may_die_at_every_point(make_scene: MakeScene, figures: Figures) -> None:
    chance = make_chance("failpoints")
    scene = make_scene(
        apis=2,
        one_socket=True,
        forking=True,
        failpoints=True,
        settings={"TRAPLINE_TASK_LOSSES": "1000", "TRAPLINE_TASK_ERRORS": "1000"},
    )
    scene.start(images=16)
    scene.add_background(2)
    busy = _Busy(scene)
    busy.hire()
    numbers = count(1)
    planned = POINTS * RUNS
    chance.shuffle(planned)
    began = time.monotonic()
    for doing, point in planned:
        number = next(numbers)
        scene.follow(f"{number} {point}|{doing}|{chance.randint(1, 2)}|kill")
        deadline = time.monotonic() + 30
        while not any(strike["rule"] == number for strike in scene.list_strikes()):
            assert time.monotonic() < deadline, f"nothing was struck {point} of {doing}"
            busy.do(doing)
            time.sleep(0.1)
    scene.follow()
    took_s = time.monotonic() - began
    scene.drain(60)
    tally = check(scene)
    struck = scene.list_strikes()
    assert len(struck) == len(planned)
    for point in REPLIES:
        of = [strike for strike in struck if strike["point"] == point]
        assert len(of) >= 8
    figures.add("P2", f"{len(POINTS)} points, {RUNS} times each", "0 violations", f"{len(struck)} kills, 0 violations")
    figures.add("P2", "tasks, results, attempts lost", "-", f"{tally.tasks}, {tally.results}, {tally.lost_attempts}")
    figures.add("P2", "seconds a kill", "-", f"{took_s / len(struck):.2f}")


def test_no_point_is_left_out(make_scene: MakeScene) -> None:
    scene = make_scene(failpoints=True)
    scene.follow("1 *|*|1|note")
    scene.start(images=8)
    busy = _Busy(scene)
    busy.hire()
    deadline = time.monotonic() + 60
    while missing := set(POINTS) - {(one["doing"], one["point"]) for one in scene.list_strikes()}:
        assert time.monotonic() < deadline, f"not passed: {missing}"
        busy.do(missing.pop()[0])
        time.sleep(0.1)
    passed = {one["doing"] for one in scene.list_strikes()}
    assert passed <= {*REQUESTS, *BACKGROUND, *UNSTRUCK}, "strike these points too"


def test_failpoints_are_refused_outside_tests(make_scene: MakeScene) -> None:
    scene = make_scene()
    (scene.folder / "for-tests-only").unlink()
    outside = RunningServer(scene.folder, free_port(), settings={"TRAPLINE_FAILPOINTS": str(scene.plan)})
    try:
        with pytest.raises(AssertionError, match="was not made by a test, so nothing starts"):
            outside.start()
    finally:
        outside.end()
