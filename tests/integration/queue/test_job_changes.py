"""Changes of a job in progress: start time, priority and name, pause, resume, cancel."""

from typing import Any

import pytest
from tests.support.api_project import SLUG, Field, failure, make_field, success

from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


async def act(field: Field, job: int, verb: str) -> Any:
    answer = await field.call("POST", f"/jobs/{job}/{verb}")
    assert answer.status_code == 202, answer.text
    return answer.json()


async def test_a_job_to_be_started_later_waits_until_it_is_run(field: Field) -> None:
    job = await field.run_job(start="later")
    shown = await field.show(job)
    assert (shown["not_started"], shown["paused"], shown["progress"]["total"]) == (True, False, 3)
    assert await field.claim() == []
    assert await field.lease(job) == []
    paused = await act(field, job, "pause")
    assert (paused["not_started"], paused["paused"]) == (True, False)
    ran = await act(field, job, "run")
    assert (ran["not_started"], ran["paused"]) == (False, False)
    assert await field.claim() == [job]
    assert len(await field.lease(job)) == 3


async def test_a_run_to_be_started_later_waits_until_it_is_run(field: Field) -> None:
    content = {"images": [(await field.call("GET", "/images")).json()["results"][0]["id"]]}
    asked = {"pipeline": SLUG, "content": content, "metadata": {"trip": "north"}, "start": "later"}
    made = await field.call("POST", "/pipeline/run", asked)
    assert (made.status_code, made.json()["status"]) == (202, "queued")
    job = int(made.json()["job_id"].removeprefix("job-"))
    shown = await field.show(job)
    assert (shown["not_started"], shown["metadata"], shown["progress"]["total"]) == (
        True,
        {"trip": "north"},
        1,
    )
    assert (
        "until it is run"
        in (await field.call("GET", f"/pipeline/job/{job}")).json()["status_reason"]
    )
    assert await field.claim() == []
    assert await field.lease(job) == []
    await act(field, job, "run")
    assert await field.claim() == [job]
    assert len(await field.lease(job)) == 1


async def test_running_again_changes_nothing_and_resume_starts(field: Field) -> None:
    job = await field.run_job()
    await act(field, job, "pause")
    assert (await act(field, job, "run"))["paused"] is True
    later = await field.run_job(start="later")
    resumed = await act(field, later, "resume")
    assert (resumed["not_started"], resumed["paused"]) == (False, False)
    assert await field.claim(limit="9") == [later]


async def test_priority_of_a_live_job_decides_who_is_next(field: Field) -> None:
    first, second = await field.run_job(), await field.run_job()
    assert await field.claim() == [first]
    answer = await field.call("PATCH", f"/jobs/{second}", {"priority": "high", "name": "At once"})
    assert (answer.status_code, answer.json()["priority"], answer.json()["name"]) == (
        200,
        "high",
        "At once",
    )
    assert await field.claim() == [second]
    await field.call("PATCH", f"/jobs/{second}", {"priority": "low"})
    assert await field.claim(limit="9") == [first, second]
    assert (await field.show(second))["name"] == "At once"


async def test_a_lost_race_is_412_and_work_is_no_race(field: Field) -> None:
    job = await field.run_job()

    async def change(etag: str, **changes: str) -> Any:
        headers = {"Authorization": f"Token {field.owner}", "If-Match": etag}
        return await field.client.patch(f"/api/v2/jobs/{job}", json=changes, headers=headers)

    seen = (await field.call("GET", f"/jobs/{job}")).headers["etag"]
    [task, *_] = await field.lease(job)
    await field.post(job, [success(task)])
    won = await change(seen, priority="high")
    assert won.status_code == 200
    lost = await change(seen, priority="low")
    assert (lost.status_code, (await field.show(job))["priority"]) == (412, "high")
    assert (await change(won.headers["etag"], priority="low")).status_code == 200


@pytest.mark.parametrize(
    "body", [{"priority": "urgent"}, {"name": ""}, {"status": "completed"}, {"name": "a\x00b"}]
)
async def test_a_bad_change_is_refused(field: Field, body: dict[str, str]) -> None:
    job = await field.run_job()
    assert (await field.call("PATCH", f"/jobs/{job}", body)).status_code == 422
    assert (await field.call("PATCH", "/jobs/99999", {"name": "a"})).status_code == 404


@pytest.mark.parametrize("verb", ["run", "pause", "resume", "cancel"])
@pytest.mark.parametrize("end", ["completed", "failed", "canceled"])
async def test_a_job_that_is_over_stays_as_it_is(field: Field, verb: str, end: str) -> None:
    job = await field.run_job()
    if end == "canceled":
        await act(field, job, "cancel")
    else:
        tasks = await field.lease(job)
        permanent = "image is not an image"
        await field.post(
            job,
            [success(task) if end == "completed" else failure(task, permanent) for task in tasks],
        )
    before = await field.ask("select * from jobs")
    assert end in before[0]
    answer = await field.call("POST", f"/jobs/{job}/{verb}")
    detail = "This job has already ended. Nothing was changed."
    if verb == "run":
        detail += (
            " To process the same images again, create a job with the same selection: "
            "POST /api/v2/jobs."
        )
    assert (answer.status_code, answer.json()["detail"]) == (409, detail)
    assert await field.ask("select * from jobs") == before


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "run"])
@pytest.mark.parametrize("held", [0, 1])
async def test_a_job_can_be_moved_from_any_state_that_is_not_final(
    field: Field, verb: str, held: int
) -> None:
    job = await field.run_job()
    for _ in range(held):
        await field.lease(job, 1)
    await act(field, job, verb)
    await act(field, job, "pause" if verb != "cancel" else "retry")


@pytest.mark.parametrize(
    "odd", ['"\\u0000"', '"\\ud800"', "1e999", "NaN", '{"\\u0000": 1}', '[["\\ud800"]]']
)
async def test_parameters_that_cannot_be_stored_are_422(field: Field, odd: str) -> None:
    body = f'{{"project": {field.project}, "pipeline": "{SLUG}", "parameters": {{"odd": {odd}}}}}'
    headers = {"Authorization": f"Token {field.owner}", "Content-Type": "application/json"}
    answer = await field.client.post("/api/v2/jobs", content=body.encode(), headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert await field.ask("select count(*) from jobs") == [(0,)]
