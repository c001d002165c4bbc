"""Events on a real NATS server: with and without streams, and without loss during outages."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg
from structlog.testing import capture_logs
from tests.conftest import open_own_system
from tests.support.file_servers import make_certificate
from tests.support.nats_server import NatsServer, publishing, running_nats, wait_for
from tests.support.project_with_roles import build_house
from tests.support.webhook_receiver import SYSTEM, Office

from trapline.server.notifications.actions import webhooks
from trapline.server.notifications.actions.nats_subjects import sync_subjects
from trapline.server.notifications.background.deliveries import DeliverySender
from trapline.server.notifications.nats_publisher import NatsPublisher
from trapline.server.notifications.rules.filters import WebhookFilter
from trapline.server.platform.errors import NotFound, OutboundFailed
from trapline.server.platform.network.nats_connection import NatsFiles
from trapline.server.platform.postgres.postgres import Postgres, find_free_port
from trapline.server.projects.actions import project_deletion, projects
from trapline.wire.projects import NewProject

pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def listening(server: NatsServer) -> AsyncIterator[tuple[Client, list[Msg]]]:
    """Hear everything that is published."""
    client, heard = await server.connect(), []

    async def hear(message: Msg) -> None:
        heard.append(message)

    await client.subscribe("trapline.>", cb=hear)
    await client.flush()
    try:
        yield client, heard
    finally:
        await client.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(
    postgres: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    async with open_own_system(postgres, template, tmp_path_factory.mktemp("store")) as system:
        yield Office(system, await build_house(system, "house"), DeliverySender(system))


async def test_webhook_events_are_published_to_nats(bare: Office) -> None:
    async with (
        running_nats() as server,
        listening(server) as (_, heard),
        publishing(bare, server) as office,
    ):
        await office.end_job()
        await office.work_until("the event", lambda: len(heard) == 1)
        await office.add_images(2)
        await office.work_until("the images", lambda: len(heard) == 2)
        subjects = [
            f"trapline.{office.project}.{kind}" for kind in ("job.completed", "image.created")
        ]
        assert [one.subject for one in heard] == subjects
        told = json.loads(heard[0].data)
        assert (told["type"], told["data"]["state"]) == ("job.completed", "completed")
        assert set(told) == {"type", "timestamp", "data"}
        [[delivery]] = await office.sql(
            "select id from webhook_deliveries where event_type = 'job.completed'"
        )
        assert (heard[0].headers or {})["Nats-Msg-Id"] == str(delivery)
        made = await projects.create_project(office.system, SYSTEM, NewProject(name="new"))
        [[count]] = await office.sql(
            "select count(*) from webhooks where project_id = :id", id=made.id
        )
        assert count == 1, "also the first event of a new project"


async def test_a_stream_keeps_events_and_none_is_lost_while_the_server_is_away(
    bare: Office, tmp_path: Path
) -> None:
    async with running_nats(tmp_path) as server, publishing(bare, server) as office:
        await office.end_job("completed")
        await wait_for(office, "delivered", 1)
        await server.kill()
        await wait_until_noticed(office)
        await office.end_job("failed")
        await wait_for(office, "waiting", 1)
        [[error]] = await office.sql(
            "select last_error from webhook_deliveries where state = 'waiting'"
        )
        assert error.startswith("the connection to the NATS server failed")
        assert "s3cr3t" not in error
        # A receiver that is silent for days is switched off; the operator's own server is not.
        await office.sql("update webhooks set failing_since = now() - interval '6 days'")
        await office.sql("update webhook_deliveries set last_error = null where state = 'waiting'")
        await office.hurry()
        await wait_for(office, "waiting", 1)
        await server.start()
        await office.hurry()
        await wait_for(office, "delivered", 2)
        # As after a process that died between the server's answer and its note.
        await office.sql("update webhook_deliveries set state = 'waiting', next_attempt_at = now()")
        await wait_for(office, "delivered", 2)
        client = await server.connect()
        info = await client.jetstream().stream_info("TRAPLINE_EVENTS")
        first = await client.jetstream().get_msg("TRAPLINE_EVENTS", 1)
        await client.close()
        assert info.state.messages == 2, "the same event again is known by its id"
        assert first.subject == f"trapline.{office.project}.job.completed"


async def wait_until_noticed(office: Office) -> None:
    """Wait until the broken connection is known.

    An earlier event waits as long as possible for its response.
    """
    subjects = office.deliveries._subjects
    assert subjects is not None
    async with asyncio.timeout(15):
        while subjects._client is not None and subjects._client.is_connected:
            await asyncio.sleep(0.01)


async def test_nobody_sees_the_row_and_without_the_setting_nothing_is_written(bare: Office) -> None:
    async with running_nats() as server, publishing(bare, server) as office:
        [[key]] = await office.sql(
            "select id from webhooks where project_id = :id", id=office.project
        )
        with pytest.raises(NotFound):
            await webhooks.get_webhook(office.system, SYSTEM, key)
        every = WebhookFilter()
        page = await webhooks.list_webhooks(
            office.system, SYSTEM, office.project, every, limit=10, cursor=None
        )
        assert page.results == []
        assert "s3cr3t" not in repr(office.system)
    await sync_subjects(bare.system, SYSTEM)
    await bare.end_job()
    assert await bare.sql("select 1 from webhook_deliveries") == []


async def test_a_deleted_project_publishes_nothing(bare: Office) -> None:
    await bare.tidy()
    system = replace(bare.system, nats_url="nats://127.0.0.1:1")
    is_on = "select is_active from webhooks where project_id = :project"
    await sync_subjects(system, SYSTEM)
    await project_deletion.delete_project(system, SYSTEM, bare.project, "house")
    await sync_subjects(system, SYSTEM)
    assert await bare.sql(is_on, project=bare.project) == [(False,)]
    await bare.end_job()
    assert await bare.sql("select 1 from webhook_deliveries") == []
    await project_deletion.restore_project(system, SYSTEM, bare.project)
    assert await bare.sql(is_on, project=bare.project) == [(True,)]


async def test_a_server_that_is_away_is_logged_once_and_so_is_its_return() -> None:
    async with running_nats() as server:
        await server.kill()
        subjects = NatsPublisher(server.url)
        with capture_logs() as lines:
            for _ in range(3):
                with pytest.raises(OutboundFailed):
                    await subjects.publish("trapline.1.job.completed", "1", b"{}")
            await server.start()
            for number in range(2):
                await subjects.publish("trapline.1.job.completed", str(number), b"{}")
        await subjects.close()
    assert [line["log_level"] for line in lines] == ["warning", "info"]
    assert "NATS server is unavailable" in lines[0]["event"]
    assert lines[1]["event"] == "the NATS server answers again"


async def test_a_certificate_that_is_not_trusted_is_reported_as_such(tmp_path: Path) -> None:
    # One file holds the certificate and its key.
    shown = str(make_certificate(tmp_path).path)
    port = find_free_port()
    program = Path(sys.executable).with_name("nats-server")
    encrypted = ["--tls", "--tlscert", shown, "--tlskey", shown]
    quiet = asyncio.subprocess.DEVNULL
    where = ["-a", "127.0.0.1", "-p", str(port)]
    process = await asyncio.create_subprocess_exec(
        program, *where, *encrypted, stdout=quiet, stderr=quiet
    )
    subjects = NatsPublisher(f"tls://127.0.0.1:{port}")
    try:
        async with asyncio.timeout(15):
            while not await asyncio.to_thread(is_open, port):
                await asyncio.sleep(0.02)
        with pytest.raises(OutboundFailed, match="certificate of the NATS server is not trusted"):
            await subjects.publish("trapline.1.job.completed", "1", b"{}")
    finally:
        await subjects.close()
        process.kill()
        await process.wait()


async def test_a_private_ca_and_a_client_certificate_are_used(tmp_path: Path) -> None:
    shown = make_certificate(tmp_path).path
    port = find_free_port()
    program = Path(sys.executable).with_name("nats-server")
    files = ["--tlscert", str(shown), "--tlskey", str(shown), "--tlscacert", str(shown)]
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        program,
        "-a",
        "127.0.0.1",
        "-p",
        str(port),
        "--tlsverify",
        *files,
        stdout=quiet,
        stderr=quiet,
    )
    url = f"tls://127.0.0.1:{port}"
    known = NatsPublisher(url, NatsFiles(ca=shown, certificate=shown))
    unknown = NatsPublisher(url, NatsFiles(ca=shown))
    try:
        async with asyncio.timeout(15):
            while not await asyncio.to_thread(is_open, port):
                await asyncio.sleep(0.02)
        await known.publish("trapline.1.job.completed", "1", b"{}")
        with pytest.raises(OutboundFailed, match="connection to the NATS server failed"):
            await unknown.check()
    finally:
        await known.close()
        await unknown.close()
        process.kill()
        await process.wait()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
