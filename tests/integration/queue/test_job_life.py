"""The life of a job: expansion, cancel, retry, pause, automatic jobs, fairness, counters."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest
from tests.support.api_project import SYSTEM, Field, add_images, make_field, success

from trapline.server.platform.app_context import AppContext
from trapline.server.queue.actions import jobs, queue_maintenance
from trapline.server.queue.queries import cancel, expansion
from trapline.server.queue.queries.automatic_jobs import add_to_automatic_jobs
from trapline.server.queue.queries.job_counters import (
    JobCounterChange,
    record_transition,
    update_job,
)
from trapline.server.queue.rules.job_transitions import find_final_state

CAMERA = "select deployment_id from images limit 1"


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


async def test_a_job_over_no_image_completes_at_once(system: AppContext) -> None:
    field = await make_field(system, images=0)
    job = await field.run_job()
    shown = await field.show(job)
    assert shown["status"] == "completed"
    assert shown["status_reason"] == "The job has no images."
    assert [move["to_state"] for move in shown["transitions"]] == ["queued", "completed"]


async def test_expansion_goes_on_where_it_was_left_off(field: Field) -> None:
    job = await field.run_job()
    await field.change("delete from analyses")
    await field.change("update jobs set expanded = false, expanded_to = null, open = 0")
    for expected in (True, True):
        async with field.system.database.transaction(SYSTEM) as tx:
            assert await expansion.expand_job(SYSTEM, tx, job, chunk=1) is expected
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


async def test_images_asked_for_by_id_come_in_chunks_each_once(field: Field) -> None:
    stranger = await make_field(field.system, images=1, name="stranger")
    wanted = [*field.images, stranger.images[0], field.images[0]]
    answer = await field.call(
        "POST",
        "/jobs",
        {
            "project": field.project,
            "pipeline": "field-pipeline",
            "selection": {"images": [*map(str, wanted)]},
        },
    )
    job = answer.json()["id"]
    assert answer.json()["progress"]["expected"] == 4
    seen = []
    more = True
    while more:
        async with field.system.database.transaction(SYSTEM) as tx:
            more = await expansion.expand_job(SYSTEM, tx, job, chunk=2)
        seen.append((await field.counters(job))[1])
    assert seen[-1] == 3
    assert len(seen) == 2
    assert (await field.show(job))["progress"]["expected"] is None
    assert {task["image_id"] for task in await field.lease(job)} == {
        str(key) for key in field.images
    }


async def test_a_deployment_of_another_project_makes_no_job(field: Field) -> None:
    """Also in the caller's own project: a job over no images would only look completed."""
    other = (await field.call("POST", "/projects", {"name": "other"})).json()["id"]
    made = await field.call("POST", "/deployments", {"project": other, "name": "camera"})
    deployment = made.json()["id"]
    wanted = {"pipeline": "field-pipeline", "selection": {"deployment": deployment}}
    answer = await field.call("POST", "/jobs", {"project": field.project, **wanted})
    assert answer.status_code == 404, answer.text
    assert (await field.call("GET", f"/deployments/{deployment}")).status_code == 200
    assert await field.ask("select count(*) from jobs") == [(0,)]


async def test_a_long_list_of_images_is_told_by_its_length(field: Field) -> None:
    ids = [str(uuid4()) for _ in range(101)] + [str(field.images[0])]
    selection = {"images": ids, "unanalysed_only": True}
    job = await field.run_job(selection=selection)
    assert (await field.show(job))["selection"] == {"unanalysed_only": True, "image_count": 102}
    assert await field.counters(job) == ("queued", 1, 0, 0)


async def test_a_growing_job_says_how_far_it_is(field: Field) -> None:
    job = await field.run_job()
    await field.change("delete from analyses")
    await field.change("update jobs set expanded = false, expanded_to = null, open = 0")
    for _ in range(2):
        async with field.system.database.transaction(SYSTEM) as tx:
            await expansion.expand_job(SYSTEM, tx, job, chunk=1)
    shown = await field.show(job)
    assert (shown["progress"]["total"], shown["progress"]["expected"], shown["expanded"]) == (
        2,
        3,
        False,
    )
    assert shown["status_reason"] == "The images are being added to the queue: 2 of about 3 so far."
    await field.lease(job, 1)
    assert (await field.show(job))["status_reason"].endswith(
        "2 of about 3 images are in the queue so far."
    )


async def test_an_expansion_that_stands_still_is_taken_up(field: Field) -> None:
    job = await field.run_job()
    await field.change("update jobs set expanded = false")
    await field.change("delete from procrastinate.procrastinate_jobs")
    await queue_maintenance.resume_expansions(field.system, SYSTEM)
    chores = "select task_name, args ->> 'job_id' from procrastinate.procrastinate_jobs"
    assert await field.ask(chores) == []
    await queue_maintenance.resume_expansions(field.system, SYSTEM, still_for_s=0)
    assert await field.ask(chores) == [("expand_job", str(job))]


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
    assert await field.post(job, [success(tasks[1])]) == ["rejected: the lease was revoked"]
    again = await field.lease_all(job)
    assert await field.post(job, [success(task) for task in again]) == ["accepted"] * 2
    assert await field.counters(job) == ("completed", 0, 3, 0)


async def test_a_sweep_goes_on_to_the_end(
    system: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancel, "CHUNK", 2)
    field = await make_field(system, images=9)
    job = await field.run_job()
    await field.lease(job, 3)
    await field.change(
        "update analyses set lost = 1 where id in (select id from analyses order by id desc limit "
        "1)"
    )
    assert (await field.call("POST", f"/jobs/{job}/cancel")).status_code == 202
    await jobs.sweep_job(field.system, SYSTEM, job)
    assert await field.ask("select state, count(*) from analyses group by 1") == [("canceled", 9)]


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
    assert (await field.show(job))["status_reason"] == "Paused; 2 images wait in the queue."
    await field.call("POST", f"/jobs/{job}/resume")
    assert len(await field.lease(job)) == 2


async def test_the_claim_list_serves_priority_then_the_project_that_waited_longest(
    system: AppContext,
) -> None:
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
        "insert into members (project_id, user_id, role) values (%s, %s, 'owner')",
        neighbour.project,
        field.user_id,
    )
    return await field.make_worker()


async def test_the_claim_form_wants_a_known_mode(field: Field) -> None:
    answer = await field.call("GET", "/jobs?dispatch_mode=carrier_pigeon", token=field.worker)
    assert answer.status_code == 400
    assert "carrier_pigeon" in answer.json()["detail"]
    job = await field.run_job()
    assert (await field.call("GET", "/jobs?ids_only=1&pipeline__slug=other")).json() == {
        "count": 0,
        "results": [],
    }
    listed = (await field.call("GET", f"/jobs?project={field.project}&status=queued")).json()
    assert [found["id"] for found in listed["results"]] == [job]


async def test_a_standing_job_takes_each_new_image(field: Field) -> None:
    async def arrive(count: int) -> None:
        [(camera,)] = await field.ask(CAMERA)
        images = await add_images(field.system.database, field.project, camera, count)
        async with field.system.database.transaction(SYSTEM) as tx:
            await add_to_automatic_jobs(SYSTEM, tx, field.project, images)

    await arrive(1)
    assert await field.ask("select count(*) from jobs") == [(0,)]
    await field.call(
        "PATCH", f"/projects/{field.project}", {"automatic_pipeline": "field-pipeline"}
    )
    await arrive(1)
    [(job, standing)] = await field.ask("select id, standing from jobs")
    assert standing
    tasks = await field.lease(job)
    assert await field.post(job, [success(task) for task in tasks]) == ["accepted"]
    assert await field.counters(job) == ("processing", 0, 1, 0)
    assert (await field.show(job))["status_reason"] == "Waiting for new images."
    await arrive(2)
    assert await field.counters(job) == ("processing", 2, 1, 0)
    await field.call("PATCH", f"/projects/{field.project}", {"automatic_pipeline": None})
    tasks = await field.lease(job)
    await field.post(job, [success(task) for task in tasks])
    assert await field.counters(job) == ("completed", 0, 3, 0)


async def test_canceling_a_standing_job_switches_it_off(field: Field) -> None:
    await field.call(
        "PATCH", f"/projects/{field.project}", {"automatic_pipeline": "field-pipeline"}
    )
    async with field.system.database.transaction(SYSTEM) as tx:
        await add_to_automatic_jobs(SYSTEM, tx, field.project, field.images[:1])
    [(job,)] = await field.ask("select id from jobs")
    assert (await field.call("POST", f"/jobs/{job}/cancel")).status_code == 202
    assert (await field.call("GET", f"/projects/{field.project}")).json()[
        "automatic_pipeline"
    ] is None
    async with field.system.database.transaction(SYSTEM) as tx:
        await add_to_automatic_jobs(SYSTEM, tx, field.project, field.images[1:])
    assert await field.ask("select count(*) from analyses") == [(1,)]


async def test_recount_puts_drifted_counters_right(field: Field) -> None:
    job = await field.run_job()
    await field.change("update jobs set open = 7, failed = 2 where id = %s", job)
    assert await queue_maintenance.recount_jobs(field.system, SYSTEM) == 1
    assert await field.counters(job) == ("queued", 3, 0, 0)
    assert await queue_maintenance.recount_jobs(field.system, SYSTEM) == 0


async def test_a_move_that_may_not_be_is_refused_by_the_database(field: Field) -> None:
    job = await field.run_job()
    with pytest.raises(psycopg.IntegrityError):
        async with field.system.database.transaction(SYSTEM) as tx:
            await record_transition(SYSTEM, tx, job, field.project, 2, "new", "nobody")


@pytest.mark.parametrize(
    "counters", [(1, 0, 0), (1, 2, 3), (0, 0, 0), (0, 2, 0), (0, 2, 1), (0, 0, 1)]
)
async def test_the_database_ends_jobs_as_the_rules_say(
    field: Field, counters: tuple[int, int, int]
) -> None:
    job = await field.run_job()
    await field.change("update jobs set open = 0 where id = %s", job)
    async with field.system.database.transaction(SYSTEM) as tx:
        status = await update_job(SYSTEM, tx, job, JobCounterChange(*counters), "test")
    assert status == (find_final_state(*counters) or "queued")


async def test_a_manager_does_not_cancel_what_only_an_owner_switches(field: Field) -> None:
    await field.call(
        "PATCH", f"/projects/{field.project}", {"automatic_pipeline": "field-pipeline"}
    )
    async with field.system.database.transaction(SYSTEM) as tx:
        await add_to_automatic_jobs(SYSTEM, tx, field.project, field.images[:1])
    [(job,)] = await field.ask("select id from jobs")
    await field.change("update members set role = 'manager' where project_id = %s", field.project)
    assert (await field.call("POST", f"/jobs/{job}/cancel")).status_code == 403
    assert await field.ask("select automatic_pipeline from projects") == [("field-pipeline",)]
    await field.change("update members set role = 'owner' where project_id = %s", field.project)
    assert (await field.call("POST", f"/jobs/{job}/cancel")).status_code == 202
    told = await field.ask("select action, subject_type from audit order by id desc limit 2")
    assert sorted(told) == [("cancel", "job"), ("change", "project")]


async def test_a_job_by_a_preset_has_its_parameters_and_priority(field: Field) -> None:
    preset = {"name": "night", "parameters": {"a": 1, "b": 1}, "priority": "high"}
    made = await field.call(
        "POST", "/presets", preset | {"project": field.project, "pipeline": "field-pipeline"}
    )
    assert made.status_code == 201, made.text
    asked = {"project": field.project, "preset": "night", "parameters": {"b": 2}, "start": "later"}
    job = (await field.call("POST", "/jobs", asked)).json()
    shown = {
        name: job[name]
        for name in ("pipeline_slug", "preset", "parameters", "priority", "not_started")
    }
    assert shown == {
        "pipeline_slug": "field-pipeline",
        "preset": "night",
        "parameters": {"a": 1, "b": 2},
        "priority": "high",
        "not_started": True,
    }
    assert (await field.call("POST", "/jobs", asked | {"priority": "low"})).json()[
        "priority"
    ] == "low"
    wrong: list[dict[str, Any]] = [
        {"preset": "day"},
        {"preset": "night", "pipeline": "field-pipeline"},
        {},
    ]
    wrong.append({"pipeline": "field-pipeline", "selection": {"images": None}})
    for words, body in zip(
        ("night", "exactly one", "exactly one", "must not be null"), wrong, strict=True
    ):
        answer = await field.call("POST", "/jobs", {"project": field.project} | body)
        assert (answer.status_code, words in answer.text) == (422, True), answer.text
