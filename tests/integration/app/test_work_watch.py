"""Loops of the background process sleep until there is work, and wake for each kind of work."""

import asyncio
import io
from typing import Any

import pytest
from PIL import Image
from tests.support.api_project import Field, make_field
from tests.support.registered_worker import greet

from trapline.server.app.background.background_process import build_loops
from trapline.server.app.background.loops import Loop, run_loop
from trapline.server.app.background.work_watch import WorkWatch
from trapline.server.notifications.background.deliveries import DeliverySender
from trapline.server.platform.app_context import AppContext


@pytest.fixture
async def field(system: AppContext) -> Field:
    return await make_field(system, 0)


async def list_woken(watch: WorkWatch) -> set[str]:
    for event in watch.wakes.values():
        event.clear()
    await watch.step()
    return {name for name, event in watch.wakes.items() if event.is_set()}


async def wait_for_woken(watch: WorkWatch, name: str) -> None:
    async with asyncio.timeout(20):
        while name not in await list_woken(watch):
            await asyncio.sleep(0.05)


async def upload(field: Field) -> None:
    [(deployment,)] = await field.ask(
        "select id from deployments where project_id = %s", field.project
    )
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), (10, 90, 90)).save(picture, "JPEG")
    parts: list[tuple[str, Any]] = [
        ("project", (None, str(field.project))),
        ("deployment", (None, str(deployment))),
    ]
    answer = await field.client.post(
        "/api/v2/images",
        files=[*parts, ("files", ("a.jpg", picture.getvalue(), "image/jpeg"))],
        headers={"Authorization": f"Token {field.owner}"},
    )
    assert answer.status_code == 200, answer.text


async def test_an_uploaded_image_wakes_the_loops_that_work_on_it_until_they_are_done(
    field: Field,
) -> None:
    watch = WorkWatch(field.system)
    assert await list_woken(watch) == set()
    await upload(field)
    assert await list_woken(watch) == {"thumbnails", "sequences", "day counts"}
    loops = {loop.name: loop for loop in build_loops(field.system)}
    for name in ("thumbnails", "sequences", "day counts"):
        await loops[name].step()
    # A sequence that was formed changes no day; whatever is left is done in the next steps.
    for name in await list_woken(watch):
        await loops[name].step()
    assert await list_woken(watch) == set()


async def test_an_event_for_a_webhook_wakes_the_deliveries(field: Field) -> None:
    watch = WorkWatch(field.system)
    body = {"project": field.project, "url": "https://receiver.example/hook"}
    assert (await field.call("POST", "/webhooks", body)).status_code == 201
    assert "deliveries" not in await list_woken(watch)
    await upload(field)
    await wait_for_woken(watch, "deliveries")
    deliveries = DeliverySender(field.system)
    await deliveries.step()
    await deliveries.close()


async def test_a_source_whose_time_has_come_wakes_the_runs(field: Field) -> None:
    watch = WorkWatch(field.system)
    [(deployment,)] = await field.ask(
        "select id from deployments where project_id = %s", field.project
    )
    body = {"location_id": str(deployment), "name": "s", "base_url": "http://camera.example/"}
    answer = await field.call("POST", "/image-pull-sources", body)
    assert answer.status_code == 201, answer.text
    await field.change(
        "update pull_sources set next_run_at = now() - interval '1 s', is_active = true"
    )
    assert "due pull runs" in await list_woken(watch)
    loops = {loop.name: loop for loop in build_loops(field.system)}
    await loops["due pull runs"].step()
    assert "due pull runs" not in await list_woken(watch)


async def test_a_source_that_pushes_wakes_the_feeds(field: Field) -> None:
    watch = WorkWatch(field.system)
    [(deployment,)] = await field.ask(
        "select id from deployments where project_id = %s", field.project
    )
    body = {
        "location_id": str(deployment),
        "name": "s",
        "gateway": "websocket",
        "base_url": "ws://camera.example/",
        "options": {"files_url": "http://camera.example/"},
    }
    answer = await field.call("POST", "/image-pull-sources", body)
    assert answer.status_code == 201, answer.text
    assert "feeds" in await list_woken(watch)


async def test_a_loop_with_a_wake_runs_when_it_is_woken_and_not_before() -> None:
    wake, stop, steps = asyncio.Event(), asyncio.Event(), asyncio.Queue[int]()
    count = 0

    async def step() -> bool:
        nonlocal count
        count += 1
        steps.put_nowait(count)
        return False

    running = asyncio.create_task(run_loop(Loop("a loop", 0.001, step, wake), stop))
    assert await steps.get() == 1
    await asyncio.sleep(0.1)  # a hundred of its pauses
    assert steps.empty()
    wake.set()
    async with asyncio.timeout(10):
        assert await steps.get() == 2
        stop.set()
        await running


async def test_a_loop_that_failed_is_tried_again_without_being_woken() -> None:
    wake, stop, steps = asyncio.Event(), asyncio.Event(), asyncio.Queue[int]()

    async def step() -> bool:
        steps.put_nowait(1)
        raise OSError

    running = asyncio.create_task(run_loop(Loop("a loop", 0.001, step, wake), stop))
    async with asyncio.timeout(10):
        for _ in range(3):
            await steps.get()
        stop.set()
        await running


async def test_a_worker_that_falls_silent_and_one_that_returns_wake_the_watch_of_workers(
    field: Field,
) -> None:
    watch = WorkWatch(field.system)
    [step] = [loop.step for loop in build_loops(field.system) if loop.name == "silent workers"]
    await greet(field)
    assert await list_woken(watch) == set()
    await field.change("update workers set last_contact_at = now() - interval '61 s'")
    assert await list_woken(watch) == {"silent workers"}
    await step()
    assert await list_woken(watch) == set()
    await field.change("update workers set last_contact_at = now()")
    assert await list_woken(watch) == {"silent workers"}
    await step()
    assert await list_woken(watch) == set()
