"""The line over HTTP: lease, results, late ones, repeated ones, errors, expiry."""

import re
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from tests.support.api_application import application_of
from tests.support.api_project import SYSTEM, Field, failure, make_field, success

from trapline.server.app.http.application import wrap_middleware
from trapline.server.images.queries.images import claim_images_without_thumbnails, mark_thumbnails
from trapline.server.platform.app_context import AppContext, LeaseSettings
from trapline.server.queue.actions import queue_maintenance


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


async def test_a_job_from_lease_to_boxes(field: Field) -> None:
    job = await field.run_job()
    assert await field.claim() == [job]
    reason = (await field.show(job))["status_reason"]
    assert re.fullmatch(
        r"3 images wait for a worker; the last contact of one was \d+ s ago\.", reason
    )
    tasks = await field.lease(job)
    assert [task["image_id"] for task in tasks] == [str(image) for image in field.images]
    assert all(set(task) == {"id", "image_id", "image_url", "reply_subject"} for task in tasks)
    assert tasks[0]["image_url"].startswith("http://trapline.test/files/originals/")
    assert await field.claim() == []
    shown = await field.show(job)
    assert shown["status"] == "processing"
    counts = {
        key: shown["progress"][key] for key in shown["progress"].keys() - {"summary", "stages"}
    }
    assert counts == {
        "total": 3, "queued": 0, "processing": 3, "completed": 0, "failed": 0, "canceled": 0,
        "expected": None,
    }  # fmt: skip
    assert shown["status_reason"].startswith("3 images leased by ")
    assert await field.post(job, [success(task) for task in tasks]) == ["accepted"] * 3
    shown = await field.show(job)
    assert shown["status"] == "completed"
    assert [(move["from_state"], move["to_state"]) for move in shown["transitions"]] == [
        (None, "queued"), ("queued", "processing"), ("processing", "completed"),
    ]  # fmt: skip
    assert shown["classes"] == {"moth": 3}
    assert shown["annotations"] == 6
    assert await field.counters(job) == ("completed", 0, 3, 0)
    image = (await field.call("GET", f"/images/{field.images[0]}")).json()
    assert image["classes"] == ["moth"]
    assert image["boxes"][0] | {"id": ""} == {
        "id": "", "x_min": 1, "y_min": 2, "x_max": 11, "y_max": 22, "class_name": "moth",
        "confidence": 0.75,
    }  # fmt: skip
    [analysis] = image["analyses"]
    box, named = analysis["annotations"]
    assert (box["annotation_type"], named["annotation_type"]) == ("bounding_box", "classification")
    assert named["parent_id"] == box["id"]
    assert named["data"]["topk"] == [
        {"class": "moth", "confidence": 0.75},
        {"class": "bat", "confidence": 0.25},
    ]
    assert await field.ask("select distinct kind from observations") == [("animal",)]


async def test_the_same_again_is_accepted_and_writes_nothing(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job)
    results = [success(task) for task in tasks]
    await field.post(job, results)
    before = await field.ask("select count(*), max(id::text) from annotations")
    assert await field.post(job, results) == ["accepted"] * 3
    assert await field.ask("select count(*), max(id::text) from annotations") == before
    assert await field.counters(job) == ("completed", 0, 3, 0)


async def test_a_late_result_is_good_work_and_the_second_is_a_duplicate(field: Field) -> None:
    job = await field.run_job()
    [first] = (await field.lease(job, 1))[:1]
    await field.expire()
    other = await field.make_worker()
    second = next(task for task in await field.lease_all(job, other) if task["id"] == first["id"])
    assert second["reply_subject"] != first["reply_subject"]
    assert await field.post(job, [success(first)]) == ["accepted"]
    assert await field.post(job, [success(second)], other) == ["duplicate"]
    assert await field.post(job, [success(first)]) == ["accepted"]
    assert await field.ask(
        "select count(*) from annotations where annotation_type = 'bounding_box'"
    ) == [(1,)]


async def test_an_error_counts_only_from_the_newest_attempt(field: Field) -> None:
    job = await field.run_job()
    [first] = await field.lease(job, 1)
    await field.expire()
    second = next(task for task in await field.lease_all(job) if task["id"] == first["id"])
    assert await field.post(job, [failure(first)]) == ["duplicate"]
    assert await field.ask("select errors, state from analyses where id = %s", first["id"]) == [
        (0, "processing")
    ]
    assert await field.post(job, [failure(second)]) == ["accepted"]
    assert await field.ask("select errors, state from analyses where id = %s", first["id"]) == [
        (1, "queued")
    ]
    assert await field.post(job, [failure(second)]) == ["accepted"]
    assert await field.ask("select errors from analyses where id = %s", first["id"]) == [(1,)]


async def test_three_errors_are_the_end_and_retry_begins_anew(field: Field) -> None:
    job = await field.run_job(selection={"images": [str(field.images[0])]})
    for errors in (1, 2, 3):
        await field.skip_waits()
        [task] = await field.lease(job)
        assert await field.post(job, [failure(task, "Batch processing error: no memory")]) == [
            "accepted"
        ]
        assert await field.ask("select errors from analyses where job_id = %s", job) == [(errors,)]
    assert await field.counters(job) == ("failed", 0, 0, 1)
    shown = await field.show(job)
    assert shown["status_reason"] == "1 image failed."
    [group] = shown["failures"]
    assert group["reason"] == "Batch processing error: no memory"
    assert group["sample_image_ids"] == [str(field.images[0])]
    assert (await field.call("POST", f"/jobs/{job}/retry")).status_code == 202
    assert await field.counters(job) == ("queued", 1, 0, 0)
    assert await field.post(job, [success(task)]) == ["rejected: the lease was revoked"]
    [again] = await field.lease(job)
    assert again["reply_subject"].split(".")[1] == "4"
    assert await field.post(job, [success(again)]) == ["accepted"]
    assert await field.counters(job) == ("completed", 0, 1, 0)
    assert (await field.call("POST", f"/jobs/{job}/retry")).status_code == 409


async def test_an_error_waits_before_it_is_leased_again(field: Field) -> None:
    job = await field.run_job(selection={"images": [str(field.images[0])]})
    [task] = await field.lease(job)
    await field.post(job, [failure(task)])
    assert await field.claim() == []
    assert await field.lease(job) == []
    assert "another attempt after an error" in (await field.show(job))["status_reason"]
    await field.skip_waits()
    assert await field.claim() == [job]
    assert len(await field.lease(job)) == 1


async def test_an_error_goes_to_another_worker_while_there_is_one(field: Field) -> None:
    job = await field.run_job()
    other = await field.make_worker()
    [theirs] = await field.lease(job, 1, other)
    [mine] = await field.lease(job, 1)
    await field.post(job, [failure(mine)])
    await field.change("update analyses set not_before = now() where not_before is not null")
    leased = await field.lease(job)
    assert mine["id"] not in [task["id"] for task in leased]
    assert mine["id"] in [task["id"] for task in await field.lease(job, 8, other)]
    assert theirs["id"] not in [task["id"] for task in leased]


async def test_a_permanent_error_is_dead_at_once(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job)
    results = [failure(tasks[0], "image is not an image"), success(tasks[1]), success(tasks[2])]
    assert await field.post(job, results) == ["accepted"] * 3
    assert await field.counters(job) == ("completed", 0, 2, 1)
    assert (await field.show(job))["status_reason"] == "2 images done, 1 image failed."


async def test_one_bad_element_refuses_no_other(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job)
    boxed = success(tasks[0])
    boxed["result"]["detections"][0]["bbox"]["x1"] = "left"
    foreign = success(tasks[1])
    foreign["result"]["source_images"][0]["id"] = str(field.images[2])
    statuses = await field.post(
        job,
        [
            boxed,
            foreign,
            {"reply_subject": "nonsense", "result": {"error": "x"}},
            {"reply_subject": tasks[0]["reply_subject"][:-1] + "!", "result": {"error": "x"}},
            {"no": "subject"},
            17,
            {
                "reply_subject": tasks[0]["reply_subject"],
                "result": {"error": "a\x00b", "image_id": None},
            },
            success(tasks[2]),
        ],
    )
    assert [status.split(":")[0] for status in statuses] == ["rejected"] * 7 + ["accepted"]
    assert "bbox.x1" in statuses[0]
    assert await field.counters(job) == ("processing", 2, 1, 0)


async def test_a_bare_list_is_taken_and_other_bodies_are_400(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job)
    answer = await field.call("POST", f"/jobs/{job}/result", [success(tasks[0])], field.worker)
    assert answer.json() == {
        "status": "accepted",
        "job_id": job,
        "results_queued": 1,
        "tasks": [
            {
                "reply_subject": tasks[0]["reply_subject"],
                "status": "accepted",
                "task_id": tasks[0]["id"],
            }
        ],
    }
    for body in ({}, {"results": 3}, "x", None):
        assert (
            await field.call("POST", f"/jobs/{job}/result", body, field.worker)
        ).status_code == 400


async def test_a_body_beyond_the_limit_is_413(field: Field, system: AppContext) -> None:
    job = await field.run_job()
    small = replace(system, limits=replace(system.limits, result_bytes=100))
    field.client._transport.app.app.state.system = small  # type: ignore[attr-defined]
    answer = await field.call("POST", f"/jobs/{job}/result", {"results": ["x" * 200]}, field.worker)
    assert answer.status_code == 413


async def test_a_task_of_another_job_is_refused(field: Field) -> None:
    job, other = await field.run_job(), await field.run_job()
    [task] = await field.lease(job, 1)
    assert await field.post(other, [success(task)]) == ["rejected: not a task of this job"]


async def test_five_lost_leases_are_the_end(field: Field) -> None:
    job = await field.run_job(selection={"images": [str(field.images[0])]})
    for _ in range(4):
        assert len(await field.lease(job)) == 1
        await field.expire()
        assert (await field.counters(job))[1:] == (1, 0, 0)
    assert len(await field.lease(job)) == 1
    await field.expire()
    assert await field.counters(job) == ("failed", 0, 0, 1)
    [group] = (await field.show(job))["failures"]
    assert group["reason"].startswith("no result: leased … times")
    assert await field.ask("select outcome, count(*) from attempts group by 1") == [("lost", 5)]


async def test_only_leases_time_out_and_contact_keeps_them(field: Field) -> None:
    job = await field.run_job()
    await field.lease(job, 1)
    await field.change(
        "update analyses set deadline = now() - interval '1 h', created_at = now() - interval '9 d'"
    )
    await queue_maintenance.requeue_expired_leases(field.system, SYSTEM)
    assert await field.ask("select state, lost from analyses order by id") == [
        ("processing", 0), ("queued", 0), ("queued", 0),
    ]  # fmt: skip
    await field.change(
        "update analyses set leased_at = now() - interval '2 h' where state = 'processing'"
    )
    await queue_maintenance.requeue_expired_leases(field.system, SYSTEM)
    assert await field.ask("select state, lost from analyses order by id") == [
        ("queued", 1), ("queued", 0), ("queued", 0),
    ]  # fmt: skip


async def test_a_result_of_the_same_token_and_address_keeps_later_leases(field: Field) -> None:
    job = await field.run_job()
    [first] = await field.lease(job, 1)
    await field.change("update holders set user_agent = 'loader'")
    [second] = await field.lease(job, 1)
    await field.change("update analyses set deadline = now() - interval '1 h'")
    await field.change("update holders set last_contact_at = now() - interval '1 h'")
    assert await field.post(job, [success(first)]) == ["accepted"]
    await queue_maintenance.requeue_expired_leases(field.system, SYSTEM)
    assert await field.ask("select id::text from analyses where state = 'processing'") == [
        (second["id"],)
    ]
    assert await field.ask("select completed from holders where user_agent = 'loader'") == [(1,)]


async def test_a_lease_of_another_process_keeps_no_lease(field: Field) -> None:
    job = await field.run_job()
    await field.lease(job, 1)
    await field.change("update analyses set deadline = now() - interval '1 h'")
    await field.change(
        "update holders set last_contact_at = now() - interval '1 h', user_agent = 'loader'"
    )
    [other] = await field.lease(job, 1)
    await queue_maintenance.requeue_expired_leases(field.system, SYSTEM)
    assert await field.ask("select id::text from analyses where state = 'processing'") == [
        (other["id"],)
    ]


@pytest.mark.parametrize(
    ("address", "left"), [("192.0.2.7", 2), ("192.0.2.8", 1)], ids=["same", "other"]
)
async def test_contact_from_another_address_keeps_no_lease(
    field: Field, address: str, left: int
) -> None:
    """Two machines with one token: the one that lives does not speak for the one that died."""
    job = await field.run_job()
    answers = []
    headers = {"Authorization": f"Token {field.worker}"}
    for calling in ("192.0.2.7", address):
        transport = httpx2.ASGITransport(
            wrap_middleware(application_of(field.system)), client=(calling, 50_000)
        )
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://trapline.test", headers=headers
        ) as machine:
            answers.append(await machine.post(f"/api/v2/jobs/{job}/tasks/", json={"batch_size": 1}))
        if len(answers) == 1:
            await field.change(
                "update analyses set deadline = now() - interval '1 h' where state = 'processing'"
            )
            await field.change("update holders set last_contact_at = now() - interval '1 h'")
    assert [len(answer.json()["tasks"]) for answer in answers] == [1, 1]
    await queue_maintenance.requeue_expired_leases(field.system, SYSTEM)
    assert await field.ask("select count(*) from analyses where state = 'processing'") == [(left,)]


async def test_a_caller_that_holds_much_gets_one(system: AppContext) -> None:
    field = await make_field(replace(system, leases=LeaseSettings(held_at_most=2)), images=5)
    job = await field.run_job()
    assert [len(await field.lease(job, 9)) for _ in range(4)] == [2, 1, 1, 1]


async def test_the_older_form_of_a_lease(field: Field) -> None:
    job = await field.run_job()
    answer = await field.call("GET", f"/jobs/{job}/tasks?batch=2", token=field.worker)
    assert len(answer.json()["tasks"]) == 2


async def test_a_claim_on_thumbnails_is_one_process_s(field: Field) -> None:
    minute = timedelta(minutes=1)
    async with field.system.database.transaction(SYSTEM) as tx:
        taken = await claim_images_without_thumbnails(SYSTEM, tx, 2, minute)
        assert len(taken) == 2
        async with field.system.database.transaction(SYSTEM) as other:
            assert len(await claim_images_without_thumbnails(SYSTEM, other, 2, minute)) == 1
    async with field.system.database.transaction(SYSTEM) as tx:
        assert await claim_images_without_thumbnails(SYSTEM, tx, 2, minute) == []
        await mark_thumbnails(SYSTEM, tx, taken[0].id, made=True)
        await mark_thumbnails(SYSTEM, tx, taken[1].id, made=False)
        assert [row.id for row in await claim_images_without_thumbnails(SYSTEM, tx, 2, minute)] == [
            taken[1].id
        ]
    async with field.system.database.transaction(SYSTEM) as tx:
        await tx.execute(
            "update images set thumbnails_claimed_until = now() where thumbnails_claimed_until > "
            "now()"
        )
        claimed = await claim_images_without_thumbnails(SYSTEM, tx, 3, minute)
        assert sorted(row.thumbnail_attempts for row in claimed) == [0, 1]


async def test_nothing_found_is_said(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job)
    found = [success(tasks[0])] + [success(task, detections=[]) for task in tasks[1:]]
    assert await field.post(job, found) == ["accepted"] * 3
    shown = await field.show(job)
    assert (shown["nothing_found"], shown["status_reason"]) == (
        2,
        "3 images done, nothing found in 2 of them.",
    )
    assert await field.ask("select kind, count(*) from observations group by 1 order by 1") == [
        ("animal", 1),
        ("blank", 2),
    ]
