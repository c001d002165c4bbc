"""The stream of a run: each state once and in order after any interruption, for members only."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import text
from tests.integration.queue.test_runs import as_caller, over_image, submit
from tests.support.api_application import application_of
from tests.support.project_with_roles import House, build_house

from trapline.server.accounts.actions.tokens import revoke_token
from trapline.server.accounts.routes.event_streams import AT_ONCE, StreamRegistry
from trapline.server.app.http.application import wrap_middleware
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.caches import TtlCache
from trapline.server.platform.errors import TooManyRequests
from trapline.server.queue.actions.failures import retry_job
from trapline.server.queue.actions.jobs import cancel_job, expand_job
from trapline.server.queue.job_subscribers import JobSubscribers
from trapline.server.queue.queries.job_counters import mark_job_started
from trapline.server.queue.queries.queue_caches import QueueCaches
from trapline.wire.auth import Role
from trapline.wire.jobs import JobTransition, RetryRequest

SYSTEM = Scope.system()


@pytest.fixture
async def other_client(system: AppContext) -> AsyncIterator[httpx2.AsyncClient]:
    """A second API process over the same database; both look often."""
    app = application_of(system)
    app.state.followers = JobSubscribers(every_s=0.02)
    transport = httpx2.ASGITransport(wrap_middleware(app))
    async with httpx2.AsyncClient(transport=transport, base_url="http://trapline.test") as client:
        yield client


async def follow(
    client: httpx2.AsyncClient, house: House, job: str, **headers: str
) -> httpx2.Response:
    async with asyncio.timeout(30):
        return await client.get(
            f"/pipeline/job/{job}/events", headers=as_caller(house, "viewer", **headers)
        )


def read(answer: httpx2.Response) -> list[tuple[str | None, str, dict[str, Any]]]:
    """Read a stream as (id, kind, data); comments are passed over."""
    told = []
    for block in answer.text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if not line.startswith(":")
        )
        if "data" in fields:
            told.append((fields.get("id"), fields["event"], json.loads(fields["data"])))
    return told


def states(answer: httpx2.Response) -> list[tuple[str | None, str]]:
    return [(key, data["state"]["state"]) for key, kind, data in read(answer) if kind == "state"]


async def test_each_state_and_the_progress_is_told_until_the_end(
    system: AppContext, app_client: httpx2.AsyncClient, other_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    job = (await submit(app_client, house, over_image(house))).json()["job_id"]
    number = int(job.removeprefix("job-"))
    following = [
        asyncio.create_task(follow(other_client, house, name)) for name in (job, str(number))
    ]
    await asyncio.sleep(0.1)
    await expand_job(system, SYSTEM, number)
    await asyncio.sleep(0.1)
    async with system.database.transaction(SYSTEM) as tx:
        await mark_job_started(SYSTEM, tx, number, "worker")
    await asyncio.sleep(0.1)
    await cancel_job(system, SYSTEM, number)
    for answer in await asyncio.gather(*following):
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        expected = [
            (f"{number}:1", "QUEUED"),
            (f"{number}:2", "PROCESSING"),
            (f"{number}:3", "CANCELED"),
        ]
        assert states(answer) == expected
        told = read(answer)
        assert told[-1][2]["state"]["state"] == "CANCELED"
        progress = [
            data["progress"] for key, kind, data in told if kind == "progress" and key is None
        ]
        assert (progress[-1]["total"], progress[-1]["canceled"]) == (1, 1)


async def test_a_reader_that_was_cut_off_misses_nothing_and_hears_nothing_twice(
    system: AppContext, app_client: httpx2.AsyncClient, other_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    job = (await submit(app_client, house, over_image(house))).json()["job_id"]
    number = int(job.removeprefix("job-"))
    await cancel_job(system, SYSTEM, number)
    await retry_job(system, SYSTEM, number, RetryRequest())
    await cancel_job(system, SYSTEM, number)
    every = [
        (f"{number}:1", "QUEUED"),
        (f"{number}:2", "CANCELED"),
        (f"{number}:3", "QUEUED"),
        (f"{number}:4", "CANCELED"),
    ]
    for heard in range(4):
        key = f"{number}:{heard}" if heard else "of another job"
        assert (
            states(await follow(other_client, house, job, **{"Last-Event-ID": key}))
            == every[heard:]
        )
    for unknown in (f"{number + 1}:2", f"{number}:99", "", "x" * 500):
        assert states(await follow(other_client, house, job, **{"Last-Event-ID": unknown})) == every
    over = await follow(other_client, house, job, **{"Last-Event-ID": f"{number}:4"})
    assert (over.status_code, over.content) == (204, b"")


async def test_a_move_is_read_once_for_all_who_follow(
    system: AppContext, app_client: httpx2.AsyncClient, other_client: httpx2.AsyncClient
) -> None:
    read_of: list[int] = []

    class Counted(TtlCache[int, tuple[JobTransition, ...]]):
        def keep(self, name: int, thing: tuple[JobTransition, ...]) -> None:
            read_of.append(name)
            super().keep(name, thing)

    system.part(QueueCaches).moves = Counted(10, 600.0)
    house = await build_house(system, "house")
    job = (await submit(app_client, house, over_image(house))).json()["job_id"]
    number = int(job.removeprefix("job-"))
    following = [asyncio.create_task(follow(other_client, house, job)) for _ in range(10)]
    await asyncio.sleep(0.3)
    await cancel_job(system, SYSTEM, number)
    told = [states(answer) for answer in await asyncio.gather(*following)]
    assert told == [[(f"{number}:1", "QUEUED"), (f"{number}:2", "CANCELED")]] * 10
    assert 0 < len(read_of) <= 2


async def test_nobody_is_asked_for_when_nobody_listens(system: AppContext) -> None:
    asked = []

    async def look(jobs: list[int]) -> dict[int, Any]:
        asked.append(jobs)
        return {}

    followers = JobSubscribers(every_s=0.01)
    stream = followers.follow(7, look, silence_s=0.05)
    assert await anext(stream) is None
    assert asked
    await stream.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0.05)
    before = len(asked)
    await asyncio.sleep(0.1)
    assert len(asked) == before


async def test_streams_end_after_the_loss_of_access(
    system: AppContext, app_client: httpx2.AsyncClient, other_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    job = (await submit(app_client, house, over_image(house))).json()["job_id"]
    headers = as_caller(house)
    following = asyncio.create_task(
        other_client.get(f"/pipeline/job/{job}/events", headers=headers)
    )
    await asyncio.sleep(0.1)
    await revoke(system, house)
    await asyncio.sleep(1.1)
    await cancel_job(system, SYSTEM, int(job.removeprefix("job-")))
    async with asyncio.timeout(30):
        answer = await following
    assert [state for _, state in states(answer)] == ["QUEUED"]


async def revoke(system: AppContext, house: House) -> None:
    """Revoke the token of the owner."""
    async with system.database.transaction(SYSTEM) as tx:
        row = await tx.session.execute(
            text("select user_id from tokens where id = :id"), {"id": house.ids["token_id"]}
        )
        user = row.scalar_one()
    roles = {int(house.ids["project_id"]): Role.OWNER}
    await revoke_token(
        system, Scope(actor="owner", roles=roles, user_id=user), UUID(house.ids["token_id"])
    )


async def test_a_stream_ends_though_nothing_comes_on_it(
    system: AppContext, app_client: httpx2.AsyncClient, other_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    job = (await submit(app_client, house, over_image(house))).json()["job_id"]
    paths = (f"/pipeline/job/{job}/events", f"/api/v2/events?project={house.ids['project_id']}")
    silent = [
        asyncio.create_task(other_client.get(path, headers=as_caller(house))) for path in paths
    ]
    kept = asyncio.create_task(follow(other_client, house, job))
    await asyncio.sleep(0.5)
    assert not any(task.done() for task in silent)
    await revoke(system, house)
    async with asyncio.timeout(10):
        told = [await task for task in silent]
    assert ": still here" not in told[0].text + told[1].text, (
        "they end before they would have said that"
    )
    for answer in told:
        assert answer.headers["Cache-Control"] == "no-store, no-transform"
        assert answer.headers["X-Accel-Buffering"] == "no"
    assert not kept.done(), "the viewer goes on"
    await cancel_job(system, SYSTEM, int(job.removeprefix("job-")))
    assert [state for _, state in states(await kept)] == ["QUEUED", "CANCELED"]


async def test_a_caller_has_so_many_streams_and_a_place_is_free_again(
    system: AppContext, app_client: httpx2.AsyncClient
) -> None:
    house = await build_house(system, "house")
    job = (await submit(app_client, house, over_image(house))).json()["job_id"]
    few = application_of(replace(system, limits=replace(system.limits, streams=2)))
    transport = httpx2.ASGITransport(wrap_middleware(few))
    async with httpx2.AsyncClient(transport=transport, base_url="http://trapline.test") as client:
        paths = (f"/pipeline/job/{job}/events", f"/api/v2/events?project={house.ids['project_id']}")
        held = [
            asyncio.create_task(client.get(path, headers=as_caller(house, "viewer")))
            for path in paths
        ]
        await asyncio.sleep(0.5)
        for path in paths:
            async with asyncio.timeout(10):
                refused = await client.get(path, headers=as_caller(house, "viewer"))
            assert refused.status_code == 429
            assert int(refused.headers["Retry-After"]) > 0
            assert "2 event streams are open" in refused.json()["detail"]
        another = asyncio.create_task(client.get(paths[0], headers=as_caller(house)))
        held[1].cancel()
        await asyncio.gather(held[1], return_exceptions=True)
        again = asyncio.create_task(follow(client, house, job))
        await asyncio.sleep(0.3)
        await cancel_job(system, SYSTEM, int(job.removeprefix("job-")))
        async with asyncio.timeout(30):
            codes = [(await task).status_code for task in (held[0], another, again)]
        assert codes == [200, 200, 200]


def test_one_person_and_one_process_have_so_many_streams_whatever_tokens_there_are() -> None:
    person, streams = uuid4(), StreamRegistry()
    tokens = [Scope("anna", user_id=person, token_id=uuid4()) for _ in range(5)]
    for token in tokens[:4]:
        streams.acquire_slot(token, 2)
    with pytest.raises(TooManyRequests, match="4 event streams are open with your") as refused:
        streams.acquire_slot(tokens[4], 2)
    assert refused.value.retry_after_s > 0
    streams.acquire_slot(Scope("nobody", origin=RequestOrigin(address="192.0.2.1")), 2)
    streams.release_slot(tokens[0])
    streams.acquire_slot(tokens[4], 2)
    for number in range(AT_ONCE - 5):
        streams.acquire_slot(
            Scope("another", user_id=UUID(int=number), session_id=UUID(int=number)), 2
        )
    with pytest.raises(TooManyRequests, match="are open in this process"):
        streams.acquire_slot(Scope("the last", user_id=uuid4(), session_id=uuid4()), 2)
