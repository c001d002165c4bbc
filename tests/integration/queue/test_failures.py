"""Failed tasks: grouped by reason, with the history of each attempt, and retried."""

from typing import Any
from uuid import uuid4

import pytest
from tests.support.api_project import SYSTEM, Field, failure, make_field, success

from trapline.server.platform.app_context import AppContext
from trapline.server.queue.actions import jobs

GONE = "HTTP 404 for http://camera/{}.jpg"
BROKEN = "image is not an image: {}.jpg has 0 bytes"


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=6)


async def fail(field: Field, job: int, tasks: list[dict[str, Any]], words: str) -> None:
    """Post an error for tasks as often as it takes to give them up."""
    while tasks:
        posted = [failure(task, words.format(number)) for number, task in enumerate(tasks)]
        assert set(await field.post(job, posted)) == {"accepted"}
        await field.skip_waits()
        images = {task["image_id"] for task in tasks}
        tasks = [task for task in await field.lease(job, 100) if task["image_id"] in images]


async def make_failures(field: Field) -> tuple[int, dict[str, list[str]]]:
    """A job that completed with four failures of two reasons; and the images of each."""
    job = await field.run_job()
    tasks = await field.lease(job)
    await field.post(job, [success(task) for task in tasks[4:]])
    await fail(field, job, tasks[:3], GONE)
    await fail(field, job, tasks[3:4], BROKEN)
    assert await field.counters(job) == ("completed", 0, 2, 4)
    return job, {
        "HTTP 404 for …": [task["image_id"] for task in tasks[:3]],
        "image is not an image: … has … bytes": [tasks[3]["image_id"]],
    }


async def letters(field: Field, job: int, query: str = "") -> dict[str, Any]:
    answer = await field.call("GET", f"/jobs/{job}/dead_letters{query}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def retry(field: Field, job: int, body: Any = None) -> int:
    return (await field.call("POST", f"/jobs/{job}/retry", body)).status_code


async def test_failures_are_grouped_by_reason_and_listed(field: Field) -> None:
    job, images = await make_failures(field)
    found = (await field.call("GET", f"/jobs/{job}/failures")).json()
    assert found["failed"] == 4
    assert {
        group["reason"]: (group["images"], group["sample_image_ids"]) for group in found["results"]
    } == {reason: (len(ids), ids) for reason, ids in images.items()}
    assert found["results"][0]["example"] == GONE.format(0)
    assert (await field.show(job))["failures"] == found["results"]
    assert {letter["image_id"] for letter in (await letters(field, job))["results"]} == {
        image for ids in images.values() for image in ids
    }
    first = await letters(field, job, "?reason=HTTP%20404%20for%20%E2%80%A6&limit=2")
    second = await letters(field, job, f"?reason={GONE.format(7)}&limit=2&cursor={first['next']}")
    assert (first["count"], second["next"]) == (3, None)
    assert [letter["error"] for letter in first["results"] + second["results"]] == [
        GONE.format(n) for n in range(3)
    ]
    assert {letter["attempts"] for letter in first["results"]} == {3}
    assert (await letters(field, job, "?reason=another"))["results"] == []
    assert (await field.call("GET", f"/jobs/{job}/dead_letters?cursor=AAAA")).status_code == 400


async def test_a_task_tells_the_story_of_each_attempt(system: AppContext) -> None:
    field = await make_field(system, images=1)
    job = await field.run_job()
    [task] = await field.lease(job)
    await field.post(job, [failure(task, "no memory")])
    await field.skip_waits()
    await field.lease(job)
    await field.expire()
    [seen] = await field.lease(job)
    path = f"/jobs/{job}/tasks/{task['id']}"
    story = (await field.call("GET", path)).json()
    assert story["status"] == "processing"
    assert [(one["number"], one["outcome"], one["error"]) for one in story["attempts"]] == [
        (1, "error", "no memory"),
        (2, "lost", "the lease ended without an answer"),
        (3, "in hand", None),
    ]
    assert story["attempts"][0]["worker"].startswith("python-httpx2/")
    assert all(one["leased_at"] for one in story["attempts"])
    assert [one["ended_at"] is None for one in story["attempts"]] == [False, False, True]
    await field.post(job, [success(seen)])
    story = (await field.call("GET", path)).json()
    assert (story["status"], story["error"]) == ("completed", None)
    assert story["attempts"][-1]["outcome"] == "completed"
    assert (await field.call("GET", f"/jobs/{job}/tasks/{uuid4()}")).status_code == 404


async def test_retry_of_a_reason_leaves_the_others(field: Field) -> None:
    job, images = await make_failures(field)
    assert await retry(field, job, {"reason": "HTTP 404 for …"}) == 202
    assert await field.counters(job) == ("queued", 3, 2, 1)
    assert await field.count_rows(job) == (3, 2, 1)
    tasks = await field.lease(job)
    assert {task["image_id"] for task in tasks} == set(images["HTTP 404 for …"])
    assert await field.post(job, [success(task) for task in tasks]) == ["accepted"] * 3
    assert await field.counters(job) == ("completed", 0, 5, 1)
    attempts = await field.ask(
        "select attempt, fence, errors from analyses where state = 'completed' and fence > 0"
    )
    assert attempts == [(4, 3, 0)] * 3
    assert await retry(field, job, {"reason": BROKEN.format(99)}) == 202
    assert await field.counters(job) == ("queued", 1, 5, 0)


async def test_retry_of_some_and_of_all(field: Field) -> None:
    job, images = await make_failures(field)
    gone = images["HTTP 404 for …"]
    listed = (await letters(field, job))["results"]
    task = next(letter for letter in listed if letter["image_id"] == gone[0])
    assert await retry(field, job, {"analyses": [task["analysis_id"], str(uuid4())]}) == 202
    assert await field.counters(job) == ("queued", 1, 2, 3)
    assert await retry(field, job, {"images": [gone[1]]}) == 202
    assert await field.counters(job) == ("queued", 2, 2, 2)
    assert await retry(field, job) == 202
    assert await field.counters(job) == ("queued", 4, 2, 0)
    again = await field.lease(job)
    assert {task["image_id"] for task in again} == {
        image for ids in images.values() for image in ids
    }


async def test_nothing_to_retry_is_a_conflict(field: Field) -> None:
    job, _ = await make_failures(field)
    before = await field.ask("select * from jobs")
    for body in ({"reason": "another"}, {"analyses": [str(uuid4())]}, {"images": [str(uuid4())]}):
        assert await retry(field, job, body) == 409
    assert await retry(field, job, {"reason": "a", "images": [str(uuid4())]}) == 422
    assert await retry(field, job, {"images": []}) == 422
    assert await retry(field, job, {"reasons": "misspelt"}) == 422
    assert await field.ask("select * from jobs") == before
    fresh = await field.run_job()
    assert await retry(field, fresh) == 409


async def test_budgets_count_from_the_fence_and_old_leases_are_void(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job)
    await field.post(job, [success(task) for task in tasks[1:]])
    await fail(field, job, tasks[:1], "no memory")
    old = tasks[0]
    assert await retry(field, job) == 202
    [task] = await field.lease(job)
    assert await field.post(job, [failure(task), success(old)]) == [
        "accepted",
        "rejected: the lease was revoked",
    ]
    await field.skip_waits()
    [task] = await field.lease(job)
    await field.post(job, [failure(task)])
    assert await field.counters(job) == ("processing", 1, 5, 0)
    await field.skip_waits()
    [task] = await field.lease(job)
    await field.post(job, [failure(task)])
    assert await field.counters(job) == ("completed", 0, 5, 1)
    assert await field.ask("select attempt, fence from analyses where state = 'failed'") == [(6, 3)]
    moves = (await field.show(job))["transitions"]
    assert [move["to_state"] for move in moves][-3:] == ["queued", "processing", "completed"]


async def test_retrying_some_of_a_canceled_job_leaves_the_rest_canceled(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job, 2)
    await fail(field, job, tasks[:1], BROKEN)
    await field.call("POST", f"/jobs/{job}/cancel")
    assert await retry(field, job, {"reason": BROKEN.format(1)}) == 202
    assert await field.counters(job) == ("queued", 1, 0, 0)
    await jobs.sweep_job(field.system, SYSTEM, job)
    assert await field.ask("select state, count(*) from analyses group by 1 order by 1") == [
        ("canceled", 5), ("queued", 1),
    ]  # fmt: skip
    assert (await field.post(job, [success(tasks[1])]))[0].startswith("rejected: ")
    [task] = await field.lease(job)
    await field.post(job, [success(task)])
    assert await field.counters(job) == ("completed", 0, 1, 0)
    assert await retry(field, job) == 202
    assert await field.counters(job) == ("queued", 5, 1, 0)


async def test_retrying_a_part_of_a_job_canceled_while_it_grew_adds_no_image(field: Field) -> None:
    job = await field.run_job()
    await field.lease(job, 1)
    await field.change("delete from analyses where state = 'queued'")
    await field.change(
        "update jobs set expanded = false, expanded_to = (select image_id::text from analyses), "
        "open = 1"
    )
    [(image,)] = await field.ask("select image_id from analyses")
    await field.call("POST", f"/jobs/{job}/cancel")
    assert await retry(field, job, {"images": [str(image)]}) == 202
    await jobs.expand_job(field.system, SYSTEM, job)
    assert await field.counters(job) == ("queued", 1, 0, 0)


async def test_viewers_see_failures_and_only_managers_retry(field: Field) -> None:
    job, _ = await make_failures(field)
    await field.change("update members set role = 'viewer'")
    assert (await letters(field, job))["count"] == 4
    assert await retry(field, job) == 403
