"""The rate of a worker: images per second while it holds tasks."""

from typing import Any

import pytest
from tests.support.api_project import Field, make_field, success
from tests.support.registered_worker import greet

from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


async def get_rate(field: Field) -> tuple[Any, Any]:
    [seen] = (await field.call("GET", f"/workers?project={field.project}")).json()["results"]
    return seen["completed"], seen["images_per_s"]


async def pass_time(field: Field, seconds: int) -> None:
    """Move what is stored into the past, as if time had passed."""
    past = f"- interval '{seconds} s'"
    await field.change(f"update analyses set leased_at = leased_at {past}")
    await field.change(
        f"update holders set credited_at = credited_at {past}, first_contact_at = first_contact_at "
        f"{past}"
    )
    await field.change(f"update workers set hello_at = hello_at {past}")


async def test_a_worker_that_was_idle_is_as_fast_as_before(field: Field) -> None:
    job = await field.run_job()
    worker = await greet(field)
    first = await worker.lease(1)
    await pass_time(field, 10)
    await worker.post(job, [success(first[0])])
    assert await get_rate(field) == (1, pytest.approx(0.1, rel=0.1))
    await pass_time(field, 3600)
    second = await worker.lease(2)
    await pass_time(field, 10)
    # Held at the same time, and returned one after the other.
    await worker.post(job, [success(second[0])])
    await pass_time(field, 10)
    await worker.post(job, [success(second[1])])
    assert await get_rate(field) == (3, pytest.approx(0.1, rel=0.1))


async def test_a_caller_without_hello_that_was_idle_is_as_fast_as_before(field: Field) -> None:
    job = await field.run_job()
    for _ in range(2):
        [task] = await field.lease(job, 1)
        await pass_time(field, 10)
        await field.post(job, [success(task)])
        await pass_time(field, 3600)
    assert await get_rate(field) == (2, pytest.approx(0.1, rel=0.1))


async def test_a_worker_with_two_jobs_counts_its_time_once(field: Field) -> None:
    worker = await greet(field)
    jobs = [await field.run_job(), await field.run_job()]
    tasks = await worker.lease(6)
    assert {task["job_id"] for task in tasks} == set(jobs)
    for place, task in enumerate(tasks):
        await pass_time(field, 10)
        await worker.post(task["job_id"], [success(task)])
        assert await get_rate(field) == (place + 1, pytest.approx(0.1, rel=0.1))


async def test_a_late_result_is_not_credited_with_the_time_of_another_lease(
    system: AppContext,
) -> None:
    field = await make_field(system, images=1)
    job = await field.run_job()
    late, prompt = await greet(field), await greet(field, name="worker-2")
    [task] = await late.lease(1)
    await field.expire()
    [again] = await prompt.lease()
    await pass_time(field, 50)
    assert await late.post(job, [success(task)]) == ["accepted"]
    assert await prompt.post(job, [success(again)]) != ["accepted"]
    listed = (await field.call("GET", f"/workers?project={field.project}")).json()["results"]
    [row] = [one for one in listed if one["completed"]]
    assert (row["completed"], row["images_per_s"]) == (1, None)
