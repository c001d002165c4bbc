"""A cancel against the last result, and last results against each other: one end, reported once."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.conftest import MakeScene
from tests.support.adc_client import find_on
from tests.support.concurrent_callers import Speaker, count_boxes, race
from tests.support.fault_run import Figures, make_chance, sized
from tests.support.fault_scene import REAPER_S, SLUG, Scene
from tests.support.running_server import wait_for

RACES = sized(500)
TASKS = 4
AT_ONCE = 25


@dataclass
class _Race:
    """A job of which all but the race has been run: every task is leased."""

    job: int
    elements: list[dict[str, Any]]


@dataclass
class _Track:
    """A scene with callers whose connections are open before a race begins."""

    scene: Scene
    chance: random.Random
    canceled: bool
    head_start: float = 0.0
    """The time that results have before a cancellation; each race makes the next one closer."""

    def __post_init__(self) -> None:
        ports = self.scene.ports
        self.workers = [
            Speaker(ports[number % len(ports)], self.scene.worker_token) for number in range(TASKS)
        ]
        self.owner = Speaker(ports[-1], self.scene.owner)
        for speaker in [*self.workers, self.owner]:
            speaker.ask("GET", "/projects")

    def close(self) -> None:
        for speaker in [*self.workers, self.owner]:
            speaker.close()

    def run(self, races: int) -> Counter[str]:
        """Run races, some of them lined up at a time; counts how they ended."""
        ends: Counter[str] = Counter()
        while sum(ends.values()) < races:
            lined_up = self.line_up(min(AT_ONCE, races - sum(ends.values())))
            ends.update(self.start(one) for one in lined_up)
            self.expect_no_way_back(lined_up)
        return ends

    def line_up(self, count: int) -> list[_Race]:
        body = {"project": self.scene.project, "pipeline": SLUG}
        jobs = [self.owner.ask("POST", "/jobs", body)["id"] for _ in range(count)]
        ready = "select count(*) from jobs where id = any(%s) and expanded"
        wait_for("every job's tasks", lambda: self.scene.ask(ready, jobs) == [(count,)], 60)
        races = []
        for job in jobs:
            tasks = self.workers[0].lease(job, TASKS)
            assert len(tasks) == len(self.scene.images)
            races.append(
                _Race(
                    job,
                    [
                        {"reply_subject": task["reply_subject"], "result": find_on(task)}
                        for task in tasks
                    ],
                )
            )
        return races

    def start(self, one: _Race) -> str:
        runners: list[Callable[[], Any]] = [
            _post(speaker, one.job, element)
            for speaker, element in zip(self.workers, one.elements, strict=False)
        ]
        if not self.canceled:
            return self.judge(one, race(runners))
        head_start = self.head_start + self.chance.uniform(-0.004, 0.004)
        runners = [_after(-head_start, runner) for runner in runners]
        runners.append(
            _after(head_start, lambda: self.owner.call("POST", f"/jobs/{one.job}/cancel")[0])
        )
        end = self.judge(one, race(runners))
        # Storing a result takes longer than a cancellation, and the machine decides how much.
        self.head_start += 0.002 if end == "canceled" else -0.002
        return end

    def judge(self, one: _Race, told: list[Any]) -> str:
        """Look whether a race ended in one of the ways that can be; answers which."""
        cancel = told[-1] if self.canceled else 409
        statuses = told[:-1] if self.canceled else told
        accepted = statuses.count("accepted")
        status, completed, failed, discarded, moves = self.read(one.job)
        assert accepted + sum(said.startswith("rejected") for said in statuses) == len(
            one.elements
        ), statuses
        assert (completed, failed) == (accepted, 0), (told, status, completed, failed)
        boxes = count_boxes(self.scene, one.job)
        assert sorted(boxes) == [0] * (len(boxes) - accepted) + [1] * accepted, (
            "acknowledged is not what is stored"
        )
        assert moves[:2] == ["queued", "processing"]
        if cancel == 409:
            assert (status, accepted, moves[2:]) == (
                "completed",
                len(one.elements),
                ["completed"],
            ), (told, moves)
            return "completed"
        assert cancel == 202, told
        assert (status, moves[2:]) == ("canceled", ["canceled"]), (told, status, moves)
        assert discarded == len(one.elements) - accepted
        return "canceled"

    def read(self, job: int) -> tuple[str, int, int, int, list[str]]:
        [row] = self.scene.ask(
            "select status, completed, failed, discarded, "
            "(select array_agg(to_state order by number) from job_moves where job_id = j.id) from "
            "jobs j where id = %s",
            job,
        )
        return row[0], row[1], row[2], row[3], row[4]

    def frozen(self, jobs: Sequence[int]) -> list[tuple[Any, ...]]:
        """Verify the jobs that must not change any more.

        Discarded tasks are counted, open ones removed.
        """
        return self.scene.ask(
            "select id, status, completed, failed, nothing_found, finished_at, last_move, "
            "(select count(*) from annotations n join analyses a on a.id = n.analysis_id where "
            "a.job_id = j.id) "
            "from jobs j where id = any(%s) order by id",
            list(jobs),
        )

    def expect_no_way_back(self, races: Sequence[_Race]) -> None:
        """Late results, leases and the reaper change nothing about a job that is over."""
        jobs = [one.job for one in races]
        before = self.frozen(jobs)
        left = (
            "select 1 from analyses where job_id = any(%s) and state in ('queued', 'processing') "
            "limit 1"
        )
        wait_for("the sweep of what was canceled", lambda: not self.scene.ask(left, jobs))
        for one in races:
            done = self.read(one.job)[1]
            told = self.workers[0].post(one.job, one.elements)
            assert told.count("accepted") == done, told
            assert self.workers[0].lease(one.job, TASKS) == []
            assert self.owner.call("POST", f"/jobs/{one.job}/cancel")[0] == 409
        time.sleep(2 * REAPER_S)
        assert self.frozen(jobs) == before


def _post(speaker: Speaker, job: int, element: dict[str, Any]) -> Callable[[], str]:
    return lambda: speaker.post(job, [element])[0]


def _after(seconds: float, runner: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        time.sleep(max(0.0, seconds))
        return runner()

    return run


def test_a_cancel_against_the_last_result(make_scene: MakeScene, figures: Figures) -> None:
    scene = make_scene(apis=2).start(images=1)
    track = _Track(scene, make_chance("cancel"), canceled=True)
    try:
        ends = track.run(RACES)
    finally:
        track.close()
    figures.add("P11", "cancel against last result", f"{RACES} races, one end each", dict(ends))
    assert min(ends["completed"], ends["canceled"]) > 0, f"it was no race: {ends}"


def test_last_results_against_each_other(make_scene: MakeScene, figures: Figures) -> None:
    scene = make_scene(apis=2).start(images=TASKS)
    track = _Track(scene, make_chance("last results"), canceled=False)
    try:
        ends = track.run(RACES)
    finally:
        track.close()
    figures.add(
        "P11",
        f"{TASKS} last results against each other",
        f"{RACES} races, one end each",
        dict(ends),
    )
    assert ends == {"completed": RACES}
