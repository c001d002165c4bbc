"""Why nothing happens: the facts behind a job's sentence, from the rows."""

import re

import pytest
from tests.support.adc_client import PIPELINE
from tests.support.api_project import Field, failure, make_field
from tests.support.registered_worker import greet

from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


async def why(field: Field, job: int) -> str:
    listed = (await field.call("GET", f"/jobs?project={field.project}")).json()["results"]
    [told] = [found["status_reason"] for found in listed if found["id"] == job]
    assert (await field.show(job))["status_reason"].split()[:4] == told.split()[:4]
    return re.sub(r"\b\d+ s\b", "0 s", told)


async def test_a_worker_that_said_hello_is_called_by_its_name(field: Field) -> None:
    job = await field.run_job()
    worker = await greet(field, "gpu-2")
    await worker.lease(2)
    assert await why(field, job) == "2 images leased by gpu-2 on host for 0 s."
    other = await greet(field, "gpu-3")
    await other.lease(1)
    assert await why(field, job) == "3 images leased by gpu-2 on host and 1 more worker for 0 s."
    await field.call("POST", f"/jobs/{job}/pause")
    assert await why(field, job) == "Paused; 3 images leased continue, 0 images wait in the queue."


async def test_a_caller_without_a_name_is_called_by_its_address(field: Field) -> None:
    job = await field.run_job()
    await field.lease(job, 3)
    told = await why(field, job)
    assert told.startswith("3 images leased by python-httpx2/")
    assert " at 127.0.0.1 for " in told


async def test_nobody_offers_it(field: Field) -> None:
    job = await field.run_job()
    await field.change(
        "update processing_services set last_seen_at = now() - interval '90 minutes'"
    )
    told = await why(field, job)
    assert told.startswith("No worker offers field-pipeline since ")
    assert told.endswith(" UTC; 3 images wait.")
    await field.change("update processing_services set last_seen_at = null")
    assert await why(field, job) == "No worker offers field-pipeline; 3 images wait."
    await field.change("delete from service_pipelines")
    assert (
        await why(field, job) == "No processing service has registered the pipeline field-pipeline."
    )


async def test_everything_waits_for_another_attempt(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job)
    await field.post(job, [failure(task) for task in tasks[:2]])
    assert "1 image leased" in await why(field, job)
    await field.post(job, [failure(tasks[2])])
    await field.change("update analyses set not_before = now() + interval '10 minutes'")
    told = await why(field, job)
    assert told.startswith("3 images wait for another attempt after an error, at ")
    assert told.endswith("(in 10 min).")
    await field.change("update analyses set lost = 1")
    assert await why(field, job) == told
    await field.skip_waits()
    assert (
        await why(field, job) == "3 images wait for a worker; the last contact of one was 0 s ago."
    )


async def test_a_worker_is_online_and_does_not_ask(field: Field) -> None:
    job = await field.run_job()
    await greet(field, "gpu-2")
    assert await why(field, job) == (
        "3 images wait; gpu-2 on host is online (last contact 0 s ago) and has not asked for them."
    )


async def test_workers_are_at_another_job(field: Field) -> None:
    other, job = await field.run_job(), await field.run_job()
    worker = await greet(field, "gpu-2")
    await worker.lease(3)
    assert await why(field, job) == f"3 images wait; gpu-2 on host is working on job {other}."
    assert "leased by gpu-2" in await why(field, other)


async def test_a_job_is_held_back_by_others(field: Field) -> None:
    job = await field.run_job()
    urgent = await field.run_job(priority="high")
    assert (
        await why(field, job) == f"3 images wait behind job {urgent}, which has a higher priority."
    )
    await field.run_job(priority="high")
    assert await why(field, job) == (
        f"3 images wait behind 2 jobs of higher priority; the next of them is job {urgent}."
    )
    assert "behind" not in await why(field, urgent)
    await field.change("update jobs set paused = true where priority = 2")
    assert (
        await why(field, job) == "3 images wait for a worker; the last contact of one was 0 s ago."
    )


async def test_a_job_of_a_project_that_is_not_mine_has_no_number(field: Field) -> None:
    neighbour = await make_field(field.system, name="neighbour")
    await field.change(
        "insert into members (project_id, user_id, role) values (%s, %s, 'owner')",
        neighbour.project,
        field.user_id,
    )
    shared = await field.make_worker()
    body = {"processing_service_name": "Field worker (host)", "pipelines": [PIPELINE]}
    for project in (field.project, neighbour.project):
        assert (
            await field.call("POST", f"/projects/{project}/pipelines", body, shared)
        ).status_code == 201
    job = await field.run_job()
    theirs = await neighbour.run_job(priority="high")
    assert (
        await why(field, job) == f"3 images wait behind job {theirs}, which has a higher priority."
    )
    await field.change(
        "delete from members where project_id = %s and user_id = %s",
        neighbour.project,
        field.user_id,
    )
    assert (
        await why(field, job)
        == "3 images wait behind a job of another project, which has a higher priority."
    )


async def test_a_canceled_job_says_that_it_is_being_swept(field: Field) -> None:
    job = await field.run_job()
    await field.lease(job, 1)
    await field.call("POST", f"/jobs/{job}/cancel")
    assert await why(field, job) == (
        "Canceled; 0 images were done before; 3 images are being removed from the queue."
    )
    await field.change("update analyses set state = 'canceled'")
    assert await why(field, job) == "Canceled; 0 images were done before."
    later = await field.run_job(start="later")
    assert await why(field, later) == "Not started; 3 images wait in the queue until it is run."
