"""Leases of registered workers: over several jobs, long polling, renewal, and release."""

import asyncio
from dataclasses import replace

import pytest
from tests.integration.accounts.test_sign_ins import wait_for_waiters
from tests.integration.queue.test_job_life import shared_token
from tests.support.api_project import SLUG, SYSTEM, Field, failure, make_field, success
from tests.support.registered_worker import greet

from trapline.server.accounts.actions.tokens import create_token
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext, LeaseSettings
from trapline.server.queue.actions import jobs
from trapline.server.queue.actions import queue_maintenance as line
from trapline.server.queue.queries.eligibility_sql import OWN_ERROR_S
from trapline.wire.auth import NewToken, TokenKind


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system)


async def test_one_lease_goes_over_jobs_of_all_projects_and_pipelines(system: AppContext) -> None:
    field, neighbour = await make_field(system), await make_field(system, name="neighbour")
    await field.register(slug="other-pipeline")
    both = await shared_token(field, neighbour)
    first = await field.run_job(parameters={"threshold": 0.25})
    theirs = await neighbour.run_job()
    other = await field.run_job(pipeline="other-pipeline")
    urgent = await field.run_job(priority="high")
    worker = await greet(field, token=both)
    tasks = await worker.lease(100, pipelines=[SLUG, "other-pipeline", "unknown"])
    assert [task["job_id"] for task in tasks] == [urgent] * 3 + [first] * 3 + [theirs] * 3 + [
        other
    ] * 3
    assert {(task["job_id"], task["pipeline"]) for task in tasks} == {
        (urgent, SLUG), (theirs, SLUG), (first, SLUG), (other, "other-pipeline"),
    }  # fmt: skip
    assert [task["config"] for task in tasks if task["job_id"] == first] == [
        {"threshold": 0.25}
    ] * 3
    assert {(task["lease_s"], task["alone"]) for task in tasks} == {(300.0, False)}
    assert set(tasks[0]) == {
        "id", "image_id", "image_url", "reply_subject", "job_id", "pipeline", "config", "lease_s",
        "alone",
    }  # fmt: skip
    assert await worker.post(theirs, [success(task) for task in tasks[6:9]]) == ["accepted"] * 3
    assert (
        await worker.post(first, [success(task) for task in tasks[6:9]])
        == ["rejected: not a task of this job"] * 3
    )


async def test_projects_take_turns_and_single_images_go_before_many(system: AppContext) -> None:
    field, neighbour = (
        await make_field(system, images=8),
        await make_field(system, images=8, name="neighbour"),
    )
    worker = await greet(field, token=await shared_token(field, neighbour))
    await field.run_job()
    await neighbour.run_job()
    served = [(await worker.lease(1))[0]["job_id"] for _ in range(6)]
    assert served[:2] * 3 == served
    assert len(set(served)) == 2
    singles = [
        await field.run_job(selection={"images": [str(image)]}) for image in field.images[:3]
    ]
    # Another worker waits before each of these leases; but many of them must not starve the other
    # project.
    assert [(await worker.lease(1))[0]["job_id"] for _ in range(5)] == [
        singles[0], served[1], singles[1], served[1], singles[2],
    ]  # fmt: skip


async def test_tasks_of_paused_canceled_or_ended_jobs_are_not_leased(field: Field) -> None:
    paused, canceled = await field.run_job(), await field.run_job()
    worker = await greet(field)
    await field.call("POST", f"/jobs/{paused}/pause")
    await field.call("POST", f"/jobs/{canceled}/cancel")
    assert await worker.lease() == []
    await field.call("POST", f"/jobs/{paused}/resume")
    assert [task["job_id"] for task in await worker.lease()] == [paused] * 3


async def test_a_job_that_is_paused_during_a_lease_hands_nothing_out(
    field: Field, system: AppContext
) -> None:
    job = await field.run_job()
    worker = await greet(field)
    async with system.database.transaction(Scope.system()) as tx:
        # The lease knows the job by now, and waits to be noted as one who holds tasks of it.
        await tx.execute("lock table holders in share mode")
        leasing = asyncio.create_task(worker.lease())
        await wait_for_waiters(system, 1)
        assert (await field.call("POST", f"/jobs/{job}/pause")).status_code == 202
    assert await leasing == []
    assert (await field.counters(job))[1:] == await field.count_rows(job)
    await field.call("POST", f"/jobs/{job}/resume")
    assert len(await worker.lease()) == 3


async def test_an_archived_project_hands_nothing_out_and_takes_what_was_leased(
    field: Field, system: AppContext
) -> None:
    job = await field.run_job()
    project = f"/projects/{field.project}"
    every = await make_worker_token(system)
    for token in (field.worker, every):
        worker = await greet(field, token=token)
        [task] = await worker.lease(1)
        assert (await field.call("PATCH", project, {"archived": True})).status_code == 200
        assert (await worker.lease(), await worker.claim()) == ([], [])
        listed = await field.call("POST", f"/jobs/{job}/tasks", {"batch_size": 8}, token)
        assert (listed.status_code, listed.json()["tasks"]) == (200, [])
        assert (await field.call("GET", "/projects", token=token)).json()["results"] == []
        assert (await field.call("GET", "/auth/me", token=token)).status_code == 200
        assert (await worker.renew([task]))[0] == ["held"]
        assert await worker.post(job, [success(task)]) == ["accepted"]
        assert (await field.call("PATCH", project, {"archived": False})).status_code == 200
    assert len(await worker.lease()) == len(field.images) - 2


async def make_worker_token(system: AppContext) -> str:
    """A token for all projects, as the worker of `trapline up` has."""
    made = await create_token(system, SYSTEM, NewToken(name="every", kind=TokenKind.WORKER))
    return made.token


async def test_a_holder_of_many_tasks_over_all_jobs_gets_one(system: AppContext) -> None:
    field = await make_field(replace(system, leases=LeaseSettings(held_at_most=4)), images=5)
    await field.run_job()
    await field.run_job()
    worker = await greet(field)
    assert [len(await worker.lease(9)) for _ in range(8)] == [4, 1, 1, 1, 1, 1, 1, 0]


async def test_a_renewal_says_what_is_lost_and_what_is_canceled(field: Field) -> None:
    job, other = await field.run_job(), await field.run_job()
    worker = await greet(field)
    tasks = await worker.lease(6)
    assert await worker.renew(tasks) == (["held"] * 6, 0)
    await field.change(
        "update analyses set fence = attempt, state = 'queued' where id = %s", tasks[0]["id"]
    )
    await field.call("POST", f"/jobs/{other}/cancel")
    nonsense = {"reply_subject": "nonsense"}
    by_job = {task["id"]: "canceled" if task["job_id"] == other else "held" for task in tasks}
    by_job[tasks[0]["id"]] = "lost"
    expected = ([*by_job.values(), "lost"], 0)
    assert await worker.renew([*tasks, nonsense]) == expected
    await jobs.sweep_job(field.system, SYSTEM, other)
    assert await worker.renew([*tasks, nonsense]) == expected
    # A worker can renew and release only its own leases.
    stranger = await greet(field, name="worker-2")
    mine = [task for task in tasks[1:] if task["job_id"] == job]
    assert await stranger.renew(mine) == (["lost"] * len(mine), 0)
    assert await stranger.release(mine) == 0
    assert (await worker.renew(mine))[0] == ["held"] * len(mine)


async def test_a_lease_whose_answer_was_lost_comes_back_uncharged(field: Field) -> None:
    await field.run_job()
    worker = await greet(field)
    known = (await worker.lease(1))[0]
    lost = await worker.lease(2)
    assert await worker.renew([known]) == (["held"], 0), "it may still be on its way"
    await field.change(
        "update analyses set leased_at = now() - interval '301 s' where state = 'processing'"
    )
    assert await worker.renew([known]) == (["held"], 2)
    rows = await field.ask(
        "select state, fence, errors, lost from analyses where id = any(%s::uuid[])",
        [t["id"] for t in lost],
    )
    assert rows == [("queued", 1, 0, 0)] * 2
    assert sorted(task["id"] for task in await worker.lease()) == sorted(
        task["id"] for task in lost
    )


async def test_released_tasks_are_not_counted_as_lost(field: Field) -> None:
    job = await field.run_job()
    worker, other = await greet(field), await greet(field, name="worker-2")
    [task] = await worker.lease(1)
    await worker.post(job, [failure(task)])
    await worker.release([], final=True)
    await field.skip_waits()
    for _ in range(9):  # more often than any budget
        tasks = await other.lease() + await other.lease()
        assert len(tasks) == 3
        assert await other.release(tasks) == 3
        assert await other.release(tasks) == 0
    assert (
        await other.post(job, [success(task) for task in tasks])
        == ["rejected: the lease was revoked"] * 3
    )
    assert await field.ask("select errors, lost, attempt, fence, state from analyses order by "
                           "attempt") == [
        (0, 0, 9, 9, "queued"), (0, 0, 9, 9, "queued"), (1, 0, 10, 10, "queued"),
    ]  # fmt: skip
    assert await field.counters(job) == ("processing", 3, 0, 0)
    assert await field.ask("select distinct outcome from attempts order by 1") == [
        ("error",),
        ("released",),
    ]


async def test_giving_back_to_a_paused_or_canceled_job(field: Field) -> None:
    job = await field.run_job()
    worker = await greet(field)
    tasks = await worker.lease()
    await field.call("POST", f"/jobs/{job}/pause")
    assert await worker.release(tasks[:1]) == 1
    assert await worker.lease() == []
    await field.call("POST", f"/jobs/{job}/cancel")
    assert await worker.release(tasks[1:]) == 0
    await jobs.sweep_job(field.system, SYSTEM, job)
    assert await field.ask("select distinct state from analyses") == [("canceled",)]


@pytest.mark.parametrize(
    "names",
    [{"final": True}, {"goodbye": True}, {"final": False, "goodbye": True}],
    ids=["final", "goodbye", "both"],
)
async def test_a_goodbye_ends_the_id_but_not_what_is_still_to_come(
    field: Field, names: dict[str, bool]
) -> None:
    job = await field.run_job()
    worker = await greet(field)
    tasks = await worker.lease()
    assert await worker.release([], **names, unsent=[tasks[0]["reply_subject"]]) == 2
    assert (await worker.call("/tasks/renew", {"leases": []})).status_code == 403
    # Its last result was on its disk: it counts, whichever worker sends it.
    assert await field.post(job, [success(task) for task in tasks]) == [
        "accepted", "rejected: the lease was revoked", "rejected: the lease was revoked",
    ]  # fmt: skip


async def test_a_worker_speaks_only_for_itself(field: Field) -> None:
    await field.run_job()
    one, two = await greet(field), await greet(field, name="worker-2")
    await one.lease(2)
    await two.lease(1)
    await field.change("update analyses set deadline = now() - interval '20 min'")
    await field.change("update workers set last_contact_at = now() - interval '1 h'")
    await two.renew([])
    await (
        field.claim()
    )  # and so do callers without a name, from the same address and with the same token
    await line.requeue_expired_leases(field.system, SYSTEM)
    assert await field.ask("select state, count(*) from analyses group by 1 order by 1") == [
        ("processing", 1), ("queued", 2),
    ]  # fmt: skip


async def test_a_worker_that_lives_keeps_its_leases_and_writes_no_task(field: Field) -> None:
    await field.run_job()
    worker = await greet(field)
    tasks = await worker.lease()
    await field.change(
        "update analyses set deadline = now() - interval '29 min', leased_at = now() - interval '2 "
        "d'"
    )
    before = await field.ask("select id, xmin::text from analyses order by id")
    assert await worker.renew(tasks) == (["held"] * 3, 0)
    await line.requeue_expired_leases(field.system, SYSTEM)
    assert await field.ask("select id, xmin::text from analyses order by id") == before


async def test_a_lease_that_a_living_worker_never_names_ends(field: Field) -> None:
    await field.run_job()
    worker = await greet(field)
    known, *lost = await worker.lease()
    assert (await worker.renew([known]))[1] == 0
    await field.change("update analyses set deadline = now() - interval '59 min'")
    assert await worker.claim() == []
    await line.requeue_expired_leases(field.system, SYSTEM)
    assert await field.ask("select count(*) from analyses where state = 'processing'") == [(3,)]
    assert (await worker.renew([known]))[0] == ["held"]
    await field.change(
        "update analyses set deadline = deadline - interval '2 min' where deadline < now()"
    )
    await line.requeue_expired_leases(field.system, SYSTEM)
    assert await field.ask("select id::text from analyses where state = 'processing'") == [
        (known["id"],)
    ]
    assert {task["id"] for task in await worker.lease()} == {lost[0]["id"]}, "each goes out alone"


async def test_an_error_goes_to_a_worker_that_waits_for_the_pipeline(field: Field) -> None:
    job = await field.run_job(selection={"images": [str(field.images[0])]})
    one = await greet(field)
    two = await greet(field, name="worker-2")  # it has not been at this job yet
    [task] = await one.lease()
    assert await one.post(job, [failure(task)]) == ["accepted"]
    await field.change("update analyses set not_before = now()")
    assert await one.lease() == []
    assert (await one.claim(), await two.claim()) == ([], [job])
    [again] = await two.lease()
    await two.release([again])
    # If the other worker does not accept the task, the task does not stay unavailable.
    await field.change(
        "update analyses set not_before = null, holder_id = (select min(id) from holders)"
    )
    assert await one.lease() == []
    await field.change(
        "update analyses set updated_at = now() - make_interval(secs => %s)", OWN_ERROR_S + 1
    )
    assert len(await one.lease()) == 1


async def test_a_project_just_served_waits_although_its_jobs_are_over(system: AppContext) -> None:
    field, neighbour = (
        await make_field(system, images=4),
        await make_field(system, images=8, name="neighbour"),
    )
    worker = await greet(field, token=await shared_token(field, neighbour))
    patient = await neighbour.run_job()
    assert [task["job_id"] for task in await worker.lease(1)] == [patient]
    hasty = [await field.run_job(selection={"images": [str(image)]}) for image in field.images]
    served = []
    for _ in range(6):
        [task] = await worker.lease(1)
        served.append(task["job_id"])
        assert await worker.post(task["job_id"], [success(task)]) == ["accepted"]
    assert served == [hasty[0], patient, hasty[1], patient, hasty[2], patient]


async def test_a_task_may_be_given_back_without_end(field: Field) -> None:
    await field.run_job(selection={"images": [str(field.images[0])]})
    worker = await greet(field)
    await field.change("update analyses set attempt = 40000, fence = 40000")
    for _ in range(2):
        [task] = await worker.lease()
        await worker.release([task])
    [task] = await worker.lease()
    assert await worker.post(task["job_id"], [failure(task)]) == ["accepted"]
    await field.skip_waits()
    [task] = await worker.lease()
    assert await worker.post(task["job_id"], [success(task)]) == ["accepted"]
    assert await field.ask("select state, attempt, won from analyses") == [
        ("completed", 40004, 40004)
    ]
