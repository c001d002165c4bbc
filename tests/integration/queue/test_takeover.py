"""Spread of a job over workers: shares, and tasks that an idle worker takes over."""

import asyncio
import random
from collections import defaultdict
from typing import Any

import pytest
from tests.integration.queue.test_lease_waiting import wait_until_waiting
from tests.support.api_project import Field, failure, make_field, success
from tests.support.registered_worker import Greeted, greet

from trapline.server.platform.app_context import AppContext

ATTEMPTS = "select outcome, count(*) from attempts group by 1 order by 1"


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=8)


async def test_a_job_is_spread_over_the_workers_that_are_online(field: Field) -> None:
    job = await field.run_job()
    workers = [await greet(field, name=f"worker-{number}") for number in range(3)]
    shares = [await worker.lease(100) for worker in workers]
    assert [len(tasks) for tasks in shares] == [3, 3, 2]
    assert await workers[0].lease(100) == []
    # A batch caller does not report progress, and receives what it asks for.
    await workers[0].release(shares[0], final=True)
    assert len(await field.lease(job, 100)) == 3
    # Its share counts, and that of the worker that has ended does not.
    await workers[1].release(shares[1])
    assert len(await workers[2].lease(100)) == 1


async def test_a_lease_of_the_five_calls_has_at_most_the_share_of_its_caller(field: Field) -> None:
    job = await field.run_job()
    alone, other = await field.make_worker(), await field.make_worker()
    assert len(await field.lease(job, 1, token=alone)) == 1
    assert len(await field.lease(job, 1, token=other)) == 1
    # Eight open tasks for two callers.
    assert len(await field.lease(job, 100, token=alone)) == 4
    await greet(field)
    # For three callers; only two tasks are left.
    assert len(await field.lease(job, 100, token=other)) == 2
    assert await field.lease(job, 100, token=other) == []
    # A caller that made no contact for a minute does not count.
    second = await field.run_job()
    for token in (alone, other):
        assert len(await field.lease(second, 1, token=token)) == 1
    await field.change("update holders set last_contact_at = now() - interval '61 s'")
    await field.change("update workers set last_contact_at = now() - interval '61 s'")
    assert len(await field.lease(second, 100, token=alone)) == 6


async def test_an_idle_worker_takes_over_the_last_quarter_that_is_not_begun(field: Field) -> None:
    job = await field.run_job()
    slow = await greet(field)
    tasks = await slow.lease()
    idle = await greet(field, name="worker-2")
    assert await idle.lease() == [], "no renewal has named the begun tasks"
    assert (await slow.renew(tasks, begun=tasks[:2]))[0] == ["held"] * 8
    taken = await idle.lease()
    assert [task["id"] for task in taken] == [task["id"] for task in tasks[6:]]
    assert {task["alone"] for task in taken} == {False}
    assert await idle.lease() == [], "it holds tasks"
    assert (await slow.renew(tasks, begun=tasks[:3]))[0] == ["held"] * 6 + ["lost"] * 2
    assert (await idle.renew(taken, begun=[]))[0] == ["held"] * 2
    # The first result counts, whichever worker posts it; an error only from the newest lease.
    assert await slow.post(job, [failure(tasks[7])]) == ["duplicate"]
    assert await slow.post(job, [success(tasks[6])]) == ["accepted"]
    assert await slow.post(job, [success(tasks[6])]) == ["accepted"]
    assert await idle.post(job, [success(task) for task in taken]) == [
        "duplicate", "accepted",
    ]  # fmt: skip
    assert await slow.post(job, [success(tasks[7])]) == ["duplicate"]
    assert await slow.post(job, [success(task) for task in tasks[:6]]) == ["accepted"] * 6
    assert await field.counters(job) == ("completed", 0, 8, 0)
    assert await field.ask(ATTEMPTS) == [("taken over", 2)]
    assert await field.ask("select distinct errors, lost from analyses") == [(0, 0)]


async def test_a_waiting_worker_receives_tasks_when_they_can_be_taken_over(field: Field) -> None:
    await field.run_job()
    slow = await greet(field)
    tasks = await slow.lease()
    idle = await greet(field, name="worker-2")
    waiting = asyncio.create_task(idle.lease(2, wait_s=30))
    await wait_until_waiting(field, 1)
    await slow.renew(tasks, begun=tasks[:1])
    async with asyncio.timeout(10):
        assert len(await waiting) == 2


async def test_these_tasks_are_not_taken_over(field: Field, system: AppContext) -> None:
    job = await field.run_job()
    batch = await field.lease(job, 2)
    await field.change("update analyses set lost = 1 where id = %s", batch[0]["id"])
    silent = await greet(field)
    given = await silent.lease(3)
    body = {"leases": [task["reply_subject"] for task in given]}
    assert (await silent.call("/tasks/renew", body)).status_code == 200
    busy = await greet(field, name="worker-2")
    held = await busy.lease(3)
    assert len(held) == 3
    idle = await greet(field, name="worker-3")
    assert await idle.lease() == [], "none of the callers reported what it has begun"
    await busy.renew(held, begun=held)
    assert await idle.lease() == [], "all are begun"
    await field.change("update analyses set lost = 1 where id = %s", held[0]["id"])
    await busy.renew(held, begun=held[1:])
    assert await idle.lease() == [], "the only one that is not begun is a suspect"
    await field.change("update analyses set lost = 0")
    await field.call("POST", f"/jobs/{job}/pause")
    assert await idle.lease() == [], "the job is paused"
    await field.call("POST", f"/jobs/{job}/resume")
    neighbour = await make_field(system, name="neighbour")
    assert await (await greet(neighbour)).lease() == [], "another project"
    assert [task["id"] for task in await idle.lease()] == [held[0]["id"]]


async def test_a_task_is_not_taken_over_again_before_it_was_charged(field: Field) -> None:
    """Otherwise, an image that ends its workers could do so without limit."""
    job = await field.run_job(selection={"images": [str(field.images[0])]})
    holders = [await greet(field, name=f"worker-{number}") for number in range(3)]
    [task] = await holders[0].lease()
    await holders[0].renew([task], begun=[])
    [task] = await holders[1].lease()
    await holders[1].renew([task], begun=[])
    assert await holders[2].lease() == []
    await greet(field, name="worker-1", pid=2)
    assert await field.ask("select lost from analyses where job_id = %s", job) == [(1,)]
    assert await field.ask(ATTEMPTS) == [("lost", 1), ("taken over", 1)]


async def test_a_worker_does_not_take_over_the_tasks_that_it_failed(field: Field) -> None:
    job = await field.run_job(selection={"images": [str(field.images[0])]})
    failing, other = await greet(field), await greet(field, name="worker-2")
    [task] = await failing.lease()
    assert await failing.post(job, [failure(task)]) == ["accepted"]
    await field.skip_waits()
    [task] = await other.lease()
    await other.renew([task], begun=[])
    assert await failing.lease() == []
    third = await greet(field, name="worker-3")
    assert [one["id"] for one in await third.lease()] == [task["id"]]


class RandomWorkers:
    """Registered workers that act at random; `accepted` are the tokens of each task's results."""

    def __init__(self, field: Field, job: int, seed: int) -> None:
        self.field, self.job = field, job
        self.chance = random.Random(f"takeover {seed}")
        self.accepted: dict[str, set[str]] = defaultdict(set)
        self.workers: list[Greeted] = []
        self.held: list[list[Any]] = []

    async def greet(self, number: int) -> None:
        """Start a worker, which ends an earlier one of the same number."""
        worker = await greet(self.field, name=f"worker-{number}", pid=self.chance.randint(1, 99))
        self.workers[number:] = [worker, *self.workers[number + 1 :]]
        self.held[number:] = [[], *self.held[number + 1 :]]

    async def lease(self, number: int) -> None:
        """Lease tasks of the queue, or of another worker."""
        self.held[number] += await self.workers[number].lease(self.chance.randint(1, 6))

    async def renew(self, number: int) -> None:
        """Report the first tasks as begun; drop the lost ones, unless they were begun by now."""
        mine = list(self.held[number])
        begun = mine[: self.chance.randint(0, 2)]
        states, _ = await self.workers[number].renew(mine, begun=begun)
        lost = [task for task, state in zip(mine, states, strict=True) if state != "held"]
        if self.chance.random() < 0.5:
            self.held[number] = [task for task in self.held[number] if task not in lost]

    async def post(self, number: int, task: Any, *, fails: bool = False) -> None:
        """Post a result or an error."""
        result = failure(task) if fails else success(task)
        [status] = await self.workers[number].post(self.job, [result])
        assert status in ("accepted", "duplicate") or status.startswith("rejected: the"), status
        if status == "accepted" and not fails:
            self.accepted[task["id"]].add(task["reply_subject"])
        self.held[number] = [one for one in self.held[number] if one["id"] != task["id"]]

    async def act(self) -> None:
        """Do one thing."""
        number = self.chance.randrange(len(self.workers))
        kind = self.chance.choice(["lease"] * 4 + ["renew"] * 4 + ["post"] * 2 + ["release"])
        if kind == "lease":
            await self.lease(number)
        elif kind == "renew":
            await self.renew(number)
        elif self.held[number] and kind == "post":
            task = self.chance.choice(self.held[number])
            await self.post(number, task, fails=self.chance.random() < 0.2)
        elif self.held[number]:
            await self.workers[number].release([self.held[number].pop()])

    async def drain(self) -> None:
        """Work until the job has ended."""
        while (await self.field.counters(self.job))[1]:
            await self.field.skip_waits()
            for number in range(len(self.workers)):
                await self.lease(number)
                for task in list(self.held[number]):
                    await self.post(number, task)


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_of_takeovers_keeps_one_result_and_the_charges(
    system: AppContext, seed: int
) -> None:
    """Workers act at random and at the same time; then the job is drained and recounted."""
    field = await make_field(system, images=12)
    job = await field.run_job()
    workers = RandomWorkers(field, job, seed)
    # One worker leases everything, so that there is something to take over.
    await workers.greet(0)
    while len(workers.held[0]) < 12:
        await workers.lease(0)
    await workers.workers[0].renew(workers.held[0], begun=[])
    for number in (1, 2, 3):
        await workers.greet(number)
        await workers.lease(number)
    for turn in range(25):
        await asyncio.gather(*[workers.act() for _ in range(4)])
        if turn % 8 == 7:
            await workers.greet(turn % 4)
        await field.skip_waits()
    await workers.drain()
    status, opened, completed, failed = await field.counters(job)
    assert (status, opened, completed + failed) == ("completed", 0, 12)
    assert (opened, completed, failed) == await field.count_rows(job)
    assert [len(tokens) for tokens in workers.accepted.values()] == [1] * completed
    assert ("taken over",) in await field.ask("select distinct outcome from attempts")
    wrong = await field.ask(
        """
        select a.id from analyses a where a.lost <> (
            select count(*) from attempts t where t.analysis_id = a.id and t.outcome = 'lost'
        ) or a.errors <> (
            select count(*) from attempts t where t.analysis_id = a.id and t.outcome = 'error'
        ) or exists (
            select 1 from attempts t join attempts u on u.analysis_id = t.analysis_id
                and u.attempt = t.attempt + 1 and u.outcome = t.outcome
            where t.analysis_id = a.id and t.outcome = 'taken over'
        )
        """
    )
    assert wrong == []
