"""Webhooks that are switched off, secrets that change, and deleted webhooks."""

import asyncio
from datetime import UTC, datetime

import pytest
from tests.integration.notifications.test_webhooks import grounds, office, receiver
from tests.support.webhook_receiver import OK, SYSTEM, Office, Receiver, status

from trapline.server.notifications.actions import deliveries, webhooks
from trapline.server.platform.errors import Conflict, NotFound
from trapline.wire.webhooks import WebhookUpdate

__all__ = ["grounds", "office", "receiver"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_receiver_that_is_gone_is_switched_off(office: Office, receiver: Receiver) -> None:
    webhook = await office.add(receiver.url)
    receiver.answer = status("410 Gone", body="bye")
    await office.end_job()
    await office.work_until("the attempt", lambda: bool(receiver.received))
    shown = await office.wait_until_off(webhook.id)
    assert "410" in str(shown.disabled_reason)
    [entry] = await office.log(webhook.id)
    assert (entry.state, entry.last_status) == ("waiting", 410)
    with pytest.raises(Conflict):
        await webhooks.replay_delivery(office.system, SYSTEM, webhook.id, entry.id)
    await office.hurry()
    await office.deliveries.step()
    assert len(receiver.received) == 1
    receiver.answer = OK
    shown = await webhooks.update_webhook(
        office.system, SYSTEM, webhook.id, WebhookUpdate(is_active=True)
    )
    assert (shown.disabled_reason, shown.failing_since) == (None, None)
    await office.work_until("what waited", lambda: len(receiver.received) == 2)


async def test_a_receiver_may_ask_for_time(office: Office, receiver: Receiver) -> None:
    webhook = await office.add(receiver.url)
    receiver.answer = status("503 Service Unavailable", "Retry-After: 1800")
    await office.end_job()
    await office.work_until("the attempt", lambda: bool(receiver.received))
    entry = await office.first_attempt(webhook.id)
    assert entry.next_attempt_at is not None
    left = (entry.next_attempt_at - datetime.now(UTC)).total_seconds()
    assert 1700 < left <= 1800


async def test_a_receiver_that_fails_for_days_is_switched_off(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.add(receiver.url)
    receiver.answer = status("500 Oops")
    await office.end_job()
    await office.sql("update webhooks set failing_since = now() - interval '6 days'")
    shown = await office.wait_until_off(webhook.id)
    assert "no delivery succeeded for 5 days" in str(shown.disabled_reason)


async def test_both_secrets_sign_for_a_day(office: Office, receiver: Receiver) -> None:
    webhook = await office.add(receiver.url)
    new = await webhooks.rotate_secret(office.system, SYSTEM, webhook.id)
    assert new.secret != webhook.secret
    assert (await webhooks.ping_webhook(office.system, SYSTEM, webhook.id)).state == "delivered"
    [got] = receiver.received
    assert got.is_signed_by(webhook.secret)
    assert got.is_signed_by(new.secret)
    assert got.told()["type"] == "webhook.ping"


async def test_a_deleted_webhook_is_told_nothing_and_its_log_goes(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.add(receiver.url)
    other = await office.add(receiver.url, event_types=["job.failed"])
    await office.end_job()
    await webhooks.delete_webhook(office.system, SYSTEM, webhook.id)
    await office.end_job()
    await office.deliveries.step()
    assert receiver.received == []
    with pytest.raises(NotFound):
        await webhooks.get_webhook(office.system, SYSTEM, webhook.id)
    for _ in range(2):
        await deliveries.purge_deliveries(office.system, SYSTEM)
    left = await office.sql("select id from webhooks where is_active")
    assert [row[0] for row in left] == [other.id]
    assert (
        await office.sql("select 1 from webhook_deliveries where webhook_id = :id", id=webhook.id)
        == []
    )


async def test_deliveries_are_kept_for_30_days(office: Office) -> None:
    webhook = await office.add("https://receiver.example/")
    for _ in range(2):
        await office.end_job()
    [newer, older] = await office.log(webhook.id)
    await office.sql(
        "update webhook_deliveries set created_at = now() - interval '31 days' where id = :id",
        id=older.id,
    )
    await deliveries.purge_deliveries(office.system, SYSTEM)
    assert [entry.id for entry in await office.log(webhook.id)] == [newer.id]


async def test_a_webhook_that_is_being_deleted_holds_nothing_up(office: Office) -> None:
    await office.add("https://receiver.example/")
    async with office.system.database.transaction(SYSTEM) as tx:
        await tx.execute("select from webhooks for update")
        async with asyncio.timeout(5):
            await office.end_job()
    assert await office.sql("select 1 from job_moves") != []
