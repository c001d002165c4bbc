"""Receivers of webhooks over real HTTP, and a project whose events they receive."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import text

from tests.support.loopback_policy import allow_origins
from tests.support.project_with_roles import House
from trapline.server.notifications.actions import webhooks
from trapline.server.notifications.background.deliveries import DeliverySender
from trapline.server.notifications.rules.filters import DeliveryFilter
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.network.outbound_policy import OutboundPolicy
from trapline.server.platform.webhook_signatures import parse_headers, verify_signature
from trapline.wire.webhooks import CreatedWebhook, Delivery, NewWebhook, Webhook

SYSTEM = Scope.system()
OK = b"HTTP/1.1 204 No Content\r\n\r\n"


def status(line: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join(
        [f"HTTP/1.1 {line}", *headers, f"Content-Length: {len(body)}", "", body]
    ).encode()


@dataclass(frozen=True)
class Received:
    """One request as a receiver saw it."""

    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: str) -> str:
        return dict(self.headers)[name.encode()].decode()

    def told(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.body)
        return message

    def is_signed_by(self, *secrets: str) -> bool:
        claimed = parse_headers(self.headers, time.time())
        return not isinstance(claimed, str) and verify_signature(claimed, secrets, self.body)


@dataclass
class Receiver:
    """A server that records requests and returns a configured response, after `slow` seconds."""

    answer: bytes = OK
    slow: float = 0
    port: int = 0
    received: list[Received] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._open:
                writer.close()
            await self._server.wait_closed()
            self._server = None

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                pairs = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2]]
                headers = [(name.lower(), value) for name, value in pairs]
                body = await reader.readexactly(int(dict(headers)[b"content-length"]))
                self.received.append(Received(headers, body))
                await asyncio.sleep(self.slow)
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def count_images(self) -> int:
        return sum(one.told()["data"]["count"] for one in self.received)

    def types(self) -> list[str]:
        return [one.told()["type"] for one in self.received]


@asynccontextmanager
async def running_receiver(answer: bytes = OK, slow: float = 0) -> AsyncIterator[Receiver]:
    receiver = Receiver(answer, slow)
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.stop()


@dataclass
class Office:
    """A project, the deliveries of one background process, and what is known of both."""

    system: AppContext
    house: House
    deliveries: DeliverySender

    @property
    def project(self) -> int:
        return int(self.house.ids["project_id"])

    def allow(self, *receivers: Receiver) -> None:
        """Allow connections to more receivers, in addition to the present one."""
        more = allow_origins(*[("127.0.0.1", one.port) for one in receivers]).allowed_networks
        known = self.system.outbound.allowed_networks
        self.system = replace(
            self.system, outbound=OutboundPolicy(allowed_networks=(*known, *more))
        )
        self.deliveries = DeliverySender(self.system)

    async def add(self, url: str, **more: Any) -> CreatedWebhook:
        return await webhooks.create_webhook(
            self.system, SYSTEM, NewWebhook(project=self.project, url=url, **more)
        )

    async def log(self, webhook: UUID) -> list[Delivery]:
        return (
            await webhooks.list_deliveries(
                self.system, SYSTEM, webhook, DeliveryFilter(), 1000, None
            )
        ).results

    async def sql(self, query: str, **parameters: Any) -> Any:
        async with self.system.database.transaction(SYSTEM) as tx:
            done: Any = await tx.session.execute(text(query), parameters)
            return done.all() if done.returns_rows else None

    async def end_job(self, state: str = "completed", before: str = "processing") -> None:
        """Let the job of the house end, as far as its history says."""
        await self.sql(
            "insert into job_moves (job_id, number, project_id, from_state, to_state, actor) "
            "select :job, "
            "coalesce(max(number), 0) + 1, :project, :before, :state, 'test' from job_moves where "
            "job_id = :job",
            job=int(self.house.ids["job_id"]), project=self.project, before=before, state=state,
        )  # fmt: skip

    async def first_attempt(self, webhook: UUID) -> Delivery:
        """Deliver until an attempt at the newest event has ended, without success."""
        async with asyncio.timeout(15):
            while (entry := (await self.log(webhook))[0]).last_error is None:
                await self.deliveries.step()
        return entry

    async def wait_until_off(self, webhook: UUID) -> Webhook:
        """Deliver until a webhook is switched off."""
        async with asyncio.timeout(15):
            while (shown := await webhooks.get_webhook(self.system, SYSTEM, webhook)).is_active:
                await self.deliveries.step()
        return shown

    async def hurry(self) -> None:
        """Let the time pass until everything that waits is due."""
        await self.sql(
            "update webhook_deliveries set next_attempt_at = now(), taken_until = null where state "
            "= 'waiting'"
        )

    async def work_until(self, what: str, happened: Callable[[], bool]) -> None:
        """Deliver until this has happened."""
        deadline = time.monotonic() + 15
        while not happened():
            assert time.monotonic() < deadline, f"never: {what}"
            if not await self.deliveries.step():
                await asyncio.sleep(0.02)

    async def tidy(self) -> None:
        """Delete every webhook and every event."""
        await self.deliveries.close()
        await self.sql("delete from webhooks")
        await self.sql("delete from job_moves")
        await self.sql("update analyses set state = 'processing'")

    async def add_images(self, many: int) -> None:
        await self.sql(
            """
            insert into images (id, project_id, deployment_id, sha256, size_bytes, media_type,
            filename, width, height,
                orientation, storage_key, captured_at, captured_at_source, time_zone,
                clock_offset_s, flags, exif,
                reviewed)
            select gen_random_uuid(), project_id, deployment_id,
            sha256(gen_random_uuid()::text::bytea), 1, media_type,
                filename, width, height, 1, storage_key, captured_at, captured_at_source,
                time_zone, 0, '{}', '{}',
                false
            from images, generate_series(1, :many) where id = :image
            """,
            many=many, image=UUID(self.house.ids["image_id"]),
        )  # fmt: skip

    async def wait_for_state(self, webhook: UUID, state: str) -> list[Any]:
        deadline = time.monotonic() + 10
        while any(one.state != state for one in await self.log(webhook)):
            assert time.monotonic() < deadline, await self.log(webhook)
            await self.deliveries.step()
        return await self.log(webhook)
