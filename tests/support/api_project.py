"""A project with images, a registered pipeline, and workers that call the API without a socket."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import insert
from uuid_utils.compat import uuid7

from tests.support.adc_client import PIPELINE, find_on
from tests.support.api_application import application_of
from trapline.server.accounts.actions.tokens import create_token
from trapline.server.accounts.queries.accounts import MemberRow, UserRow
from trapline.server.app.http.application import wrap_middleware
from trapline.server.images.queries.deployments import DeploymentRow
from trapline.server.images.queries.images import ImageRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Database
from trapline.server.projects.queries.projects import ProjectRow
from trapline.server.queue.actions import jobs, queue_maintenance
from trapline.server.queue.queries.lease_cache import LeaseCache
from trapline.wire.auth import NewToken, Role, TokenKind

SYSTEM = Scope.system()
SLUG = "field-pipeline"


@dataclass
class Field:
    """A project, its images, and its owner's and workers' tokens."""

    system: AppContext
    client: httpx2.AsyncClient
    project: int
    owner: str
    worker: str
    user_id: UUID
    images: list[UUID] = field(default_factory=list)

    async def call(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> httpx2.Response:
        """Call the API as the owner, or with another token."""
        headers = {"Authorization": f"Token {token or self.owner}"}
        return await self.client.request(method, f"/api/v2{path}", json=body, headers=headers)

    async def register(self, **changes: Any) -> dict[str, Any]:
        """Register the field pipeline."""
        body = {"processing_service_name": "Field worker (host)", "pipelines": [PIPELINE | changes]}
        answer = await self.call("POST", f"/projects/{self.project}/pipelines/", body, self.worker)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def run_job(self, **asked: Any) -> int:
        """Ask for a job and put its images into the line, as the background process would."""
        body = {"project": self.project, "pipeline": SLUG} | asked
        answer = await self.call("POST", "/jobs", body)
        assert answer.status_code == 201, answer.text
        job = int(answer.json()["id"])
        await jobs.expand_job(self.system, SYSTEM, job)
        return job

    async def show(self, job: int) -> dict[str, Any]:
        """Show a job."""
        answer = await self.call("GET", f"/jobs/{job}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def claim(self, token: str | None = None, **query: str) -> list[int]:
        """Ask as workers do which jobs have something to lease."""
        params = {
            "pipeline__slug__in": SLUG,
            "ids_only": "1",
            "incomplete_only": "1",
            "dispatch_mode": "async_api",
        }
        headers = {"Authorization": f"Token {token or self.worker}"}
        answer = await self.client.get("/api/v2/jobs", params=params | query, headers=headers)
        assert answer.status_code == 200, answer.text
        return [job["id"] for job in answer.json()["results"]]

    async def lease(
        self, job: int, count: int = 8, token: str | None = None
    ) -> list[dict[str, Any]]:
        """Lease some tasks."""
        answer = await self.call(
            "POST", f"/jobs/{job}/tasks/", {"batch_size": count}, token or self.worker
        )
        assert answer.status_code == 200, answer.text
        return list(answer.json()["tasks"])

    async def expire(self) -> None:
        """Let all leases run out, and the reaper come by."""
        await self.change(
            "update analyses set deadline = now() - interval '1 h' where state = 'processing'"
        )
        await self.change("update holders set last_contact_at = now() - interval '1 h'")
        await queue_maintenance.requeue_expired_leases(self.system, SYSTEM)

    async def skip_waits(self) -> None:
        """Let every wait after an error be over."""
        await self.change(
            "update analyses set not_before = now() - interval '1 h' where not_before is not null"
        )

    async def lease_all(self, job: int, token: str | None = None) -> list[dict[str, Any]]:
        """Lease until there is nothing left."""
        found: list[dict[str, Any]] = []
        while tasks := await self.lease(job, 100, token):
            found += tasks
        return found

    async def post(self, job: int, results: Sequence[Any], token: str | None = None) -> list[str]:
        """Post results; answers the status of each."""
        answer = await self.call(
            "POST", f"/jobs/{job}/result/", {"results": list(results)}, token or self.worker
        )
        assert answer.status_code == 200, answer.text
        return [task["status"] for task in answer.json()["tasks"]]

    async def make_worker(self) -> str:
        """Make another worker's token."""
        scope = Scope(
            actor=f"user:{self.user_id}", user_id=self.user_id, roles={self.project: Role.OWNER}
        )
        return (
            await create_token(self.system, scope, NewToken(name="w", kind=TokenKind.WORKER))
        ).token

    async def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the database."""
        async with self.system.database.transaction(SYSTEM) as tx:
            return list(await (await tx.execute(query, parameters or None)).fetchall())

    async def change(self, query: str, *parameters: Any) -> None:
        """Change the database, as time or another process would."""
        async with self.system.database.transaction(SYSTEM) as tx:
            await tx.execute(query, parameters or None)
        self.system.part(LeaseCache).clear_callers()

    async def counters(self, job: int) -> tuple[str, int, int, int]:
        """A job's state and its counters: open, completed, failed."""
        [row] = await self.ask(
            "select status, open, completed, failed from jobs where id = %s", job
        )
        return row[0], row[1], row[2], row[3]

    async def count_rows(self, job: int) -> tuple[int, int, int]:
        """The same counters, counted from the rows."""
        [row] = await self.ask(
            """
            select count(*) filter (where state in ('queued', 'processing')),
                count(*) filter (where state = 'completed'),
                count(*) filter (where state = 'failed')
            from analyses where job_id = %s
            """,
            job,
        )
        return row[0], row[1], row[2]


def success(task: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The result of a task: one box with one classification."""
    return {"reply_subject": task["reply_subject"], "result": find_on(task) | changes}


def failure(task: dict[str, Any], error: str = "failed to load image") -> dict[str, Any]:
    """The result of a task that went wrong."""
    return {
        "reply_subject": task["reply_subject"],
        "result": {"error": error, "image_id": task["image_id"]},
    }


async def add_images(database: Database, project: int, deployment: UUID, count: int) -> list[UUID]:
    """Add images of 200 x 100 pixels, without any bytes behind them."""
    start = datetime(2026, 6, 1, tzinfo=UTC)
    rows: list[dict[str, Any]] = []
    ids = [uuid7() for _ in range(count)]
    for number, key in enumerate(ids):
        rows.append(
            {
                "id": key,
                "project_id": project,
                "deployment_id": deployment,
                "sha256": hashlib.sha256(key.bytes).digest(),
                "size_bytes": 1,
                "media_type": "image/jpeg",
                "filename": f"{number:06}.jpg",
                "width": 200,
                "height": 100,
                "storage_key": f"originals/{project}/aa/{key.hex}",
                "captured_at": start + timedelta(minutes=number),
                "captured_at_source": "exif",
                "time_zone": "UTC",
            }
        )
    async with database.transaction(SYSTEM) as tx:
        for first in range(0, count, 1000):
            await tx.session.execute(insert(ImageRow), rows[first : first + 1000])
    return ids


async def make_field(system: AppContext, images: int = 3, name: str = "field") -> Field:
    """Make a field with a registered pipeline."""
    async with system.database.transaction(SYSTEM) as tx:
        project = ProjectRow(name=name)
        user = UserRow(email=f"{name}@field.example")
        tx.session.add_all([project, user])
        await tx.session.flush()
        deployment = DeploymentRow(project_id=project.id, name="camera", is_default=True)
        tx.session.add_all(
            [MemberRow(project_id=project.id, user_id=user.id, role=Role.OWNER.value), deployment]
        )
        await tx.session.flush()
        ids = (project.id, user.id, deployment.id)
    scope = Scope(actor=f"user:{ids[1]}", user_id=ids[1], roles={ids[0]: Role.OWNER})
    owner = await create_token(system, scope, NewToken(name="owner"))
    worker = await create_token(system, scope, NewToken(name="worker", kind=TokenKind.WORKER))
    transport = httpx2.ASGITransport(wrap_middleware(application_of(system)))
    client = httpx2.AsyncClient(transport=transport, base_url="http://trapline.test")
    made = Field(system, client, ids[0], owner.token, worker.token, ids[1])
    made.images = await add_images(system.database, ids[0], ids[2], images)
    await made.register()
    return made
