"""Two processes of one machine that share a token and do not register are two workers."""

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx2
import pytest
from tests.support.api_project import SLUG, SYSTEM, Field, make_field, success

from trapline.server.platform.app_context import AppContext
from trapline.server.queue.actions import queue_maintenance

CLAIM = {"pipeline__slug__in": SLUG, "ids_only": "1", "incomplete_only": "1"}


class Machine:
    """A machine with clients that share its token and User-Agent; each connection has a port."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self._app = field.client._transport.app  # type: ignore[attr-defined]
        self._ports = count(40_000)
        self._clients: list[httpx2.AsyncClient] = []

    def connect(self) -> httpx2.AsyncClient:
        """Open a connection."""
        transport = httpx2.ASGITransport(self._app, client=("10.0.0.5", next(self._ports)))
        headers = {
            "Authorization": f"Token {self.field.worker}",
            "User-Agent": "python-requests/2.32",
        }
        self._clients.append(
            httpx2.AsyncClient(
                transport=transport, base_url="http://trapline.test/api/v2", headers=headers
            )
        )
        return self._clients[-1]

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            await client.aclose()

    async def claim(self, over: httpx2.AsyncClient | None = None) -> list[int]:
        """Ask for a job, on a new connection unless one is given."""
        answer = (await (over or self.connect()).get("/jobs", params=CLAIM)).json()
        assert answer["count"] == len(answer["results"])
        return [job["id"] for job in answer["results"]]

    async def lease(
        self, job: int, number: int, over: httpx2.AsyncClient | None = None
    ) -> list[dict[str, Any]]:
        """Lease tasks, on a new connection unless one is given."""
        answer = await (over or self.connect()).post(
            f"/jobs/{job}/tasks/", json={"batch_size": number}
        )
        return list(answer.json()["tasks"])

    async def post(
        self, job: int, tasks: list[dict[str, Any]], over: httpx2.AsyncClient | None = None
    ) -> list[str]:
        """Post results, on a new connection unless one is given."""
        body = {"results": [success(task) for task in tasks]}
        answer = await (over or self.connect()).post(f"/jobs/{job}/result/", json=body)
        assert answer.status_code == 200, answer.text
        return [task["status"] for task in answer.json()["tasks"]]

    async def rows(self) -> dict[str, tuple[int, int]]:
        """Leases and completed tasks of each worker in the list, by name."""
        answer = await self.field.call("GET", f"/workers?project={self.field.project}")
        return {one["name"]: (one["leases"], one["completed"]) for one in answer.json()["results"]}


FIRST = "python-requests/2.32 at 10.0.0.5"
SECOND = f"{FIRST} (process 2)"


@pytest.fixture
async def machine(system: AppContext) -> AsyncIterator[Machine]:
    made = Machine(await make_field(system, images=12))
    yield made
    await made.close()


async def _start_twins(
    machine: Machine, job: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Start two clients, each with two loaders that have a connection of their own."""
    first, second = [], []
    assert await machine.claim() == [job]
    for _ in range(2):
        first += await machine.lease(job, 2)
    assert await machine.claim() == [job]
    for _ in range(2):
        second += await machine.lease(job, 2)
    return first, second


async def test_two_processes_of_one_machine_are_two_workers(machine: Machine) -> None:
    job = await machine.field.run_job()
    first, second = await _start_twins(machine, job)
    assert await machine.rows() == {FIRST: (4, 0), SECOND: (4, 0)}
    assert await machine.post(job, second[:3]) == ["accepted"] * 3
    assert await machine.post(job, first[:1]) == ["accepted"]
    assert await machine.rows() == {FIRST: (3, 1), SECOND: (1, 3)}
    # Each continues in its own row after it has returned everything.
    await machine.post(job, second[3:])
    assert await machine.claim() == [job]
    await machine.lease(job, 1)
    assert await machine.rows() == {FIRST: (3, 1), SECOND: (1, 4)}
    await machine.post(job, first[1:])
    assert await machine.claim() == [job]
    await machine.lease(job, 2)
    assert await machine.rows() == {FIRST: (2, 4), SECOND: (1, 4)}


async def test_processes_that_start_together_are_two_workers(machine: Machine) -> None:
    job = await machine.field.run_job()
    one, two = machine.connect(), machine.connect()
    assert await machine.claim(one) == await machine.claim(two) == [job]
    await machine.lease(job, 2, one)
    await machine.lease(job, 3, two)
    assert await machine.rows() == {FIRST: (2, 0), SECOND: (3, 0)}


async def test_a_dead_process_is_not_kept_alive_by_its_twin(machine: Machine) -> None:
    field = machine.field
    job = await field.run_job()
    first, second = await _start_twins(machine, job)
    # The first one was killed, and its deadline has passed.
    await field.change("update analyses set deadline = now() - interval '1 s' where deadline > "
                       "now()")  # fmt: skip
    await field.change(
        "update holders set last_contact_at = now() - interval '301 s' "
        "where user_agent not like %s", "%process 2",
    )  # fmt: skip
    await machine.post(job, second[:1])
    await queue_maintenance.requeue_expired_leases(field.system, SYSTEM)
    assert await machine.rows() == {FIRST: (0, 0), SECOND: (3, 1)}
    assert await field.ask("select count(*) from analyses where lost = 1") == [(len(first),)]
    # Its results are accepted when it only was slow.
    assert await machine.post(job, first) == ["accepted"] * 4


async def test_a_result_keeps_later_leases_of_the_same_token(machine: Machine) -> None:
    """A wrong guess costs no lease: one process returns its tasks in the order of their leases."""
    field = machine.field
    job = await field.run_job()
    first, _ = await _start_twins(machine, job)
    await field.change(
        "update analyses set deadline = now() - interval '1 s' where state = 'processing'"
    )
    await field.change("update holders set last_contact_at = now() - interval '301 s'")
    await machine.post(job, first[:1])
    await queue_maintenance.requeue_expired_leases(field.system, SYSTEM)
    assert await machine.rows() == {FIRST: (3, 1), SECOND: (4, 0)}


async def test_a_restarted_process_gets_its_tasks_back(machine: Machine) -> None:
    field = machine.field
    job = await field.run_job(selection={"images": [str(one) for one in field.images[:3]]})
    assert await machine.claim() == [job]
    old = await machine.lease(job, 3)
    await machine.post(job, old[:1])
    assert await machine.claim() == [], "an active process may be another one"
    assert await machine.rows() == {FIRST: (2, 1)}
    await field.change("update holders set last_contact_at = now() - interval '151 s', busy_s = 1")
    await field.change("update client_processes set claimed_at = now() - interval '152 s', "
                       "leased_at = now() - interval '151 s'")  # fmt: skip
    assert await machine.claim() == [job]
    assert await machine.rows() == {FIRST: (0, 1)}
    [again] = await machine.lease(job, 3)
    assert again["id"] in {task["id"] for task in old[1:]}
    assert await field.ask("select distinct outcome, error from attempts") == [
        ("lost", "the worker was restarted and did not return it")
    ]
    assert await machine.rows() == {FIRST: (1, 1)}


async def test_a_restart_next_to_a_living_twin_is_noticed(machine: Machine) -> None:
    field = machine.field
    job = await field.run_job()
    first, _ = await _start_twins(machine, job)
    await field.change(
        "update holders set last_contact_at = now() - interval '200 s' where user_agent like %s",
        "%process 2",
    )
    await field.change(
        "update client_processes set claimed_at = now() - interval '201 s', leased_at = null "
        "where process = 2"
    )
    assert await machine.claim() == [job]
    assert await machine.rows() == {FIRST: (len(first), 0), SECOND: (0, 0)}


async def test_a_process_with_one_connection_is_one_worker(machine: Machine) -> None:
    job = await machine.field.run_job()
    connection, tasks = machine.connect(), []
    for _ in range(3):  # it asks again while it holds tasks
        assert await machine.claim(connection) == [job]
        tasks += await machine.lease(job, 2, connection)
    assert await machine.post(job, tasks, connection) == ["accepted"] * 6
    assert await machine.rows() == {FIRST: (0, 6)}


async def test_a_process_that_returns_tasks_of_two_is_one_worker(machine: Machine) -> None:
    job = await machine.field.run_job()
    tasks = []
    for _ in range(2):  # new connections, and it asks again while it holds tasks
        assert await machine.claim() == [job]
        tasks += await machine.lease(job, 2)
    assert await machine.rows() == {FIRST: (2, 0), SECOND: (2, 0)}
    assert await machine.post(job, tasks[1:3]) == ["accepted"] * 2
    for _ in range(2):
        assert await machine.claim() == [job]
        await machine.lease(job, 2)
    assert (await machine.rows())[FIRST][0] == 5
    assert (await machine.rows())[SECOND][0] == 1


async def test_a_user_agent_with_a_process_is_one_worker(machine: Machine) -> None:
    job = await machine.field.run_job()
    for _ in range(2):
        client = machine.connect()
        client.headers["User-Agent"] = "trapline-worker/1.0 (Traps; field-pc; pid 41)"
        assert await machine.claim(client) == [job]
        await machine.lease(job, 2, client)
    assert await machine.rows() == {"Traps on field-pc (process 41)": (4, 0)}
