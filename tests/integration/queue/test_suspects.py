"""Suspects: tasks whose lease was lost are leased alone."""

import pytest
from tests.support.api_project import Field, make_field
from tests.support.registered_worker import greet

from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=5)


async def test_suspects_are_leased_alone_and_last(field: Field) -> None:
    job = await field.run_job()
    lost = {task["id"] for task in await field.lease(job, 3)}
    await field.expire()
    batches = [await field.lease(job, 4) for _ in range(2)]
    assert [len(tasks) for tasks in batches] == [2, 1]
    assert batches[1][0]["id"] in lost
    await field.change("update holders set last_contact_at = now() - interval '1 hour'")
    worker = await greet(field)
    leases = [await worker.lease(20) for _ in range(3)]
    assert [len(tasks) for tasks in leases] == [1, 1, 0]
    assert {tasks[0]["id"] for tasks in [batches[1], *leases[:2]]} == lost
    assert all(tasks[0]["alone"] for tasks in leases[:2])


async def test_a_suspect_does_not_join_the_tasks_of_another_job(field: Field) -> None:
    ahead = await field.run_job(selection={"images": [str(one) for one in field.images[:2]]})
    behind = await field.run_job(selection={"images": [str(one) for one in field.images[2:]]})
    await field.lease(behind, 3)
    await field.expire()
    await field.change("update holders set last_contact_at = now() - interval '1 hour'")
    worker = await greet(field)
    leases = [await worker.lease(20) for _ in range(3)]
    assert [[task["job_id"] for task in tasks] for tasks in leases] == [
        [ahead] * 2, [behind], [behind],
    ]  # fmt: skip


async def test_suspects_that_waited_long_go_first(field: Field) -> None:
    job = await field.run_job()
    [lost] = await field.lease(job, 1)
    await field.expire()
    await field.change("update analyses set updated_at = now() - interval '2 min' where lost > 0")
    assert [task["id"] for task in await field.lease(job)] == [lost["id"]]
    assert len(await field.lease(job)) == 4
