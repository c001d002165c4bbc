"""Suspects: tasks whose lease was lost, and the tasks that share a lease with one."""

import pytest
from tests.support.api_project import Field, make_field, success
from tests.support.registered_worker import greet

from trapline.server.platform.app_context import AppContext
from trapline.server.queue.actions import queue_maintenance
from trapline.server.queue.queries import lease_expiry

LOST = "select lost, count(*) from analyses group by 1 order by 1"


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=10)


async def test_a_batch_includes_one_suspect_at_most(field: Field) -> None:
    job = await field.run_job()
    lost = {task["id"] for task in await field.lease(job, 3)}
    await field.expire()
    batches = [await field.lease(job, 4) for _ in range(5)]
    assert [len(tasks) for tasks in batches] == [4, 4, 2, 0, 0]
    assert [len(lost & {task["id"] for task in tasks}) for tasks in batches[:3]] == [1, 1, 1]
    for tasks in batches:
        assert await field.post(job, [success(task) for task in tasks]) == ["accepted"] * len(tasks)
    assert (await field.show(job))["status"] == "completed"


@pytest.mark.parametrize("page", [500, 2])
async def test_only_the_suspect_of_a_lost_batch_is_charged(
    field: Field, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_expiry, "PAGE", page)
    monkeypatch.setattr(queue_maintenance, "PAGE", page)
    job = await field.run_job()
    await field.lease(job, 1)
    await field.expire()
    first = await field.lease(job, 6)
    await field.expire()
    assert len(first) == 6
    assert await field.ask(LOST) == [(0, 9), (2, 1)]
    assert await field.ask("select outcome, count(*) from attempts group by 1 order by 1") == [
        ("lost", 2),
        ("returned", 5),
    ]
    # A suspect that was lost again is leased alone, after all other tasks.
    batches = [await field.lease(job, 9) for _ in range(3)]  # from the low-water mark on
    assert [len(tasks) for tasks in batches] == [4, 5, 1]
    assert (await field.post(job, [success(task) for task in first]))[0] == "accepted"
    assert await field.counters(job) == ("processing", 4, 6, 0)


async def test_tasks_are_charged_after_the_result_of_their_suspect(field: Field) -> None:
    job = await field.run_job()
    [suspect] = await field.lease(job, 1)
    await field.expire()
    batch = await field.lease(job, 4)
    [again] = [task for task in batch if task["id"] == suspect["id"]]
    assert await field.post(job, [success(again)]) == ["accepted"]
    await field.expire()
    assert await field.ask(LOST) == [(0, 6), (1, 4)]


async def test_suspects_that_waited_long_go_first(field: Field) -> None:
    job = await field.run_job()
    for _ in range(2):
        await field.lease(job, 1)
        await field.expire()
    await field.change("update analyses set updated_at = now() - interval '2 min' where lost > 1")
    [suspect] = await field.lease(job)
    assert await field.ask("select lost from analyses where id = %s", suspect["id"]) == [(2,)]
    assert len(await field.lease(job, 20)) == 9


async def test_a_registered_worker_leases_suspects_alone(field: Field) -> None:
    job = await field.run_job()
    lost = {task["id"] for task in await field.lease(job, 2)}
    await field.expire()
    await field.change("update holders set last_contact_at = now() - interval '1 hour'")
    worker = await greet(field)
    leases = [await worker.lease(20) for _ in range(4)]
    assert [len(tasks) for tasks in leases] == [8, 1, 1, 0]
    assert {tasks[0]["id"] for tasks in leases[1:3]} == lost
    assert all(tasks[0]["alone"] for tasks in leases[1:3])
