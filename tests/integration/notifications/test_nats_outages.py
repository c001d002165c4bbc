"""Outages of a real NATS server, and events that it refuses: what is reported, and until when."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.js.api import DiscardPolicy, StreamConfig
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs
from tests.conftest import open_own_system
from tests.support.nats_server import publishing, running_nats, wait_for
from tests.support.project_with_roles import build_house
from tests.support.webhook_receiver import SYSTEM, Office

from trapline.server.app.actions.health import get_health
from trapline.server.notifications.actions import webhooks
from trapline.server.notifications.actions.nats_subjects import sync_subjects
from trapline.server.notifications.background.deliveries import DeliverySender
from trapline.server.notifications.rules.filters import WebhookFilter
from trapline.server.operations.actions.metrics import GaugeReader
from trapline.server.platform.postgres.postgres import Postgres
from trapline.wire.webhooks import NatsState

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bare(
    postgres: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    async with open_own_system(postgres, template, tmp_path_factory.mktemp("store")) as system:
        yield Office(system, await build_house(system, "house"), DeliverySender(system))


async def test_an_outage_is_in_ready_the_metrics_and_the_list_until_the_server_answers(
    bare: Office, tmp_path: Path
) -> None:
    """Also where nothing happens in any project: the background process asks the server."""
    async with running_nats(tmp_path) as server, publishing(bare, server) as office:
        assert await read_outage(office) == ("ok", 1, NatsState(failing_since=None, error=None))
        before = datetime.now(UTC)
        await server.kill()
        await office.deliveries.check_subjects()
        part, up, listed = await read_outage(office)
        assert listed.failing_since is not None
        assert before <= listed.failing_since <= datetime.now(UTC)
        assert (listed.error or "").startswith("the connection to the NATS server failed (")
        since = f"{listed.failing_since:%Y-%m-%d %H:%M:%S} UTC"
        assert part.startswith(f"Unavailable since {since}: {listed.error}. Events wait")
        assert up == 0
        # An event that fails, too, and later checks leave the start of the outage as it is.
        await office.end_job()
        await wait_for(office, "waiting", 1)
        await office.sql(
            "update webhook_deliveries set next_attempt_at = now() + interval '4 hours'"
        )
        await office.deliveries.check_subjects()
        assert (await read_outage(office))[2].failing_since == listed.failing_since
        await server.start()
        await office.deliveries.check_subjects()
        assert await read_outage(office) == ("ok", 1, NatsState(failing_since=None, error=None))
        await wait_for(office, "delivered", 1)
    await sync_subjects(bare.system, SYSTEM)
    assert "nats" not in (await get_health(bare.system)).parts
    page = await webhooks.list_webhooks(
        bare.system, SYSTEM, None, WebhookFilter(), limit=1, cursor=None
    )
    assert page.nats is None


async def test_a_refusal_is_reported_until_an_event_is_published(
    bare: Office, tmp_path: Path
) -> None:
    """A server that answers but takes no event: checks neither end the outage nor retry events."""
    async with running_nats(tmp_path) as server, publishing(bare, server) as office:
        client = await server.connect()
        await create_full_stream(client)
        with capture_logs() as lines:
            await office.end_job()
            await wait_for(office, "waiting", 1)
            refused = await read_outage(office)
            part, up, listed = refused
            assert listed.failing_since is not None
            assert "maximum messages exceeded" in (listed.error or "")
            since = f"{listed.failing_since:%Y-%m-%d %H:%M:%S} UTC"
            assert part.startswith(f"Events refused since {since}: {listed.error}.")
            assert up == 0
            next_attempt = "select attempts, next_attempt_at from webhook_deliveries"
            waiting = await office.sql(next_attempt)
            for _ in range(2):
                await office.deliveries.check_subjects()
                assert await read_outage(office) == refused
                assert await office.sql(next_attempt) == waiting
            await client.jetstream().purge_stream("TRAPLINE_EVENTS")
            await office.deliveries.check_subjects()
            assert await read_outage(office) == refused, "only a published event ends it"
            await office.hurry()
            await wait_for(office, "delivered", 1)
            assert await read_outage(office) == ("ok", 1, NatsState(failing_since=None, error=None))
        levels = [line["log_level"] for line in lines if "NATS" in line["event"]]
        assert levels == ["warning", "info"]
        await client.close()


async def create_full_stream(client: Client) -> None:
    """Create the stream of events with one event in it, and room for no other."""
    stream = StreamConfig(
        name="TRAPLINE_EVENTS", subjects=["trapline.>"], max_msgs=1, discard=DiscardPolicy.NEW
    )
    await client.jetstream().add_stream(stream)
    await client.jetstream().publish("trapline.0.test", b"{}")


async def test_waiting_events_are_due_when_the_connection_is_back_and_a_refusal_is_kept(
    bare: Office, tmp_path: Path
) -> None:
    async with running_nats(tmp_path) as server, publishing(bare, server) as office:
        client = await server.connect()
        await create_full_stream(client)
        await office.end_job()
        await wait_for(office, "waiting", 1)
        _, _, refused = await read_outage(office)
        await client.close()
        await server.kill()
        await office.deliveries.check_subjects()
        part, _, away = await read_outage(office)
        assert part.startswith("Unavailable since ")
        assert away.failing_since == refused.failing_since
        await office.sql(
            "update webhook_deliveries set next_attempt_at = now() + interval '4 hours'"
        )
        await server.start()
        await office.deliveries.check_subjects()
        part, _, back = await read_outage(office)
        assert part.startswith("Events refused since ")
        assert back.failing_since == refused.failing_since
        due = "select next_attempt_at <= clock_timestamp() from webhook_deliveries"
        assert await office.sql(due) == [(True,)]
        client = await server.connect()
        await client.jetstream().purge_stream("TRAPLINE_EVENTS")
        await client.close()
        await wait_for(office, "delivered", 1)
        assert (await read_outage(office))[0] == "ok"


async def test_an_event_of_any_project_ends_a_refusal(bare: Office, tmp_path: Path) -> None:
    """The server takes events again, also where the refused one is given up."""
    async with running_nats(tmp_path) as server, publishing(bare, server) as office:
        other = Office(office.system, await build_house(office.system, "cabin"), office.deliveries)
        await sync_subjects(office.system, SYSTEM)
        client = await server.connect()
        await create_full_stream(client)
        await office.end_job()
        await wait_for(office, "waiting", 1)
        await office.sql("update webhook_deliveries set next_attempt_at = now() + interval '1 day'")
        await client.jetstream().purge_stream("TRAPLINE_EVENTS")
        await client.close()
        await other.end_job()
        await wait_for(office, "delivered", 1)
        assert (await read_outage(office))[0] == "ok"


async def read_outage(office: Office) -> tuple[str, float, NatsState]:
    """Read the state of the NATS server from the readiness, the metric and the list of webhooks."""
    health = await get_health(office.system)
    assert health.status == "ready", "no request depends on NATS"
    families = text_string_to_metric_families((await GaugeReader().read(office.system)).decode())
    [up] = [
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == "trapline_nats_up"
    ]
    page = await webhooks.list_webhooks(
        office.system, SYSTEM, office.project, WebhookFilter(), limit=1, cursor=None
    )
    assert page.nats is not None
    return health.parts["nats"], up, page.nats
