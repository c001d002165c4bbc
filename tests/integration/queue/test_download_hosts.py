"""Downloads of runs: encrypted URLs, limits by project and host, and an end without images."""

import asyncio
from dataclasses import replace

import httpx2
import pytest
from sqlalchemy import text
from tests.integration.queue.test_content_download import (
    SYSTEM,
    ask_for,
    camera,
    chores,
    quick,
    reaching,
)
from tests.integration.queue.test_runs import as_caller, count, show
from tests.support.camera_server import Camera
from tests.support.project_with_roles import build_house

from trapline.server.app.background import background_tasks as background
from trapline.server.operations.actions.retention import purge_download_urls
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.host_rate_limits import HostRateLimit
from trapline.server.queue.actions import content_download
from trapline.server.queue.actions.content_download import download_content
from trapline.server.queue.actions.jobs import cancel_job
from trapline.server.queue.actions.queue_maintenance import resume_expansions

__all__ = ["camera", "quick", "reaching"]


@pytest.fixture
def near(reaching: AppContext) -> AppContext:
    """The engines of background work that may connect to the camera of the test, two at once."""
    return replace(reaching, host_pace=HostRateLimit(at_once=2, per_s=1000))


async def test_an_address_is_sealed_at_rest_and_forgotten_when_nobody_wants_it(
    app_client: httpx2.AsyncClient, system: AppContext, near: AppContext, camera: Camera
) -> None:
    house = await build_house(system, "house")
    camera.faults["IMG_1.JPG?key=s3cr3t"] = "404"
    job, number = await ask_for(app_client, house, [f"{camera.url}IMG_1.JPG?key=s3cr3t"])
    await download_content(near, SYSTEM, number)
    assert (await show(app_client, house, job))["status"] == "FAILED"
    # A row as text has its bytes in hexadecimal digits.
    plain = "d::text like '%s3cr3t%' or position('s3cr3t'::bytea in d.sealed_url) > 0"
    assert await count(system, f"select count(*) from job_downloads d where {plain}") == 0
    assert (
        await count(system, "select count(*) from job_downloads where sealed_url is not null") == 1
    )
    await purge_download_urls(system, SYSTEM)
    assert await count(system, "select count(*) from job_downloads") == 1
    async with system.database.transaction(SYSTEM) as tx:
        await tx.session.execute(
            text(f"update jobs set updated_at = now() - interval '31 days' where id = {number}")
        )
    await purge_download_urls(system, SYSTEM)
    assert await count(system, "select count(*) from job_downloads") == 0
    again = await app_client.post(f"/pipeline/job/{job}/retry", headers=as_caller(house))
    assert again.status_code == 202
    await download_content(near, SYSTEM, number)
    shown = await show(app_client, house, job)
    assert (shown["status"], shown["error"]) == ("FAILED", content_download.GONE)


async def test_a_run_ends_whose_deployment_is_gone(
    app_client: httpx2.AsyncClient, system: AppContext
) -> None:
    house = await build_house(system, "house")
    new = {"project": int(house.ids["project_id"]), "name": "new"}
    made = await app_client.post("/api/v2/deployments", json=new, headers=as_caller(house))
    path = f"/api/v2/deployments/{made.json()['id']}"
    job, number = await ask_for(
        app_client, house, ["https://camera.example/a.jpg"], made.json()["id"]
    )
    refused = await app_client.delete(path, headers=as_caller(house))
    assert (refused.status_code, "downloading images" in refused.text) == (409, True)
    await cancel_job(system, SYSTEM, number)
    assert (await app_client.delete(path, headers=as_caller(house))).status_code == 204
    await app_client.post(f"/pipeline/job/{job}/retry", headers=as_caller(house))
    await download_content(system, SYSTEM, number)
    shown = await show(app_client, house, job)
    assert (shown["status"], shown["error"]) == ("FAILED", content_download.GONE)


async def test_one_chore_of_a_run_waits_and_few_of_a_project_are_done(
    app_client: httpx2.AsyncClient, system: AppContext
) -> None:
    house = await build_house(system, "house")
    numbers = [
        (await ask_for(app_client, house, ["https://camera.example/a.jpg"]))[1] for _ in range(6)
    ]
    for _ in range(3):
        await resume_expansions(system, SYSTEM, still_for_s=0)
    asked = [
        arguments["job_id"]
        for name, _, arguments in await chores(system)
        if name == "fetch_content"
    ]
    assert asked == numbers, "one chore for each"
    begun = []
    async with system.database.transaction(SYSTEM) as tx:
        await tx.execute("set local search_path = procrastinate")
        worker = await (
            await tx.execute("insert into procrastinate_workers default values returning id")
        ).fetchone()
        assert worker is not None
        fetch = "select (procrastinate_fetch_job_v2(array['fetches'], %s)).args ->> 'job_id'"
        while (row := await (await tx.execute(fetch, (worker[0],))).fetchone()) and row[0]:
            begun.append(int(row[0]))
    assert begun == numbers[:4]
    await resume_expansions(system, SYSTEM, still_for_s=0)
    await resume_expansions(system, SYSTEM, still_for_s=0)
    asked = [
        arguments["job_id"]
        for name, _, arguments in await chores(system)
        if name == "fetch_content"
    ]
    assert sorted(asked) == sorted(numbers + begun), "one that is done, one that waits"


async def test_a_host_is_asked_by_few_runs_at_once_and_no_run_keeps_its_place_for_long(
    app_client: httpx2.AsyncClient,
    system: AppContext,
    near: AppContext,
    camera: Camera,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = await build_house(system, "house")
    camera.faults["IMG_0.JPG"] = "hang"
    numbers = [(await ask_for(app_client, house, [f"{camera.url}IMG_0.JPG"]))[1] for _ in range(3)]
    runs = [asyncio.create_task(download_content(near, SYSTEM, number)) for number in numbers]
    async with asyncio.timeout(10):
        while camera.at_once < 2:
            await asyncio.sleep(0.02)
        while (
            await count(
                system, "select count(*) from job_downloads where again_at is null and attempts = 0"
            )
            != 1
        ):
            await asyncio.sleep(0.02)
    assert camera.most_at_once == 2
    for run in runs:
        run.cancel()
    await asyncio.gather(*runs, return_exceptions=True)
    before = await chores(system)
    monkeypatch.setattr(content_download, "TURN_S", -1)
    async with system.database.transaction(SYSTEM) as tx:
        await tx.session.execute(text("delete from procrastinate.procrastinate_jobs"))
    await download_content(near, SYSTEM, numbers[0])
    assert await chores(system) == [("fetch_content", "fetches", {"job_id": numbers[0]})], before


async def test_a_run_waits_behind_no_dead_process(
    app_client: httpx2.AsyncClient,
    system: AppContext,
    near: AppContext,
    monkeypatch: pytest.MonkeyPatch,
    camera: Camera,
) -> None:
    house = await build_house(system, "house")
    await ask_for(app_client, house, [f"{camera.url}IMG_0.JPG"])
    # A process has begun the background task, whose lock excludes others of this run, and is
    # killed.
    async with system.database.transaction(SYSTEM) as tx:
        await tx.execute("set local search_path = procrastinate")
        await tx.execute("insert into procrastinate_workers default values")
        await tx.execute(
            "select procrastinate_fetch_job_v2(array['fetches'], (select max(id) from "
            "procrastinate_workers))"
        )
    monkeypatch.setattr(background, "DEAD_AFTER_S", 1.0)
    monkeypatch.setattr(background, "LOOK_EVERY_S", 0.1)
    stop = asyncio.Event()
    working = asyncio.create_task(background.run_background_tasks(near, stop))
    try:
        async with asyncio.timeout(10):
            while await count(system, "select count(*) from jobs where fetching"):
                await asyncio.sleep(0.05)
    finally:
        stop.set()
        await working
    assert camera.asked() == ["IMG_0.JPG"]
