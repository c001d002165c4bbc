"""Results that come after their lease was over, in any order with those who hold the task next."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.conftest import MakeScene
from tests.support.adc_client import find_box, find_class, make_failure, make_success
from tests.support.concurrent_callers import Speaker, spread
from tests.support.fault_run import Figures, make_chance, sized
from tests.support.fault_scene import Scene
from tests.support.ledger_checker import corner_of_row
from tests.support.running_server import wait_for

TASKS = 5
JOBS = sized(500) // TASKS
ROUNDS = 3
THREADS = 5


@dataclass
class _Task:
    """The expected state of one task, by the rules of the documentation."""

    attempt: int = 0
    refused_up_to: int = 0
    winner: int = 0
    tokens: dict[int, dict[str, Any]] = field(default_factory=dict)

    def expect(self, attempt: int, *, is_error: bool) -> str:
        """Return the expected status of a result of this attempt."""
        if attempt == self.winner:
            return "accepted"
        if attempt <= self.refused_up_to:
            return "rejected"
        return "duplicate" if self.winner or is_error else "accepted"


@dataclass
class _Interleaving:
    """A job whose tasks are leased, dropped, leased again and answered in an order that dice make.

    Each round has another holder, who speaks from another address. Between the rounds all leases
    run out.
    """

    scene: Scene
    job: int
    number: int
    seen: Counter[str]
    round: int = 0
    is_over: bool = False
    tasks: dict[str, _Task] = field(default_factory=dict)

    def play(self, chance: random.Random) -> None:
        """Play one round: hand on or not, answer or not, evict or cancel sometimes."""
        self.round += 1
        address = f"127.1.{self.round}.{self.number % 250 + 1}"
        holder = Speaker(chance.choice(self.scene.ports), self.scene.worker_token, address)
        # Dice alone would leave out one kind or another in a small run: some jobs have a fate.
        evicted, canceled, handed_on = (self.number % 5 == fate for fate in (1, 2, 3))
        try:
            if self.round == 1 or handed_on or chance.random() < 0.8:
                self.lease(
                    holder,
                    chance,
                    evicted=(evicted and self.round == 1)
                    or (not handed_on and chance.random() < 0.2),
                )
            if handed_on and self.round == 2:
                for task in [task for task in self.tasks.values() if task.attempt == 2]:
                    self._post(holder, task, 1, is_error=False)
            if self.round > (2 if canceled else 1) or (
                not canceled and not handed_on and chance.random() < 0.3
            ):
                self.answer(holder, chance)
            if (canceled and self.round == 2) or (self.round > 1 and chance.random() < 0.15):
                self.cancel()
                self.answer(holder, chance)
        finally:
            holder.close()

    def lease(self, holder: Speaker, chance: random.Random, *, evicted: bool) -> None:
        """Lease some of what is in the line; a worker that said hello is evicted right after."""
        if evicted:
            holder.greet(f"worker {self.number} {self.round}")
        leased: list[dict[str, Any]] = []
        for _ in range(chance.randint(1, TASKS)):  # what was lost before goes out singly
            leased += holder.lease(self.job, chance.randint(1, TASKS))
        for one in leased:
            task = self.tasks.setdefault(one["id"], _Task())
            task.attempt += 1
            assert one["reply_subject"].split(".")[1] == str(task.attempt), (
                "an attempt without a number of its own"
            )
            task.tokens[task.attempt] = one
        if evicted:
            answer = self.scene.call("POST", f"/workers/{holder.worker_id}/evict")
            assert answer.status_code == 200, answer.text
            # Finished tasks count like any late result.
            [(fenced,)] = self.scene.ask(
                "select count(*) from analyses where job_id = %s and fence > 0", self.job
            )
            assert self.is_over or fenced == 0
            self.seen["evicted"] += answer.json()["revoked"]
            assert holder.call("POST", f"/jobs/{self.job}/tasks/", {"batch_size": 1})[0] in (
                403,
                409,
            )
            holder.worker_id = ""

    def answer(self, holder: Speaker, chance: random.Random) -> None:
        """Post some results of any attempt so far, singly, in any order, some of them twice."""
        every = [(task, attempt) for task in self.tasks.values() for attempt in task.tokens]
        for task, attempt in (
            chance.choices(every, k=chance.randint(0, len(every))) if every else []
        ):
            # An error of the newest attempt counts, and is another story.
            self._post(
                holder, task, attempt, is_error=attempt < task.attempt and chance.random() < 0.2
            )

    def _post(self, holder: Speaker, task: _Task, attempt: int, *, is_error: bool) -> None:
        leased, place = task.tokens[attempt], float(attempt)
        box = find_box(leased["image_id"], (place, 2.0, place + 10, 22.0), find_class())
        result = (
            make_failure(leased, "failed to load image") if is_error else make_success(leased, box)
        )
        expected = task.expect(attempt, is_error=is_error)
        before = self._rows(leased["id"], final=bool(task.winner))
        [told] = holder.post(
            self.job, [{"reply_subject": leased["reply_subject"], "result": result}]
        )
        outcome = told.partition(":")[0]
        # An error of an earlier attempt has no effect. After a cancellation it is a duplicate until
        # the tasks of the job are canceled, too.
        is_early = expected == "rejected" and outcome == "duplicate" and is_error and self.is_over
        assert outcome == expected or is_early, (told, expected, attempt, is_error, task)
        if expected == "accepted" and not task.winner:
            task.winner = attempt
            self.seen[
                "first, by the newest attempt"
                if attempt == task.attempt
                else "first, and handed on"
            ] += 1
        else:
            assert self._rows(leased["id"], final=bool(task.winner)) == before, (
                f"{told}, and something was written"
            )
            self.seen[told.partition(":")[0]] += 1

    def _rows(self, analysis: str, *, final: bool) -> list[tuple[Any, ...]]:
        """The row versions of a task: a write that changes nothing shows, too.

        The reaper writes to open ones.
        """
        tables = ["annotations where analysis_id"] + (
            ["analyses where id", "attempts where analysis_id"] * final
        )
        parts = [f"select '{table}', ctid::text, xmin::text from {table} = %s" for table in tables]
        return self.scene.ask(
            f"{' union all '.join(parts)} order by 1, 2", *[analysis] * len(parts)
        )

    def cancel(self) -> None:
        """Cancel the job: from then on nothing counts of what is open."""
        if self.is_over or (
            len(self.tasks) == TASKS and all(task.winner for task in self.tasks.values())
        ):
            return
        assert self.scene.call("POST", f"/jobs/{self.job}/cancel").status_code == 202
        self.is_over = True
        self.seen["canceled jobs"] += 1
        for task in self.tasks.values():
            if not task.winner:
                task.refused_up_to = task.attempt

    def judge(self) -> None:
        """Each task has the winner's box and no other."""
        rows = self.scene.ask(
            "select a.id::text, a.state, jsonb_agg(n) from analyses a left join annotations "
            "n on n.analysis_id = a.id and n.annotation_type = 'bounding_box' where a.job_id = %s "
            "group by a.id",
            self.job,
        )
        for name, state, boxes in rows:
            corners = [box and corner_of_row(box) for box in boxes]
            winner = self.tasks[name].winner if name in self.tasks else 0
            assert corners == ([float(winner)] if winner else [None]), (corners, winner)
            assert (state == "completed") == bool(winner)


def test_late_results_count_while_their_task_is_open(
    make_scene: MakeScene, figures: Figures
) -> None:
    chance = make_chance("late")
    scene = make_scene(apis=2, settings={"TRAPLINE_TASK_LOSSES": "100"}).start(images=TASKS)
    seen: Counter[str] = Counter()
    jobs = [_Interleaving(scene, scene.make_expanded_job(), number, seen) for number in range(JOBS)]
    plays: list[Callable[[random.Random], None]] = [job.play for job in jobs]
    for _ in range(ROUNDS):
        spread(plays, THREADS, chance)
        wait_for("the end of all leases", lambda: scene.count_held() == 0, 60)
    spread(plays, THREADS, chance)
    for job in jobs:
        job.judge()
    figures.add(
        "P8",
        "late results",
        f"{JOBS * TASKS} interleavings",
        ", ".join(f"{k} {v}" for k, v in seen.items()),
    )
    for kind in (
        "first, and handed on",
        "duplicate",
        "rejected",
        "accepted",
        "evicted",
        "canceled jobs",
    ):
        assert seen[kind], f"no interleaving had: {kind}; {seen}"
