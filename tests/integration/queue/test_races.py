"""Races of the ledger: one end of each job, no commit after a cancel, exact counters."""

import asyncio
import json
import os
import random
from typing import Any
from uuid import UUID

import pytest
from tests.integration.accounts.test_sign_ins import wait_for_waiters
from tests.support.api_project import SYSTEM, Field, add_images, failure, make_field, success
from uuid_utils.compat import uuid7

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.queue.actions import results
from trapline.server.queue.actions.tasks import LEASE_TOKENS
from trapline.server.queue.queries import cancel
from trapline.server.queue.queries.holders import HolderContact, record_holder_contact
from trapline.server.queue.queries.job_counters import JobClosed
from trapline.server.queue.queries.lease_expiry import LeasePolicy, expire_leases
from trapline.server.queue.rules.lease_tokens import sign_lease_token
from trapline.wire.auth import Role, TokenKind

RACES = 500 if os.environ.get("TRAPLINE_SOAK") else 100
CHANCE = random.Random(20261121)


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, images=4)


def worker_scope(field: Field) -> Scope:
    return Scope(
        actor="worker",
        roles={field.project: Role.OWNER},
        kind=TokenKind.WORKER,
        token_id=UUID(int=9),
    )


async def make_leased_job(field: Field) -> tuple[int, list[dict[str, Any]]]:
    """Insert a job with every task leased, and return its tasks as a worker has them."""
    async with field.system.database.transaction(SYSTEM) as tx:
        cursor = await tx.execute(
            """
            insert into jobs (project_id, pipeline_id, name, pipeline_slug, pipeline_version,
            status, priority,
                standing, paused, parameters, selection, expanded, open, completed, failed,
                discarded, last_move)
            select project_id, id, 'race', slug, 1, 'processing', 1, false, false, '{}', '{}',
            true, %s, 0, 0, 0, 2
            from pipelines where project_id = %s returning id, pipeline_id
            """,
            (len(field.images), field.project),
        )
        [(job, pipeline)] = await cursor.fetchall()
        await tx.execute(
            """
            insert into job_moves (job_id, number, project_id, from_state, to_state, actor)
            values (%s, 1, %s, 'new', 'queued', 'race'), (%s, 2, %s, 'queued', 'processing', 'race')
            """,
            (job, field.project, job, field.project),
        )
        ids = [uuid7() for _ in field.images]
        await tx.execute(
            """
            insert into analyses (id, project_id, image_id, job_id, model_name, model_version,
            state, attempt, fence,
                errors, lost, deadline, leased_at)
            select n.id, %s, n.image_id, %s, 'p', '1', 'processing', 1, 0, 0, 0,
            now() - interval '1 h', now()
            from unnest(%s::uuid[], %s::uuid[]) as n(id, image_id)
            """,
            (field.project, job, ids, field.images),
        )
        # Without its holder, the first results would wait for each other to make it, and race for
        # nothing.
        await record_holder_contact(
            worker_scope(field), tx, HolderContact(job, field.project, pipeline, every_s=60)
        )
    key = field.system.secrets.derive(LEASE_TOKENS)
    return job, [
        {
            "id": str(task),
            "image_id": str(image),
            "image_url": "",
            "reply_subject": sign_lease_token(key, task, 1),
        }
        for task, image in zip(ids, field.images, strict=True)
    ]


async def post(field: Field, job: int, elements: list[dict[str, Any]]) -> list[str]:
    """Post results as a worker would, below HTTP."""
    scope = worker_scope(field)
    found = await results.get_result_job(field.system, scope, job)
    accepted = await results.store_results(
        field.system, scope, found, json.dumps(elements).encode()
    )
    return [task.status for task in accepted.tasks]


async def moves(field: Field, job: int) -> list[str]:
    return [
        row[0]
        for row in await field.ask(
            "select to_state from job_moves where job_id = %s order by number", job
        )
    ]


async def test_the_last_results_end_the_job_once(field: Field) -> None:
    for number in range(RACES):
        job, tasks = await make_leased_job(field)
        orders = CHANCE.sample(tasks, len(tasks))
        posts = [post(field, job, [success(task) for task in orders[first::2]]) for first in (0, 1)]
        if number % 5 == 0:
            # Both halves again, in the other order: repeats must change nothing.
            posts += [
                post(field, job, [success(task) for task in reversed(orders[first::2])])
                for first in (0, 1)
            ]
        for statuses in await asyncio.gather(*posts):
            assert statuses == ["accepted"] * 2
        assert await field.counters(job) == ("completed", 0, 4, 0)
        assert await moves(field, job) == ["queued", "processing", "completed"]
    written = await field.ask("select count(*) from annotations group by analysis_id")
    assert written == [(2,)] * (RACES * 4)


async def test_a_result_that_waits_for_a_cancel_is_discarded(field: Field) -> None:
    """The job was live when the result was judged, and is canceled when its row is free."""
    job, tasks = await make_leased_job(field)
    async with field.system.database.transaction(SYSTEM) as tx:
        assert await cancel.cancel_job(SYSTEM, tx, job)
        posting = asyncio.create_task(post(field, job, [success(task) for task in tasks]))
        await wait_for_waiters(field.system, 1)
    assert await posting == ["rejected: the job is over; the result was discarded"] * 4
    assert await field.counters(job) == ("canceled", 4, 0, 0)
    assert (await field.count_rows(job))[1:] == (0, 0)
    assert await field.ask("select count(*) from annotations") == [(0,)]


async def test_nothing_commits_after_a_cancel(field: Field) -> None:
    async def cancel_now(job: int) -> tuple[int, ...] | None:
        """Cancel; answers the counters as they were then, or None where the job was over."""
        await asyncio.sleep(CHANCE.random() * patience)
        async with field.system.database.transaction(SYSTEM) as tx:
            if not await cancel.cancel_job(SYSTEM, tx, job):
                return None
            cursor = await tx.execute(
                "select open, completed, failed from jobs where id = %s", (job,)
            )
            return await cursor.fetchone()

    patience, outcomes = 0.02, set()
    for _ in range(RACES):
        job, tasks = await make_leased_job(field)
        first, second = (
            [success(task) for task in tasks[:2]],
            [success(tasks[2]), failure(tasks[3], "image is not an image")],
        )
        canceled, told, _ = await asyncio.gather(
            cancel_now(job),
            asyncio.gather(post(field, job, first), post(field, job, second)),
            sweep(field, job),
        )
        status, *counters = await field.counters(job)
        outcomes.add(status)
        # Keep the cancel where the results end, on machines of any speed.
        patience *= 1.1 if canceled else 1 / 1.1
        assert (status == "canceled") is (canceled is not None)
        assert canceled in (None, tuple(counters)), "something committed after the cancel"
        assert len(await moves(field, job)) == 3
        accepted = sum(status == "accepted" for statuses in told for status in statuses)
        open_left, completed, failed = counters
        assert completed + failed == accepted
        assert open_left == 4 - accepted
        await sweep(field, job)
        rows = await field.count_rows(job)
        assert rows == (0, completed, failed)
    assert outcomes == {"canceled", "completed"}, "the races were none: all ended one way"


async def sweep(field: Field, job: int) -> None:
    async with field.system.database.transaction(SYSTEM) as tx:
        await cancel.sweep_canceled(SYSTEM, tx, job)


async def test_the_same_error_at_once_is_charged_once(field: Field) -> None:
    for _ in range(RACES // 10):
        job, tasks = await make_leased_job(field)
        batch = [failure(task) for task in tasks]
        for statuses in await asyncio.gather(
            *[post(field, job, order) for order in (batch, batch[::-1], batch)]
        ):
            assert statuses == ["accepted"] * 4
        assert await field.ask("select distinct errors from analyses where job_id = %s", job) == [
            (1,)
        ]
    assert (
        await field.ask(
            "select count(*) from attempts group by analysis_id, attempt having count(*) > 1"
        )
        == []
    )


async def test_results_against_the_reaper(field: Field) -> None:
    terms = LeasePolicy(lease_s=300, lease_max_s=3600, losses=1)

    async def reap(job: int) -> int:
        await asyncio.sleep(CHANCE.random() * 0.01)
        try:
            async with field.system.database.transaction(SYSTEM) as tx:
                return await expire_leases(SYSTEM, tx, job, terms)
        except JobClosed:
            return 0

    reaped_some = answered_some = False
    for _ in range(RACES // 5):
        job, tasks = await make_leased_job(field)
        posts = [
            post(field, job, [success(task) for task in tasks[first : first + 2]])
            for first in (0, 2)
        ]
        reaped, told = await asyncio.gather(reap(job), asyncio.gather(*posts))
        reaped += await reap(job)
        accepted = sum(status == "accepted" for statuses in told for status in statuses)
        assert accepted + reaped == 4
        assert await field.counters(job) == (
            "completed" if accepted else "failed",
            0,
            accepted,
            reaped,
        )
        assert len(await moves(field, job)) == 3
        reaped_some, answered_some = reaped_some or reaped > 0, answered_some or accepted > 0
    assert reaped_some
    assert answered_some


async def test_leases_of_many_at_once_give_each_task_once(field: Field, system: AppContext) -> None:
    [(camera,)] = await field.ask("select deployment_id from images limit 1")
    await add_images(system.database, field.project, camera, 296)
    job = await field.run_job()

    async def drain() -> list[str]:
        found: list[str] = []
        while tasks := await field.lease(job, 7):
            found += [task["id"] for task in tasks]
        return found

    drained = await asyncio.gather(*[drain() for _ in range(8)])
    every = [task for tasks in drained for task in tasks]
    assert len(every) == len(set(every)) == 300
    assert await field.ask("select distinct attempt from analyses") == [(1,)]
