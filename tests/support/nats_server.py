"""A real NATS server, and a background process that publishes events to it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import nats
from nats.aio.client import Client

from tests.support.webhook_receiver import SYSTEM, Office
from trapline.server.notifications.actions.nats_subjects import sync_subjects
from trapline.server.notifications.background.deliveries import DeliverySender
from trapline.server.platform.postgres.postgres import find_free_port

PASSWORD = "s3cr3t:/@,"


@dataclass
class NatsServer:
    """A NATS server with a user and a password, and with streams if it has a folder."""

    folder: Path | None = None
    port: int = field(default_factory=find_free_port)
    _process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"nats://trapline:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}"

    async def start(self) -> None:
        program = Path(sys.executable).with_name("nats-server")
        streams = ["-js", "-sd", str(self.folder)] if self.folder else []
        where = ["-a", "127.0.0.1", "-p", str(self.port), "--user", "trapline", "--pass", PASSWORD]
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            program, *where, *streams, stdout=quiet, stderr=quiet
        )
        async with asyncio.timeout(15):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)
                    continue
                writer.close()
                await writer.wait_closed()
                return

    async def connect(self) -> Client:
        address = f"nats://127.0.0.1:{self.port}"
        return await nats.connect(
            address, user="trapline", password=PASSWORD, allow_reconnect=False
        )

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None


@asynccontextmanager
async def running_nats(folder: Path | None = None) -> AsyncIterator[NatsServer]:
    server = NatsServer(folder)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()


@asynccontextmanager
async def publishing(bare: Office, server: NatsServer) -> AsyncIterator[Office]:
    """A background process that is set to publish."""
    await bare.tidy()
    system = replace(bare.system, nats_url=server.url)
    office = Office(system, bare.house, DeliverySender(system))
    await sync_subjects(system, SYSTEM)
    try:
        yield office
    finally:
        await office.deliveries.close()


async def wait_for(office: Office, state: str, many: int) -> None:
    """Deliver until this number of attempted deliveries is in a state."""
    async with asyncio.timeout(15):
        while True:
            [[count]] = await office.sql(
                "select count(*) from webhook_deliveries where state = :state and attempts > 0 "
                "and (state = 'delivered' or last_error is not null)",
                state=state,
            )
            if count == many:
                return
            await office.deliveries.step()
