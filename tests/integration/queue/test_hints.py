"""Hints over a real NATS server: they wake other processes, and nothing depends on them (P25)."""

import asyncio
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs
from tests.integration.queue.test_lease_waiting import wait_until_waiting
from tests.support.api_application import application_of
from tests.support.api_project import Field, make_field, success
from tests.support.fault_proxy import FaultProxy
from tests.support.nats_server import NatsServer, running_nats
from tests.support.registered_worker import Greeted, greet

from trapline.server.app.http.application import receive_hints, wrap_middleware
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Database
from trapline.server.queue import job_subscribers, task_notifier
from trapline.server.queue.actions.run_events import list_job_snapshots
from trapline.server.queue.hint_exchange import HintExchange, build_task_subject, parse_subject
from trapline.server.queue.job_hints import JobHints

POLL_S = task_notifier.LOOK_WITH_HINTS_EVERY_S
BUSY_S = 4.0
"""Time that a busy machine may take for the requests of one round."""


@dataclass
class Fleet:
    """Two server processes with one database and one NATS server behind a proxy."""

    here: Field
    there: Field
    server: NatsServer
    proxy: FaultProxy
    worker: Greeted

    @property
    def connected(self) -> list[bool]:
        return [one.system.part(JobHints).is_connected for one in (self.here, self.there)]

    async def wait_for_connections(self, *, up: bool) -> None:
        async with asyncio.timeout(20):
            while self.connected != [up, up]:
                await asyncio.sleep(0.02)

    async def read_health(self) -> str:
        """Read what `/readyz` says about hints; the server is ready with or without them."""
        answer = await self.here.client.get("/readyz")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["parts"]["hints"])

    async def lease_created_task(self, image: int = 0) -> float:
        """Create a task here while a worker waits there; return the seconds until it leases it."""
        waiting = asyncio.create_task(self.worker.lease(1, wait_s=25))
        await wait_until_waiting(self.there, 1)
        # A look may be in progress; tasks that are created now are found by the next one.
        await asyncio.sleep(0.05)
        job = await self.here.run_job(selection={"images": [str(self.here.images[image])]})
        began = time.monotonic()
        async with asyncio.timeout(25):
            [task] = await waiting
        took = time.monotonic() - began
        assert await self.worker.post(job, [success(task)]) == ["accepted"]
        assert await self.here.counters(job) == ("completed", 0, 1, 0)
        return took


@asynccontextmanager
async def _exchanging(field: Field) -> AsyncIterator[None]:
    receive_hints(field.client._transport.app.app, field.system)  # type: ignore[attr-defined]
    exchange = HintExchange(field.system)
    exchange.start()
    try:
        yield
    finally:
        await exchange.close()
        field.system.database.listener = None


@pytest.fixture
async def fleet(system: AppContext, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with running_nats(tmp_path / "streams") as server:
        proxy = FaultProxy(server.port)
        url = server.url.replace(f":{server.port}", f":{proxy.port}")
        here = await make_field(replace(system, nats_url=url), images=10)
        database = Database(system.database.url)
        second = replace(system, nats_url=url, database=database, parts={})
        transport = httpx2.ASGITransport(wrap_middleware(application_of(second)))
        client = httpx2.AsyncClient(transport=transport, base_url="http://trapline.test")
        there = replace(here, system=second, client=client)
        try:
            async with _exchanging(here), _exchanging(there):
                found = Fleet(here, there, server, proxy, await greet(there))
                await found.wait_for_connections(up=True)
                yield found
        finally:
            proxy.end()
            await client.aclose()
            await database.close()


async def test_hints_wake_callers_of_other_processes(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (task_notifier, job_subscribers):
        monkeypatch.setattr(module, "LOOK_WITH_HINTS_EVERY_S", 3600.0)
    for image in range(2):
        await fleet.lease_created_task(image)
    app: Any = fleet.there.client._transport.app.app  # type: ignore[attr-defined]
    job = await fleet.here.run_job()
    look = partial(list_job_snapshots, fleet.there.system)
    states: list[str] = []
    async with asyncio.timeout(15):
        async for seen in app.state.followers.follow(job, look, 3600.0):
            assert seen is not None
            states = [move.to_state for move in seen.moves]
            if states[-1] == "canceled":
                break
            assert (await fleet.here.call("POST", f"/jobs/{job}/cancel")).status_code == 202
    app.state.followers.close()


def test_a_subject_names_project_pipeline_and_job() -> None:
    subject = build_task_subject(7, "insects.v2 *>", 41)
    assert subject == "trapline-hints.7.tasks.insects%2Ev2%20%2A%3E.41"
    assert parse_subject(subject) == ("tasks", 41)
    assert parse_subject("trapline-hints.7.job.9") == ("job", 9)
    for other in ("trapline-hints.7.other.9", "trapline-hints.7.job.x", "trapline-hints", "a.b.c"):
        assert parse_subject(other) is None


async def test_a_killed_server_loses_and_delays_nothing(fleet: Fleet) -> None:
    with capture_logs() as logs:
        await fleet.server.kill()
        await fleet.wait_for_connections(up=False)
        assert await fleet.lease_created_task(0) < POLL_S + BUSY_S
        assert (await fleet.read_health()).startswith("Unavailable since 20")
        await fleet.server.start()
        await fleet.wait_for_connections(up=True)
    assert await fleet.read_health() == "ok"
    assert await fleet.lease_created_task(1) < POLL_S + BUSY_S
    told = [line["event"] for line in logs if "NATS" in line["event"]]
    assert sorted(told) == [
        *["hints over NATS again"] * 2,
        *["no hints over NATS; this process polls more often"] * 2,
    ], "an outage is logged once by each process"


async def test_a_wiped_server_loses_and_delays_nothing(fleet: Fleet) -> None:
    """At 10, 50 and 90 % of the tasks, the server loses its process and its data."""
    for number in range(10):
        if number in (1, 5, 9):
            await fleet.server.kill()
            assert fleet.server.folder is not None
            shutil.rmtree(fleet.server.folder, ignore_errors=True)
            await fleet.server.start()
        assert await fleet.lease_created_task(number) < POLL_S + BUSY_S
    await fleet.wait_for_connections(up=True)


def _stop(fleet: Fleet) -> Callable[[], object]:
    process = fleet.server._process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    return partial(process.send_signal, signal.SIGCONT)


def _partition(fleet: Fleet) -> Callable[[], object]:
    fleet.proxy.hold()
    return fleet.proxy.release


def _slow_down(fleet: Fleet) -> Callable[[], object]:
    fleet.proxy.delay_s = 3.0

    def speed_up() -> None:
        fleet.proxy.delay_s = 0.0

    return speed_up


@pytest.mark.parametrize("fault", [_stop, _partition, _slow_down])
async def test_a_server_that_does_not_answer_loses_and_delays_nothing(
    fleet: Fleet, fault: Callable[[Fleet], Callable[[], object]]
) -> None:
    end = fault(fleet)
    try:
        # At first the processes do not know that the server is away, and poll every second.
        assert fleet.connected == [True, True]
        assert await fleet.lease_created_task(0) < POLL_S + BUSY_S
        if fault is not _slow_down:
            await fleet.wait_for_connections(up=False)
        assert await fleet.lease_created_task(1) < POLL_S + BUSY_S
    finally:
        end()
    await fleet.wait_for_connections(up=True)
    assert await fleet.lease_created_task(2) < POLL_S + BUSY_S
