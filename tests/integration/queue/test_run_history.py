"""The history of the states of a run, and moves that the database refuses."""

from uuid import UUID

import httpx2
import psycopg
import pytest
from sqlalchemy import text
from tests.integration.queue.test_runs import over_image, show, submit
from tests.support.project_with_roles import build_house

from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.queue.queries.job_counters import (
    JobCounterChange,
    mark_job_started,
    record_transition,
    update_job,
)
from trapline.wire.jobs import JobState


async def test_the_history_names_the_worker_of_each_move(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    job = (await submit(app_client, house, over_image(house))).json()["job_id"]
    number = int(job.removeprefix("job-"))
    worker = Scope(
        actor="worker",
        everything=True,
        origin=RequestOrigin(worker_id=UUID(house.ids["worker_id"])),
    )
    async with system.database.transaction(worker) as tx:
        await mark_job_started(worker, tx, number, worker.actor)
        await update_job(worker, tx, number, JobCounterChange(open=-1, failed=1), worker.actor)
    states = (await show(app_client, house, job))["state_history"]
    assert [one["state"] for one in states] == ["QUEUED", "PROCESSING", "FAILED"]
    assert [one["metadata"].get("worker_id") for one in states] == [
        None,
        house.ids["worker_id"],
        house.ids["worker_id"],
    ]
    shown = await show(app_client, house, job)
    assert shown["state_history"][-1]["metadata"]["reason"] == "1 of 1 images failed"
    assert shown["error"].startswith("1 of 1 images failed")


async def test_the_database_itself_refuses_a_move_that_may_not_be(system: AppContext) -> None:
    house = await build_house(system, "house")
    number, project = int(house.ids["job_id"]), int(house.ids["project_id"])
    scope = Scope.system()
    for wrong in (JobState.COMPLETED, JobState.PROCESSING):
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            async with system.database.transaction(scope) as tx:
                # Nothing may follow `new` but `queued`.
                await record_transition(scope, tx, number, project, 1, wrong, "somebody")
    async with system.database.transaction(scope) as tx:
        await record_transition(scope, tx, number, project, 1, JobState.QUEUED, "somebody")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        async with system.database.transaction(scope) as tx:
            await record_transition(scope, tx, number, project, 2, JobState.QUEUED, "somebody")


async def test_a_cached_caller_is_not_refused_a_new_project(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house, other = await build_house(system, "house"), await build_house(system, "other")
    assert (await submit(app_client, house, over_image(house))).status_code == 202
    assert (await submit(app_client, house, over_image(other))).status_code == 404
    async with system.database.transaction(
        Scope.system()
    ) as tx:  # as another process would, without a notification
        await tx.session.execute(
            text(
                "insert into members (project_id, user_id, role) select :other, user_id, 'manager' "
                "from members"
                " where project_id = :own and role = 'owner'"
            ),
            {"other": int(other.ids["project_id"]), "own": int(house.ids["project_id"])},
        )
    kept = list(system.known.callers._kept.values())
    assert [caller.kind for caller, _ in kept] == ["user"], "the call before this one is remembered"
    assert (await submit(app_client, house, over_image(other))).status_code == 202
