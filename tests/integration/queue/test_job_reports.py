"""The progress of a job, and the workers in its log."""

import pytest
from tests.support.api_project import Field, failure, make_field, success
from tests.support.registered_worker import greet

from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=4)


async def test_the_log_names_who_fetched_and_who_returned_tasks(field: Field) -> None:
    job = await field.run_job()
    worker = await greet(field)
    first, second, _third = await worker.lease(3)
    other = await greet(field, name="worker-2")
    assert await worker.post(job, [success(first), failure(second)]) == ["accepted"] * 2
    await field.skip_waits()
    assert len(await other.lease(2) + await other.lease(2)) == 2
    log = (await field.call("GET", f"/jobs/{job}/log")).json()
    told = {one["by"]: one["what"] for one in log["results"] if one["what"].startswith("fetched")}
    assert told == {
        "worker-1 on host": "fetched 3 tasks; returned 1 results and 1 errors",
        "worker-2 on host": "fetched 2 tasks; returned 0 results and 0 errors",
    }
    assert log["count"] == len(log["results"]) == 5
    one = (await field.call("GET", f"/jobs/{job}/log?limit=2")).json()
    rest = (await field.call("GET", f"/jobs/{job}/log?limit=9&cursor={one['next']}")).json()
    assert one["results"] + rest["results"] == log["results"]


async def test_a_job_has_the_progress_that_clients_of_antenna_read(field: Field) -> None:
    job = await field.run_job()
    shown = await field.show(job)
    assert shown["progress"]["summary"] == {
        "status": "PENDING",
        "progress": 0.0,
        "status_label": "Waiting to start",
    }
    assert shown["pipeline"] == {
        "id": shown["pipeline"]["id"],
        "name": "Field pipeline",
        "slug": "field-pipeline",
        "version": 1,
    }
    assert shown["project"] == {"id": field.project, "name": "field"}
    tasks = await field.lease(job)
    await field.post(job, [success(tasks[0])])
    await field.post(job, [failure(tasks[1], "image is not an image")])
    shown = await field.show(job)
    assert shown["progress"]["summary"] == {
        "status": "STARTED",
        "progress": 0.5,
        "status_label": "50% complete",
    }
    stages = {one["key"]: one for one in shown["progress"]["stages"]}
    assert stages["collect"]["status"] == "SUCCESS"
    assert {one["key"]: one["value"] for one in stages["process"]["params"]} == {
        "processed": 2,
        "failed": 1,
        "remaining": 2,
    }
    assert stages["results"]["params"][0] == {"key": "captures", "name": "Captures", "value": 1}
    await field.post(job, [success(task) for task in tasks[2:]])
    assert (await field.show(job))["progress"]["summary"]["status"] == "SUCCESS"
    refused = await field.call("POST", f"/jobs/{await _completed(field)}/retry", {})
    assert (refused.status_code, "POST /api/v2/jobs" in refused.json()["detail"]) == (409, True)


async def _completed(field: Field) -> int:
    job = await field.run_job()
    await field.post(job, [success(task) for task in await field.lease(job)])
    return job
