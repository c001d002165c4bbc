"""Long polling for tasks: a wait ends with a task or its time, and blocks no connection."""

import asyncio
import time
from typing import Any

from tests.integration.queue.test_leases import field
from tests.support.api_project import SLUG, Field
from tests.support.registered_worker import greet

from trapline.server.platform.app_context import AppContext
from trapline.server.queue.task_notifier import TaskNotifier

__all__ = ["field"]


async def test_a_wait_ends_with_a_task_and_holds_no_connection(
    field: Field, system: AppContext
) -> None:
    workers = [await greet(field, name=f"worker-{number}") for number in range(64)]
    waits = [asyncio.create_task(worker.lease(1, wait_s=20)) for worker in workers]
    await wait_until_waiting(field, len(waits))
    async with asyncio.timeout(10):
        # More than there are connections wait, and the server still answers.
        job = await field.run_job()
        done: set[asyncio.Task[list[Any]]] = set()
        while len(done) < 3:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)
    leased = [task for wait in done for task in wait.result()]
    assert sorted(task["image_id"] for task in leased) == sorted(
        str(image) for image in field.images
    )
    assert {task["job_id"] for task in leased} == {job}
    arrivals = get_notifier(field)
    assert len(arrivals._waiters) >= 64 - 2 * 3, "a whole fleet was woken for three tasks"
    arrivals.close()
    async with asyncio.timeout(5):
        rest = await asyncio.gather(*waits)
    assert sum(map(len, rest)) == 3
    async with asyncio.timeout(5):
        assert await workers[0].lease(1, wait_s=20) == []


def get_notifier(field: Field) -> TaskNotifier:
    app: Any = field.client._transport.app.app  # type: ignore[attr-defined]
    notifier: TaskNotifier = app.state.arrivals
    return notifier


async def wait_until_waiting(field: Field, count: int) -> None:
    arrivals = get_notifier(field)
    async with asyncio.timeout(20):
        while len(arrivals._waiters) < count:
            await asyncio.sleep(0.01)


async def test_a_wait_ends_when_its_time_is_up(field: Field) -> None:
    worker = await greet(field)
    began = time.monotonic()
    assert await worker.lease(1, wait_s=0.5) == []
    assert time.monotonic() - began >= 0.5
    wrong: dict[str, Any]
    for wrong in ({"wait_s": 31}, {"wait_s": -1}, {"limit": 0}, {"pipelines": []}, {"wait_s": "1"}):
        body = {"pipelines": [SLUG], "limit": 1} | wrong
        assert (await worker.call("/tasks/lease", body)).status_code in (400, 422)


async def test_a_waiting_worker_is_notified_of_released_and_evicted_tasks(field: Field) -> None:
    await field.run_job()
    one = await greet(field)
    tasks = await one.lease()
    two = await greet(field, name="worker-2")
    waiting = asyncio.create_task(two.lease(1, wait_s=20))
    await wait_until_waiting(field, 1)
    assert await one.release(tasks[:1]) == 1
    async with asyncio.timeout(5):
        assert [task["id"] for task in await waiting] == [tasks[0]["id"]]
    waiting = asyncio.create_task(two.lease(8, wait_s=20))
    await wait_until_waiting(field, 1)
    await field.call("POST", f"/workers/{one.id}/evict")
    async with asyncio.timeout(5):
        assert len(await waiting) == 2


async def test_an_idle_process_looks_less_often_until_tasks_are_expected() -> None:
    notifier = TaskNotifier(every_s=0.001)
    looks = 0

    async def look(slugs: list[str], limit: int) -> dict[tuple[int, str], int]:
        nonlocal looks
        looks += 1
        return {}

    waiting = asyncio.create_task(notifier.wait(None, [SLUG], 1, look, 30))
    await asyncio.sleep(0.3)
    assert looks == 0, "the pause of an idle process is longer"
    notifier.expect_tasks()
    async with asyncio.timeout(10):
        while looks < 20:
            await asyncio.sleep(0.01)
    notifier.close()
    assert await waiting is False


async def test_a_request_that_creates_tasks_lets_the_process_look_often(field: Field) -> None:
    notifier = get_notifier(field)
    assert notifier._lively_until == 0
    await field.run_job()
    assert notifier._lively_until > asyncio.get_running_loop().time()
