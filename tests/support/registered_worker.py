"""A worker that says hello, over HTTP without a socket."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.support.api_project import SLUG, Field


@dataclass
class Greeted:
    """A worker with an id, and what it sends along with each call."""

    at: Field
    id: str = ""
    token: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, path: str, body: Any) -> httpx2.Response:
        """Make a call with the worker's id."""
        headers = {
            "Authorization": f"Token {self.token}",
            "X-Trapline-Worker": self.id,
            **self.headers,
        }
        return await self.at.client.post(f"/api/v2{path}", json=body, headers=headers)

    async def claim(self) -> list[int]:
        """Ask which jobs have something to lease."""
        headers = {"Authorization": f"Token {self.token}", "X-Trapline-Worker": self.id}
        params = {"pipeline__slug__in": SLUG, "ids_only": "1", "limit": "100"}
        answer = await self.at.client.get("/api/v2/jobs", params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        return [job["id"] for job in answer.json()["results"]]

    async def lease(
        self, limit: int = 8, wait_s: float = 0, pipelines: Sequence[str] = (SLUG,)
    ) -> list[Any]:
        """Lease tasks of any job."""
        answer = await self.call(
            "/tasks/lease", {"pipelines": list(pipelines), "limit": limit, "wait_s": wait_s}
        )
        assert answer.status_code == 200, answer.text
        return list(answer.json()["tasks"])

    async def renew(self, tasks: Sequence[Any], begun: Sequence[Any] = ()) -> tuple[list[str], int]:
        """Renew leases; return the status of each, and the number of other leases revoked."""
        named = {"leases": tasks, "begun": begun}
        body = {
            name: [task["reply_subject"] for task in of_name] for name, of_name in named.items()
        }
        answer = await self.call("/tasks/renew", body)
        assert answer.status_code == 200, answer.text
        return [lease["status"] for lease in answer.json()["leases"]], answer.json()["revoked"]

    async def release(self, tasks: Sequence[Any], **more: Any) -> int:
        """Give leases back."""
        answer = await self.call(
            "/tasks/release", {"leases": [task["reply_subject"] for task in tasks]} | more
        )
        assert answer.status_code == 200, answer.text
        return int(answer.json()["released"])

    async def post(self, job: int, results: Sequence[Any]) -> list[str]:
        """Post results; answers the status of each."""
        answer = await self.call(f"/jobs/{job}/result", {"results": list(results)})
        assert answer.status_code == 200, answer.text
        return [task["status"] for task in answer.json()["tasks"]]


async def greet(
    field: Field, name: str = "worker-1", token: str | None = None, **said: Any
) -> Greeted:
    """Say hello as a worker of the field's service."""
    token = token or field.worker
    body = {
        "service": "Field worker (host)",
        "name": name,
        "host": "host",
        "pid": 4711,
        "version": "1.2.3",
        "devices": ["cpu"],
        "pipelines": [SLUG],
    } | said
    answer = await field.call("POST", "/workers/hello", body, token)
    assert answer.status_code == 201, answer.text
    return Greeted(field, answer.json()["worker_id"], token)
