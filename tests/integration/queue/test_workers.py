"""Registered workers: identity, replacement by a newer process, and eviction."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from tests.support.api_project import SYSTEM, Field, make_field, success
from tests.support.registered_worker import greet

from trapline.server.platform.app_context import AppContext, LeaseSettings
from trapline.server.queue.actions import queue_maintenance
from trapline.server.queue.queries.lease_revocation import list_jobs_with_leases

TAKEN_BACK = "rejected: the lease was revoked"


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


async def test_a_hello_says_how_to_behave(field: Field) -> None:
    body = {
        "service": "s",
        "name": "worker-1",
        "host": "h",
        "pid": 1,
        "pipelines": ["p"],
        "unknown": 1,
    }
    answer = await field.call("POST", "/workers/hello", body, field.worker)
    assert answer.status_code == 201
    told = answer.json()
    assert (told["lease_s"], told["renew_s"], told["max_batch"]) == (300, 10, 500)
    quick = replace(field.system, leases=LeaseSettings(lease_s=6, held_at_most=3))
    field.client._transport.app.app.state.system = quick  # type: ignore[attr-defined]
    told = (await field.call("POST", "/workers/hello", body, field.worker)).json()
    assert (told["lease_s"], told["renew_s"], told["max_batch"]) == (6, 2, 3)
    for wrong in (
        {},
        body | {"pid": -1},
        body | {"devices": "cpu"},
        body | {"name": ""},
        body | {"name": "a\x00"},
    ):
        assert (await field.call("POST", "/workers/hello", wrong, field.worker)).status_code in (
            400,
            422,
        )


async def test_a_restarted_process_takes_the_leases_of_the_dead_one_away(field: Field) -> None:
    job = await field.run_job()
    dead = await greet(field, pid=1)
    tasks = await dead.lease()
    other = await greet(field, name="worker-2")
    elsewhere = await greet(field, host="other-host")
    assert await other.lease() == []
    born = await greet(field, pid=2)
    assert await field.ask(
        "select state, fence, lost, count(*) from analyses group by 1, 2, 3"
    ) == [("queued", 1, 1, 3)]
    # The task may have ended its process, so such tasks are leased one at a time.
    [again] = await born.lease()
    assert again["alone"] is True
    assert again["reply_subject"] != tasks[0]["reply_subject"]
    late = await dead.call(f"/jobs/{job}/result", {"results": [success(task) for task in tasks]})
    assert late.status_code == 403
    assert "A newer process (process 2) took this worker's name" in late.json()["detail"]
    assert "Register again" in late.json()["detail"]
    without = await field.post(job, [success(task) for task in tasks])
    assert without == [TAKEN_BACK] * 3
    for still in (other, elsewhere):
        assert await still.renew([]) == ([], 0)


async def test_a_poison_image_is_given_up_and_its_neighbours_are_not(field: Field) -> None:
    job = await field.run_job()
    poison = str(field.images[1])
    for _ in range(20):
        worker = await greet(field)
        while tasks := await worker.lease():
            if poison in [task["image_id"] for task in tasks]:
                break  # its process ends here
            assert len(tasks) == 1
            assert await worker.post(job, [success(tasks[0])]) == ["accepted"]
        else:
            break
    assert await field.counters(job) == ("completed", 0, 2, 1)
    [(dead,)] = await field.ask("select id from analyses where image_id = %s", poison)
    assert await field.ask(
        "select outcome, count(*) from attempts where analysis_id = %s group by 1", dead
    ) == [
        ("lost", 5),
    ]
    assert await field.ask("select max(lost) from analyses where state = 'completed'") == [(1,)]


async def test_two_hellos_at_once_leave_one(field: Field) -> None:
    await asyncio.gather(*[greet(field, pid=pid) for pid in range(8)])
    assert await field.ask(
        "select count(*), count(*) filter (where ended_at is null) from workers"
    ) == [(8, 1)]


async def test_ids_that_are_not_ones_own_are_refused(field: Field, system: AppContext) -> None:
    neighbour = await make_field(system, name="neighbour")
    theirs = await greet(neighbour)
    worker = await greet(field)
    for foreign in (theirs.id, str(uuid4())):
        worker.id = foreign
        answer = await worker.call("/tasks/lease", {"pipelines": ["field-pipeline"], "limit": 1})
        assert answer.status_code == 409
        assert "register again" in answer.json()["detail"]
    await field.run_job()
    # The server remembers for a moment that the neighbour's worker was heard.
    await neighbour.run_job()
    assert len(await theirs.lease(1)) == 1
    for foreign in (theirs.id, str(uuid4())):
        worker.id = foreign
        answer = await worker.call("/tasks/lease", {"pipelines": ["field-pipeline"], "limit": 1})
        assert answer.status_code == 409, "also where there are tasks"
        assert await field.ask("select count(*) from analyses where state = 'processing'") == [(1,)]
    worker.id = "nonsense"
    assert (await worker.call("/tasks/renew", {"leases": []})).status_code == 400
    for path, body in (
        ("lease", {"pipelines": ["p"], "limit": 1}),
        ("renew", {"leases": []}),
        ("release", {"leases": []}),
    ):
        answer = await field.call("POST", f"/tasks/{path}", body, field.worker)
        assert answer.status_code == 400
        assert "Register first" in answer.json()["detail"]
    # Another token of the same person speaks for the same workers: tokens are replaced now and
    # then.
    mine = await greet(field)
    mine.token = await field.make_worker()
    assert await mine.renew([]) == ([], 0)


async def test_an_evicted_worker_returns_what_is_not_begun_and_posts_what_is_finished(
    field: Field, system: AppContext
) -> None:
    job = await field.run_job()
    bad = await greet(field)
    begun, finished, idle = await bad.lease(3)
    good = await greet(field, name="worker-2")
    assert await bad.renew([begun, finished, idle], begun=[begun]) == (["held"] * 3, 0)
    answer = await field.call("POST", f"/workers/{bad.id}/evict")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["revoked"], answer.json()["worker"]["ended_why"]) == (2, "evicted")
    assert answer.json()["worker"]["ended_by"] == "token owner"
    await queue_maintenance.requeue_expired_leases(system, SYSTEM)
    states = dict(await field.ask("select id::text, state from analyses where attempt > 0"))
    assert states == {begun["id"]: "processing", finished["id"]: "queued", idle["id"]: "queued"}
    for path, body in (
        ("/tasks/lease", {"pipelines": ["field-pipeline"], "limit": 1, "wait_s": 5}),
        (f"/jobs/{job}/tasks", {"batch_size": 1}),
        ("/tasks/renew", {"leases": []}),
        ("/tasks/release", {"leases": []}),
    ):
        refused = await bad.call(path, body)
        assert refused.status_code == 403, path
        assert "token owner evicted this worker at" in refused.json()["detail"]
    taken = await good.lease()
    assert {task["id"] for task in taken} == {finished["id"], idle["id"]}
    # The first result of a task counts, whichever of the two workers posts it.
    [again] = [task for task in taken if task["id"] == finished["id"]]
    [other] = [task for task in taken if task["id"] == idle["id"]]
    assert await bad.post(job, [success(begun), success(finished)]) == ["accepted"] * 2
    assert await good.post(job, [success(again), success(other)]) == ["duplicate", "accepted"]
    assert await bad.post(job, [success(idle)]) == ["duplicate"]
    assert (await field.call("GET", f"/jobs/{job}")).json()["status"] == "completed"
    assert (
        await bad.call("/tasks/lease", {"pipelines": ["field-pipeline"], "limit": 1})
    ).status_code == 403
    # The fleet's token stays good: the same process may come again, as another worker.
    fresh = await greet(field)
    assert fresh.id != bad.id
    assert await fresh.lease() == []
    assert await field.ask("select action, subject_id from audit where action = 'evict'") == [
        ("evict", bad.id)
    ]
    assert await field.ask("select distinct outcome, error from attempts") == [
        ("evicted", "the worker was evicted")
    ]


async def test_begun_tasks_of_an_evicted_worker_return_when_it_is_silent(
    field: Field, system: AppContext
) -> None:
    job = await field.run_job()
    worker = await greet(field)
    tasks = await worker.lease(3)
    await worker.renew(tasks, begun=tasks[:2])
    assert (await field.call("POST", f"/workers/{worker.id}/evict")).json()["revoked"] == 1
    await field.change("update workers set last_contact_at = last_contact_at - interval '1 h'")
    await queue_maintenance.requeue_expired_leases(system, SYSTEM)
    assert await field.ask("select state, lost, count(*) from analyses group by 1, 2") == [
        ("queued", 0, 3)
    ]
    # Its finished results are valid work still.
    assert await worker.post(job, [success(tasks[0])]) == ["accepted"]


async def test_a_silent_worker_keeps_nothing_when_it_is_evicted(field: Field) -> None:
    await field.run_job()
    worker = await greet(field)
    tasks = await worker.lease(3)
    await worker.renew(tasks, begun=tasks)
    await field.change("update workers set last_contact_at = last_contact_at - interval '61 s'")
    assert (await field.call("POST", f"/workers/{worker.id}/evict")).json()["revoked"] == 3


async def test_a_replaced_worker_posts_nothing(field: Field) -> None:
    job = await field.run_job()
    worker = await greet(field)
    tasks = await worker.lease(1)
    await greet(field)
    refused = await worker.call(
        f"/jobs/{job}/result", {"results": [success(task) for task in tasks]}
    )
    assert refused.status_code == 403


async def test_a_caller_without_hello_loses_its_leases_and_may_go_on(field: Field) -> None:
    job = await field.run_job()
    tasks = await field.lease(job, 2)
    [seen] = (await field.call("GET", f"/workers?project={field.project}")).json()["results"]
    assert (seen["leases"], seen["hello_at"], seen["job_id"]) == (2, None, job)
    answer = await field.call("POST", f"/workers/{seen['id']}/evict")
    assert (answer.status_code, answer.json()["revoked"]) == (200, 2)
    assert len(await field.lease(job)) == 3
    assert await field.post(job, [success(task) for task in tasks]) == ["accepted"] * 2


async def test_eviction_wants_a_manager_of_every_project(field: Field, system: AppContext) -> None:
    neighbour = await make_field(system, name="neighbour")
    await field.change(
        "insert into members (project_id, user_id, role) values (%s, %s, 'owner')",
        neighbour.project,
        field.user_id,
    )
    both = await field.make_worker()
    body = {"processing_service_name": "Shared (host)", "pipelines": []}
    for project in (field.project, neighbour.project):
        assert (
            await field.call("POST", f"/projects/{project}/pipelines/", body, both)
        ).status_code == 201
    shared = await greet(field, token=both, service="Shared (host)")
    refused = await neighbour.call("POST", f"/workers/{shared.id}/evict")
    assert refused.status_code == 403
    assert "projects that are not yours" in refused.json()["detail"]
    assert await shared.renew([]) == ([], 0)
    await field.change("update members set role = 'viewer' where user_id = %s", field.user_id)
    # The operator of the installation can always remove it.
    assert (await field.call("POST", f"/workers/{shared.id}/evict")).status_code == 200


async def test_the_reaper_finishes_what_an_eviction_left_undone(
    field: Field, system: AppContext
) -> None:
    await field.run_job()
    worker = await greet(field)
    await worker.lease(2)
    await field.change("update workers set ended_at = now(), ended_why = 'evicted', ended_by = 'x'")
    await queue_maintenance.requeue_expired_leases(system, SYSTEM)
    async with system.database.transaction(SYSTEM) as tx:
        assert await list_jobs_with_leases(SYSTEM, tx, worker.id) == {}  # type: ignore[arg-type]
    assert await field.ask("select state, fence, lost, count(*) from analyses group by 1, 2, 3 "
                           "order by 2") == [
        ("queued", 0, 0, 3),
    ]  # fmt: skip


async def test_workers_are_listed_with_what_they_hold(field: Field) -> None:
    job = await field.run_job()
    worker = await greet(field)
    tasks = await worker.lease(2)
    await worker.post(job, [success(tasks[0])])
    report = {
        "provider": "CUDAExecutionProvider", "model_load_s": 2.5, "batch_size": 16,
        "model_images_per_s": 80.0, "free_memory": 3_000_000_000, "free_device_memory": None,
    }  # fmt: skip
    renewal = {"leases": [tasks[1]["reply_subject"]], "begun": []}
    for wrong in ({"batch_size": -1}, {"model_load_s": "1"}, {"provider": "a\x00"}):
        refused = await worker.call("/tasks/renew", {"leases": [], "report": wrong})
        assert refused.status_code in (400, 422)
    assert (await worker.call("/tasks/renew", renewal | {"report": report})).status_code == 200
    await worker.renew(tasks[1:])
    [seen] = (await field.call("GET", f"/workers?project={field.project}")).json()["results"]
    assert seen == (await field.call("GET", f"/workers/{worker.id}")).json()
    told = (
        "id",
        "name",
        "service",
        "host",
        "pid",
        "version",
        "devices",
        "pipelines",
        "online",
        "completed",
        "leases",
    )
    assert {name: seen[name] for name in told} == {
        "id": worker.id, "name": "worker-1 on host", "service": "Field worker (host)",
        "host": "host", "pid": 4711,
        "version": "1.2.3", "devices": ["cpu"], "pipelines": ["field-pipeline"], "online": True,
        "completed": 1,
        "leases": 1,
    }  # fmt: skip
    assert seen["report"] == report, "a renewal without a report keeps the last one"
    assert seen["jobs"] == [{"job_id": job, "project_id": field.project, "leases": 1}]
    [service] = (await field.call("GET", f"/processing_services?project={field.project}")).json()[
        "results"
    ]
    assert [found["id"] for found in service["workers"]] == [worker.id]
    assert service["online"] is True
    await field.change("update workers set last_contact_at = now() - interval '61 s'")
    assert (await field.call("GET", f"/workers/{worker.id}")).json()["online"] is False
    await worker.release(tasks[1:], final=True)
    assert (await field.call("GET", f"/workers?project={field.project}")).json()["results"] == []
    [ended] = (await field.call("GET", f"/workers?project={field.project}&ended=true")).json()[
        "results"
    ]
    assert (ended["ended_why"], ended["leases"]) == ("said goodbye", 0)


async def test_pages_of_workers_bring_each_once_whoever_is_heard_from_or_goes(field: Field) -> None:
    workers = [await greet(field, name=f"worker-{number}") for number in range(6)]
    path = f"/workers?project={field.project}"
    whole = (await field.call("GET", path)).json()
    assert ([one["id"] for one in whole["results"]], whole["next"]) == (
        [one.id for one in workers[::-1]],
        None,
    )
    seen: list[str] = []
    cursor, asked = "", 0
    while asked == 0 or cursor:
        page = (await field.call("GET", f"{path}&limit=2{cursor}")).json()
        seen += [one["id"] for one in page["results"]]
        # The last worker of this page ends before the next page is read, and the first one has
        # contact again.
        await field.change(
            "update workers set last_contact_at = clock_timestamp() where id = %s", seen[0]
        )
        if asked == 0:
            await field.change(
                "update workers set ended_at = now(), ended_why = 'said goodbye' where id = %s",
                seen[-1],
            )
        cursor, asked = f"&cursor={page['next']}" if page["next"] else "", asked + 1
        assert asked < 6
    assert seen == [one.id for one in workers[::-1]]


async def test_a_quiet_worker_keeps_its_service_online(field: Field) -> None:
    worker = await greet(field)
    await field.change("update processing_services set last_seen_at = now() - interval '1 h'")
    await field.change("update workers set last_contact_at = now() - interval '1 h'")
    await worker.renew([])
    [service] = (await field.call("GET", f"/processing_services?project={field.project}")).json()[
        "results"
    ]
    assert service["online"] is True


async def test_a_service_registered_after_the_hello_has_its_worker(field: Field) -> None:
    worker = await greet(field, service="Late (host)")
    body = {"processing_service_name": "Late (host)", "pipelines": []}
    await field.call("POST", f"/projects/{field.project}/pipelines/", body, field.worker)
    services = (await field.call("GET", f"/processing_services?project={field.project}")).json()[
        "results"
    ]
    assert [found["id"] for service in services for found in service["workers"]] == [worker.id]


async def test_switched_off_the_additions_are_not_there(field: Field) -> None:
    field.client._transport.app.app.state.worker_additions = False  # type: ignore[attr-defined]
    for path in ("/workers/hello", "/tasks/lease", "/tasks/renew", "/tasks/release"):
        assert (await field.call("POST", path, {}, field.worker)).status_code == 404
    job = await field.run_job()
    headers = {"Authorization": f"Token {field.worker}", "X-Trapline-Worker": str(uuid4())}
    answer = await field.client.post(
        f"/api/v2/jobs/{job}/tasks/", json={"batch_size": 1}, headers=headers
    )
    assert answer.status_code == 200


async def test_processes_of_one_token_have_a_row_for_each_user_agent(field: Field) -> None:
    job = await field.run_job()
    for agent in ("adc (gpu 0)", "adc (gpu 1)", "adc (gpu 0)"):
        field.client.headers["User-Agent"] = agent
        leased = await field.call("POST", f"/jobs/{job}/tasks", {"batch_size": 1}, field.worker)
        assert leased.status_code == 200
    found = (await field.call("GET", f"/workers?project={field.project}")).json()["results"]
    assert len({worker["id"] for worker in found}) == 2
    assert sorted(worker["leases"] for worker in found) == [1, 2]
