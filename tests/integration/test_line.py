"""The line over HTTP: lease, results, late ones, repeated ones, errors, expiry, cancel, retry, expansion."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.fields import SYSTEM, Field, add_images, failure, make_field, success
from trapline.server.actions import jobs, line
from trapline.server.system import Leases, System

CAMERA = "select deployment_id from images limit 1"


@pytest.fixture
async def field(system: System) -> Field:
    return await make_field(system)


async def expire(field: Field) -> None:
    """Let all leases run out, and the reaper come by."""
    await field.change("update analyses set deadline = now() - interval '1 h' where state = 'processing'")
    await field.change("update holders set last_contact_at = now() - interval '1 h'")
    await line.return_expired(field.system, SYSTEM)


async def skip_waits(field: Field) -> None:
    """Let every wait after an error be over."""
    await field.change("update analyses set not_before = now() - interval '1 h' where not_before is not null")


async def test_a_job_from_lease_to_boxes(field: Field) -> None:
    job = await field.run_job()
    assert await field.claim() == [job]
    assert (await field.show(job))["why"] == "3 images wait for a worker; one was heard from 0 s ago."
    tasks = await field.lease(job)
    assert [task["image_id"] for task in tasks] == [str(image) for image in field.images]
    assert all(set(task) == {"id", "image_id", "image_url", "reply_subject"} for task in tasks)
    assert tasks[0]["image_url"].startswith("http://trapline.test/files/originals/")
    assert await field.claim() == []
    shown = await field.show(job)
    assert shown["status"] == "processing"
    assert shown["progress"] == {
        "total": 3, "queued": 0, "processing": 3, "completed": 0, "failed": 0, "canceled": 0,
    }  # fmt: skip
    assert shown["why"].startswith("3 images leased by ")
    assert await field.post(job, [success(task) for task in tasks]) == ["accepted"] * 3
    shown = await field.show(job)
    assert shown["status"] == "completed"
    assert [(move["from_state"], move["to_state"]) for move in shown["moves"]] == [
        (None, "queued"), ("queued", "processing"), ("processing", "completed"),
    ]  # fmt: skip
    assert shown["classes"] == {"moth": 3}
    assert shown["annotations"] == 6
    assert await field.counters(job) == ("completed", 0, 3, 0)
    image = (await field.call("GET", f"/images/{field.images[0]}")).json()
    assert image["classes"] == ["moth"]
    assert image["boxes"][0] | {"id": ""} == {
        "id": "", "x_min": 1, "y_min": 2, "x_max": 11, "y_max": 22, "class_name": "moth", "confidence": 0.75,
    }  # fmt: skip
    [analysis] = image["analyses"]
    box, named = analysis["annotations"]
    assert (box["annotation_type"], named["annotation_type"]) == ("bounding_box", "classification")
    assert named["parent_id"] == box["id"]
    assert named["data"]["topk"] == [{"class": "moth", "confidence": 0.75}, {"class": "bat", "confidence": 0.25}]
    assert await field.ask("select distinct blank from images") == [(False,)]


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
    await expire(field)
    other = await field.make_worker()
    second = next(task for task in await lease_all(field, job, other) if task["id"] == first["id"])
    assert second["reply_subject"] != first["reply_subject"]
    assert await field.post(job, [success(first)]) == ["accepted"]
    assert await field.post(job, [success(second)], other) == ["duplicate"]
    assert await field.post(job, [success(first)]) == ["accepted"]
    assert await field.ask("select count(*) from annotations where annotation_type = 'bounding_box'") == [(1,)]


async def lease_all(field: Field, job: int, token: str | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while tasks := await field.lease(job, 100, token):
        found += tasks
    return found


async def test_an_error_counts_only_from_the_newest_attempt(field: Field) -> None:
    job = await field.run_job()
    [first] = await field.lease(job, 1)
    await expire(field)
    second = next(task for task in await lease_all(field, job) if task["id"] == first["id"])
    assert await field.post(job, [failure(first)]) == ["duplicate"]
    assert await field.ask("select errors, state from analyses where id = %s", first["id"]) == [(0, "processing")]
    assert await field.post(job, [failure(second)]) == ["accepted"]
    assert await field.ask("select errors, state from analyses where id = %s", first["id"]) == [(1, "queued")]
    assert await field.post(job, [failure(second)]) == ["accepted"]
    assert await field.ask("select errors from analyses where id = %s", first["id"]) == [(1,)]


async def test_three_errors_are_the_end_and_retry_begins_anew(field: Field) -> None:
    job = await field.run_job(selection={"images": [str(field.images[0])]})
    for errors in (1, 2, 3):
        await skip_waits(field)
        [task] = await field.lease(job)
        assert await field.post(job, [failure(task, "Batch processing error: no memory")]) == ["accepted"]
        assert await field.ask("select errors from analyses where job_id = %s", job) == [(errors,)]
    assert await field.counters(job) == ("failed", 0, 0, 1)
    shown = await field.show(job)
    assert shown["why"] == "1 image failed."
    [group] = shown["failures"]
    assert group["reason"] == "Batch processing error: no memory"
    assert group["sample_image_ids"] == [str(field.images[0])]
    assert (await field.call("POST", f"/jobs/{job}/retry")).status_code == 202
    assert await field.counters(job) == ("queued", 1, 0, 0)
    assert await field.post(job, [success(task)]) == ["rejected: the lease was taken back"]
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
    assert "another attempt after an error" in (await field.show(job))["why"]
    await skip_waits(field)
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
    assert (await field.show(job))["why"] == "2 images done, 1 image failed."


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
            {"reply_subject": tasks[0]["reply_subject"], "result": {"error": "a\x00b", "image_id": None}},
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
        "tasks": [{"reply_subject": tasks[0]["reply_subject"], "status": "accepted", "task_id": tasks[0]["id"]}],
    }
    for body in ({}, {"results": 3}, "x", None):
        assert (await field.call("POST", f"/jobs/{job}/result", body, field.worker)).status_code == 400


async def test_a_body_beyond_the_limit_is_413(field: Field, system: System) -> None:
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
        await expire(field)
        assert (await field.counters(job))[1:] == (1, 0, 0)
    assert len(await field.lease(job)) == 1
    await expire(field)
    assert await field.counters(job) == ("failed", 0, 0, 1)
    [group] = (await field.show(job))["failures"]
    assert group["reason"].startswith("no answer: leased 5 times")
    assert await field.ask("select outcome, count(*) from attempts group by 1") == [("lost", 5)]


async def test_only_leases_time_out_and_contact_keeps_them(field: Field) -> None:
    job = await field.run_job()
    await field.lease(job, 1)
    await field.change("update analyses set deadline = now() - interval '1 h', created_at = now() - interval '9 d'")
    await line.return_expired(field.system, SYSTEM)
    assert await field.ask("select state, lost from analyses order by id") == [
        ("processing", 0), ("queued", 0), ("queued", 0),
    ]  # fmt: skip
    await field.change("update analyses set leased_at = now() - interval '2 h' where state = 'processing'")
    await line.return_expired(field.system, SYSTEM)
    assert await field.ask("select state, lost from analyses order by id") == [
        ("queued", 1), ("queued", 0), ("queued", 0),
    ]  # fmt: skip


async def test_contact_of_the_same_token_and_address_keeps_a_lease(field: Field) -> None:
    job = await field.run_job()
    await field.lease(job, 1)
    await field.change("update analyses set deadline = now() - interval '1 h'")
    await field.change("update holders set last_contact_at = now() - interval '1 h', user_agent = 'loader'")
    await field.lease(job, 1)
    await line.return_expired(field.system, SYSTEM)
    assert await field.ask("select count(*) from analyses where state = 'processing'") == [(2,)]


async def test_tasks_of_a_lost_batch_go_out_singly_and_last(field: Field) -> None:
    job = await field.run_job()
    lost = await field.lease(job, 2)
    await expire(field)
    assert [task["id"] for task in await field.lease(job)] not in [[task["id"]] for task in lost]
    singles = [await field.lease(job) for _ in range(3)]
    assert [len(tasks) for tasks in singles] == [1, 1, 0]


async def test_suspects_that_waited_long_go_first(field: Field) -> None:
    job = await field.run_job()
    [lost] = await field.lease(job, 1)
    await expire(field)
    await field.change("update analyses set updated_at = now() - interval '2 min' where lost > 0")
    assert [task["id"] for task in await field.lease(job)] == [lost["id"]]
    assert len(await field.lease(job)) == 2


async def test_a_job_over_no_image_completes_at_once(system: System) -> None:
    field = await make_field(system, images=0)
    job = await field.run_job()
    shown = await field.show(job)
    assert shown["status"] == "completed"
    assert shown["why"] == "There was no image to work on."
    assert [move["to_state"] for move in shown["moves"]] == ["queued", "completed"]


async def test_expansion_goes_on_where_it_was_left_off(field: Field) -> None:
    from trapline.server.db.line import expand

    job = await field.run_job()
    await field.change("delete from analyses")
    await field.change("update jobs set expanded = false, expanded_to = null, open = 0")
    for expected in (True, True):
        async with field.system.database.transaction(SYSTEM) as tx:
            assert await expand.expand_job(SYSTEM, tx, job, chunk=1) is expected
    assert await field.counters(job) == ("queued", 2, 0, 0)
    tasks = await field.lease(job)
    assert await field.post(job, [success(task) for task in tasks]) == ["accepted"] * 2
    assert await field.counters(job) == ("processing", 0, 2, 0)
    await jobs.expand_job(field.system, SYSTEM, job)
    assert await field.counters(job) == ("processing", 1, 2, 0)
    await jobs.expand_job(field.system, SYSTEM, job)
    assert await field.count_rows(job) == (1, 2, 0)
    [task] = await field.lease(job)
    await field.post(job, [success(task)])
    assert await field.counters(job) == ("completed", 0, 3, 0)


async def test_selection_by_filter(field: Field) -> None:
    job = await field.run_job(selection={"captured_after": "2026-06-01T00:01:00Z"})
    assert await field.counters(job) == ("queued", 2, 0, 0)
    tasks = await field.lease(job)
    await field.post(job, [success(task) for task in tasks])
    rest = await field.run_job(selection={"unanalysed_only": True})
    assert [task["image_id"] for task in await field.lease(rest)] == [str(field.images[0])]


async def test_cancel_is_at_once_and_late_results_are_discarded(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job, 2)
    await field.post(job, [success(tasks[0])])
    answer = await field.call("POST", f"/jobs/{job}/cancel")
    assert answer.status_code == 202
    assert answer.json()["status"] == "canceled"
    assert answer.json()["progress"]["canceled"] == 2
    assert await field.claim() == []
    assert await field.lease(job) == []
    closed = "rejected: the job is over; the result was discarded"
    assert await field.post(job, [success(tasks[0]), success(tasks[1])]) == ["accepted", closed]
    await jobs.sweep_job(field.system, SYSTEM, job)
    assert await field.post(job, [success(tasks[1])]) == [closed]
    assert await field.ask("select state, count(*) from analyses group by 1 order by 1") == [
        ("canceled", 2), ("completed", 1),
    ]  # fmt: skip
    assert await field.ask("select discarded from jobs") == [(2,)]
    assert (await field.call("POST", f"/jobs/{job}/cancel")).status_code == 409
    assert (await field.call("POST", f"/jobs/{job}/pause")).status_code == 409
    assert (await field.call("POST", f"/jobs/{job}/retry")).status_code == 202
    assert await field.counters(job) == ("queued", 2, 1, 0)
    assert await field.post(job, [success(tasks[1])]) == ["rejected: the lease was taken back"]
    again = await lease_all(field, job)
    assert await field.post(job, [success(task) for task in again]) == ["accepted"] * 2
    assert await field.counters(job) == ("completed", 0, 3, 0)


async def test_a_retry_before_the_sweep_is_not_swept(field: Field) -> None:
    job = await field.run_job()
    await field.lease(job, 1)
    await field.call("POST", f"/jobs/{job}/cancel")
    await field.call("POST", f"/jobs/{job}/retry")
    await jobs.sweep_job(field.system, SYSTEM, job)
    assert await field.counters(job) == ("queued", 3, 0, 0)
    assert await field.count_rows(job) == (3, 0, 0)


async def test_a_paused_job_hands_out_nothing(field: Field) -> None:
    job = await field.run_job()
    [task] = await field.lease(job, 1)
    assert (await field.call("POST", f"/jobs/{job}/pause")).json()["paused"] is True
    assert await field.claim() == []
    assert await field.lease(job) == []
    assert await field.post(job, [success(task)]) == ["accepted"]
    assert (await field.show(job))["why"] == "Paused; 2 images wait in the line."
    await field.call("POST", f"/jobs/{job}/resume")
    assert len(await field.lease(job)) == 2


async def test_the_claim_list_serves_priority_then_the_project_that_waited_longest(system: System) -> None:
    field = await make_field(system)
    neighbour = await make_field(system, name="neighbour")
    first, second = await field.run_job(), await field.run_job()
    theirs = await neighbour.run_job()
    urgent = await field.run_job(priority="high")
    assert await field.claim(limit="9") == [urgent, first, second]
    assert await neighbour.claim() == [theirs]
    both = await shared_token(field, neighbour)
    assert (await field.claim(both, limit="9"))[0] == urgent
    await field.lease(urgent, 9)
    assert await field.claim(both) == [theirs]
    await neighbour.lease(theirs, 1)
    assert await field.claim(both) == [first]
    await field.lease(first, 1)
    assert await field.claim(both) == [theirs]
    assert await field.claim(both, limit="9") == [theirs, second, first]


async def shared_token(field: Field, neighbour: Field) -> str:
    await field.change(
        "insert into members (project_id, user_id, role) values (%s, %s, 'owner')", neighbour.project, field.user_id
    )
    return await field.make_worker()


async def test_the_claim_form_wants_a_known_mode(field: Field) -> None:
    answer = await field.call("GET", "/jobs?dispatch_mode=carrier_pigeon", token=field.worker)
    assert answer.status_code == 400
    assert "carrier_pigeon" in answer.json()["detail"]
    job = await field.run_job()
    assert (await field.call("GET", "/jobs?ids_only=1&pipeline__slug=other")).json() == {"results": []}
    listed = (await field.call("GET", f"/jobs?project={field.project}&status=queued")).json()
    assert [found["id"] for found in listed["results"]] == [job]


async def test_a_caller_that_holds_much_gets_one(system: System) -> None:
    field = await make_field(replace(system, leases=Leases(held_at_most=2)), images=5)
    job = await field.run_job()
    assert [len(await field.lease(job, 9)) for _ in range(4)] == [2, 1, 1, 1]


async def test_the_older_form_of_a_lease(field: Field) -> None:
    job = await field.run_job()
    answer = await field.call("GET", f"/jobs/{job}/tasks?batch=2", token=field.worker)
    assert len(answer.json()["tasks"]) == 2


async def test_a_standing_job_takes_each_new_image(field: Field) -> None:
    from trapline.server.db.line.standing import add_to_standing_jobs

    async def arrive(count: int) -> None:
        [(camera,)] = await field.ask(CAMERA)
        images = await add_images(field.system.database, field.project, camera, count)
        async with field.system.database.transaction(SYSTEM) as tx:
            await add_to_standing_jobs(SYSTEM, tx, field.project, images)

    await arrive(1)
    assert await field.ask("select count(*) from jobs") == [(0,)]
    await field.call("PATCH", f"/projects/{field.project}", {"automatic_pipeline": "field-pipeline"})
    await arrive(1)
    [(job, standing)] = await field.ask("select id, standing from jobs")
    assert standing
    tasks = await field.lease(job)
    assert await field.post(job, [success(task) for task in tasks]) == ["accepted"]
    assert await field.counters(job) == ("processing", 0, 1, 0)
    assert (await field.show(job))["why"] == "Waiting for new images."
    await arrive(2)
    assert await field.counters(job) == ("processing", 2, 1, 0)
    await field.call("PATCH", f"/projects/{field.project}", {"automatic_pipeline": None})
    tasks = await field.lease(job)
    await field.post(job, [success(task) for task in tasks])
    assert await field.counters(job) == ("completed", 0, 3, 0)


async def test_canceling_a_standing_job_switches_it_off(field: Field) -> None:
    from trapline.server.db.line.standing import add_to_standing_jobs

    await field.call("PATCH", f"/projects/{field.project}", {"automatic_pipeline": "field-pipeline"})
    async with field.system.database.transaction(SYSTEM) as tx:
        await add_to_standing_jobs(SYSTEM, tx, field.project, field.images[:1])
    [(job,)] = await field.ask("select id from jobs")
    assert (await field.call("POST", f"/jobs/{job}/cancel")).status_code == 202
    assert (await field.call("GET", f"/projects/{field.project}")).json()["automatic_pipeline"] is None
    async with field.system.database.transaction(SYSTEM) as tx:
        await add_to_standing_jobs(SYSTEM, tx, field.project, field.images[1:])
    assert await field.ask("select count(*) from analyses") == [(1,)]


async def test_recount_puts_drifted_counters_right(field: Field) -> None:
    job = await field.run_job()
    await field.change("update jobs set open = 7, failed = 2 where id = %s", job)
    assert await line.recount_jobs(field.system, SYSTEM) == 1
    assert await field.counters(job) == ("queued", 3, 0, 0)
    assert await line.recount_jobs(field.system, SYSTEM) == 0


async def test_a_move_that_may_not_be_is_refused_by_the_database(field: Field) -> None:
    import psycopg

    from trapline.server.db.line.job_row import record_move

    job = await field.run_job()
    with pytest.raises(psycopg.IntegrityError):
        async with field.system.database.transaction(SYSTEM) as tx:
            await record_move(SYSTEM, tx, job, field.project, 2, "new", "nobody")


async def test_a_result_waits_for_no_thumbnails(field: Field) -> None:
    from trapline.server.db.images import mark_thumbnails, take_without_thumbnails

    job = await field.run_job()
    tasks = await field.lease(job)
    async with field.system.database.transaction(SYSTEM) as tx:
        taken = await take_without_thumbnails(SYSTEM, tx, 2)
        assert len(taken) == 2
        async with field.system.database.transaction(SYSTEM) as other:
            assert len(await take_without_thumbnails(SYSTEM, other, 2)) == 1
        async with asyncio.timeout(5):
            assert await field.post(job, [success(task) for task in tasks]) == ["accepted"] * 3
        await mark_thumbnails(SYSTEM, tx, [row.id for row in taken], [])
    assert await field.ask("select count(*) from images where thumbnails_at is not null and not blank") == [(2,)]
