"""Webhooks: events, receivers and signatures; no event is lost, and no receiver delays another."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from tests.conftest import open_own_system
from tests.support.api_application import application_of
from tests.support.loopback_policy import allow_origins
from tests.support.project_with_roles import House, build_house
from tests.support.webhook_receiver import SYSTEM, Office, Receiver, running_receiver, status

from trapline.server.app.http.application import wrap_middleware
from trapline.server.notifications.actions import deliveries, webhooks
from trapline.server.notifications.actions.deliveries import claim_due
from trapline.server.notifications.background.deliveries import DeliverySender
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import AddressNotAllowed
from trapline.server.platform.postgres.postgres import Postgres
from trapline.wire.webhooks import EventType, WebhookUpdate

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def grounds(
    postgres: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[AppContext, House]]:
    """One database for all of these: each webhook begins with nothing."""
    async with open_own_system(postgres, template, tmp_path_factory.mktemp("store")) as system:
        yield system, await build_house(system, "house")


@pytest_asyncio.fixture(loop_scope="module")
async def receiver() -> AsyncIterator[Receiver]:
    async with running_receiver() as receiver:
        yield receiver


@pytest_asyncio.fixture(loop_scope="module")
async def office(grounds: tuple[AppContext, House], receiver: Receiver) -> AsyncIterator[Office]:
    own = allow_origins(("127.0.0.1", receiver.port))
    system = replace(grounds[0], outbound=own)
    office = Office(system, grounds[1], DeliverySender(system))
    await office.tidy()
    yield office
    await office.deliveries.close()


async def test_an_event_is_delivered_once_with_a_signature_that_holds(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.add(receiver.url, name="ours")
    await office.end_job()
    await office.work_until("a delivery", lambda: len(receiver.received) == 1)
    for _ in range(3):
        await office.deliveries.step()
    [got] = receiver.received
    [entry] = await office.log(webhook.id)
    assert got.is_signed_by(webhook.secret)
    assert not got.is_signed_by("whsec_" + "A" * 43 + "=")
    assert got.header("webhook-id") == str(entry.id)
    message = got.told()
    assert set(message) == {"type", "timestamp", "data"}
    assert message["type"] == "job.completed"
    assert datetime.fromisoformat(message["timestamp"]) == entry.created_at
    assert message["data"] == {
        "project_id": office.project, "id": int(office.house.ids["job_id"]), "state": "completed",
        "move": 1,
        "open": 1, "completed": 0, "failed": 0,
    }  # fmt: skip
    assert (entry.state, entry.attempts, entry.last_status, entry.last_error) == (
        "delivered",
        1,
        204,
        None,
    )


async def test_every_kind_of_event_is_told(office: Office, receiver: Receiver) -> None:
    webhook = await office.add(receiver.url, analyses_of_jobs=True)
    ids = office.house.ids
    moves = ["new", "queued", "processing", "completed", "queued", "failed", "queued", "canceled"]
    for before, state in itertools.pairwise(moves):
        await office.end_job(state, before)
    await office.sql("update analyses set state = 'completed'")
    await office.sql("update analyses set state = 'failed'")
    await office.sql("update pull_sources set consecutive_failures = 1")
    await office.sql("update pull_sources set consecutive_failures = 2")
    await office.sql("update pull_sources set consecutive_failures = 0")
    await office.sql("update pull_runs set state = 'running'")
    await office.sql("update pull_runs set state = 'completed', imported = 3")
    await office.sql("update workers set last_contact_at = now() - interval '2 minutes'")
    await deliveries.record_silent_workers(office.system, SYSTEM)
    await deliveries.record_silent_workers(office.system, SYSTEM)
    await office.sql("update workers set last_contact_at = now()")
    await deliveries.record_silent_workers(office.system, SYSTEM)
    await office.sql("update workers set ended_at = now(), ended_why = 'evicted'")
    await office.add_images(1)
    await office.work_until(
        "all of them", lambda: set(receiver.types()) == {kind.value for kind in EventType}
    )
    told = [(one.told()["type"], one.told()["data"]) for one in receiver.received]
    names = sorted(kind for kind, _ in told)
    assert names == sorted([*EventType, EventType.JOB_QUEUED, EventType.JOB_QUEUED]), (
        "each as often as it happened"
    )
    data: dict[str, Any] = dict(told)
    assert data["source.run.completed"]["imported"] == 3
    assert data["source.failing"] == {
        "project_id": office.project,
        "id": ids["source_id"],
        "state": "failing",
    }
    assert data["worker.offline"]["why"] == "silent"
    assert data["worker.evicted"] == {
        "project_id": office.project, "id": ids["worker_id"], "state": "evicted", "why": "evicted",
    }  # fmt: skip
    assert data["analysis.failed"]["job_id"] == int(ids["job_id"])
    assert all(entry.state == "delivered" for entry in await office.log(webhook.id))


async def test_images_are_told_of_together(office: Office, receiver: Receiver) -> None:
    await office.add(receiver.url, event_types=[EventType.IMAGE_CREATED])
    for many in (120, 1, 1):
        await office.add_images(many)
    await office.work_until("a delivery", lambda: len(receiver.received) == 1)
    data = receiver.received[0].told()["data"]
    assert (data["count"], len(data["ids"])) == (122, 100)
    known = {str(row[0]) for row in await office.sql("select id from images")}
    assert set(data["ids"]) <= known
    assert await office.sql("select 1 from webhook_deliveries where state <> 'delivered'") == []


async def test_no_image_is_forgotten_while_others_are_told_of(
    office: Office, receiver: Receiver
) -> None:
    well = await office.add(receiver.url)
    office.allow(Receiver(port=1))
    sick = await office.add("http://127.0.0.1:1/")
    for _ in range(3):
        await asyncio.gather(
            *[office.add_images(many) for many in (1, 2, 3, 1)], office.deliveries.step()
        )
        await asyncio.sleep(0.5)
    counted = (
        "select coalesce(sum((data->>'count')::int), 0) from webhook_deliveries where webhook_id = "
        ":id "
        "and event_type = 'image.created'"
    )
    await office.work_until("all are told", lambda: receiver.count_images() == 21)
    for webhook in (well, sick):
        assert [row[0] for row in await office.sql(counted, id=webhook.id)] == [21]


async def test_a_webhook_is_told_only_what_it_asked_for(office: Office, receiver: Receiver) -> None:
    await office.add(receiver.url, event_types=["job.failed"])
    off = await office.add(receiver.url)
    await webhooks.update_webhook(office.system, SYSTEM, off.id, WebhookUpdate(is_active=False))
    await office.end_job("completed")
    await office.sql("update analyses set state = 'completed'")
    await office.sql("update analyses set state = 'failed'")
    await office.end_job("failed")
    await office.work_until("the delivery", lambda: bool(receiver.received))
    assert receiver.types() == ["job.failed"]
    assert await office.log(off.id) == []


async def test_rolled_back_changes_send_no_event(office: Office) -> None:
    webhook = await office.add("https://receiver.example/")
    with suppress(RuntimeError):
        async with office.system.database.transaction(SYSTEM) as tx:
            await tx.execute("update pull_sources set consecutive_failures = 1")
            written = await (await tx.execute("select count(*) from webhook_deliveries")).fetchone()
            raise RuntimeError
    assert written == (1,), "it is written in the same transaction"
    assert await office.log(webhook.id) == []


async def test_a_receiver_that_was_away_gets_the_same_event_later(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.add(receiver.url)
    await receiver.stop()
    await office.end_job()
    await office.deliveries.step()
    entry = await office.first_attempt(webhook.id)
    assert (entry.state, entry.attempts) == ("waiting", 1)
    assert "no connection to 127.0.0.1" in str(entry.last_error)
    assert entry.next_attempt_at is not None
    assert entry.next_attempt_at > datetime.now(UTC) + timedelta(seconds=2)
    assert (await webhooks.get_webhook(office.system, SYSTEM, webhook.id)).failing_since is not None
    await receiver.start()
    await office.hurry()
    await office.work_until("the delivery", lambda: bool(receiver.received))
    [entry] = await office.wait_for_state(webhook.id, "delivered")
    assert (entry.attempts, str(entry.id)) == (2, receiver.received[0].header("webhook-id"))
    assert (await webhooks.get_webhook(office.system, SYSTEM, webhook.id)).failing_since is None


async def test_a_slow_receiver_delays_no_other(office: Office, receiver: Receiver) -> None:
    async with running_receiver(slow=30) as slow:
        office.allow(slow)
        await office.add(slow.url)
        await office.add(receiver.url)
        for _ in range(12):
            await office.end_job()
        processes = [DeliverySender(office.system) for _ in range(3)]
        async with asyncio.timeout(15):
            while len(receiver.received) < 12:
                await asyncio.gather(*[one.step() for one in processes])
        assert 0 < len(slow.received) <= 4, (
            "it is asked for a few at a time, by all of them together"
        )
        for process in processes:
            for task in process._current:
                task.cancel()
            await process.close()


async def test_two_processes_share_and_one_that_died_is_replaced(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.add(receiver.url)
    for _ in range(20):
        await office.end_job()
    # Processes that look at the same moment take some, and die before they have sent anything.
    lots = await asyncio.gather(
        *[claim_due(office.system, SYSTEM, 1, publishes=False) for _ in range(3)]
    )
    assert len({taken.id for lot in lots for taken in lot}) == sum(map(len, lots)) == 3
    other = DeliverySender(office.system)
    async with asyncio.timeout(15):
        while await office.deliveries.step() or await other.step():
            pass
    assert len(receiver.received) == 17
    await office.hurry()
    await office.work_until("the rest", lambda: len(receiver.received) == 20)
    assert len({one.header("webhook-id") for one in receiver.received}) == 20
    await office.wait_for_state(webhook.id, "delivered")
    await other.close()


async def test_redirects_are_not_followed(office: Office, receiver: Receiver) -> None:
    async with running_receiver() as canary:
        office.allow(canary)
        webhook = await office.add(receiver.url)
        receiver.answer = status("307 Temporary Redirect", f"Location: {canary.url}")
        done = await webhooks.ping_webhook(office.system, SYSTEM, webhook.id)
        assert (done.state, done.last_status) == ("failed", 307)
        assert "which is not followed" in str(done.last_error)
        assert canary.received == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
async def test_private_addresses_are_refused(office: Office, host: str) -> None:
    async with running_receiver() as canary:
        webhook = await office.add("https://receiver.example/")
        url = f"http://{host}:{canary.port}/"
        if host != "localhost":  # a name is looked up when it is called
            with pytest.raises(AddressNotAllowed, match="Nothing was changed"):
                await office.add(url)
        await office.sql("update webhooks set url = :url", url=url)
        await office.end_job()
        done = await webhooks.ping_webhook(office.system, SYSTEM, webhook.id)
        assert "which Trapline may not connect to" in str(done.last_error)
        await office.deliveries.step()
        assert canary.received == []


@pytest.mark.parametrize(
    "url", ["ftp://receiver.example/", "http://u:p@receiver.example/", "receiver", "http:///x"]
)
async def test_addresses_that_are_never_taken_are_refused_at_once(office: Office, url: str) -> None:
    with pytest.raises(AddressNotAllowed):
        await office.add(url)
    webhook = await office.add("https://receiver.example/")
    with pytest.raises(AddressNotAllowed):
        await webhooks.update_webhook(office.system, SYSTEM, webhook.id, WebhookUpdate(url=url))


async def test_over_http_the_secret_is_told_once(office: Office) -> None:
    transport = httpx2.ASGITransport(wrap_middleware(application_of(office.system)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://trapline.test") as client:
        await use_over_http(client, office)


async def use_over_http(app_client: httpx2.AsyncClient, office: Office) -> None:
    app_client.headers["Authorization"] = f"Bearer {office.house.tokens['owner']}"
    body = {
        "project": office.project,
        "url": "https://receiver.example/hook",
        "event_types": ["job.failed"],
    }
    made = await app_client.post("/api/v2/webhooks", json=body, headers={"Idempotency-Key": "once"})
    assert made.status_code == 201, made.text
    again = await app_client.post(
        "/api/v2/webhooks", json=body, headers={"Idempotency-Key": "once"}
    )
    assert again.json() == made.json()
    secret, path = made.json()["secret"], made.headers["Location"]
    rotated = await app_client.post(f"{path}/rotate-secret")
    seen = [
        await app_client.get(where) for where in (path, "/api/v2/webhooks", f"{path}/deliveries")
    ]
    assert [one.status_code for one in seen] == [200, 200, 200]
    assert not any(
        kept in one.text for one in seen for kept in (secret, rotated.json()["secret"], "whsec_")
    )
    kept = await office.sql("select convert_from(answer, 'UTF8') from idempotency_keys")
    assert not any("whsec_" in row[0] for row in kept)
    etag = seen[0].headers["ETag"]
    changed = await app_client.patch(path, json={"name": "x"}, headers={"If-Match": etag})
    assert (changed.status_code, changed.json()["event_types"]) == (200, ["job.failed"])
    assert (
        await app_client.patch(path, json={"name": "y"}, headers={"If-Match": etag})
    ).status_code == 412
    for wrong in ({"url": None}, {"event_types": ["job.exploded"]}, {"is_active": None}):
        assert (await app_client.patch(path, json=wrong)).status_code == 422
    app_client.headers["Authorization"] = f"Bearer {office.house.tokens['viewer']}"
    assert (await app_client.get(path)).status_code == 403
    assert (await app_client.get("/api/v2/webhooks")).json()["results"] == []
