"""The log of a webhook: what is given up stays there, is narrowed and is sent again."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.integration.notifications.test_webhooks import grounds, office, receiver
from tests.support.webhook_receiver import OK, SYSTEM, Office, Receiver, status

from trapline.server.notifications.actions import webhooks
from trapline.server.notifications.rules.filters import DeliveryFilter
from trapline.server.platform.errors import NotFound
from trapline.wire.webhooks import EventType, ReplayRequest

__all__ = ["grounds", "office", "receiver"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_after_a_day_it_is_given_up_and_can_be_replayed(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.add(receiver.url)
    receiver.answer = status("500 Oops", body="x" * 2000 + "\x00")
    for _ in range(2):
        await office.end_job()
    await office.sql("update webhook_deliveries set give_up_at = now() + interval '1 second'")
    first = await office.wait_for_state(webhook.id, "failed")
    assert (first[0].last_status, first[0].response_excerpt) == (500, None)
    assert (await webhooks.get_webhook(office.system, SYSTEM, webhook.id)).failed == 2
    receiver.answer = OK
    assert (
        await webhooks.replay_delivery(office.system, SYSTEM, webhook.id, first[0].id)
    ).replayed == 1
    await office.work_until("one of them", lambda: len(receiver.received) == 3)
    assert (
        await webhooks.replay_deliveries(office.system, SYSTEM, webhook.id, ReplayRequest())
    ).replayed == 1
    await office.work_until("the other", lambda: len(receiver.received) == 4)
    await office.wait_for_state(webhook.id, "delivered")
    assert len({one.header("webhook-id") for one in receiver.received}) == 2
    with pytest.raises(NotFound):
        await webhooks.replay_delivery(office.system, SYSTEM, webhook.id, uuid4())


async def test_the_log_is_narrowed_and_many_are_replayed(
    office: Office, receiver: Receiver
) -> None:
    webhook = await office.add(
        receiver.url, event_types=[EventType.JOB_FAILED, EventType.JOB_COMPLETED]
    )
    for state in ("failed", "completed", "completed"):
        await office.end_job(state)
    await office.sql("update webhook_deliveries set state = 'failed'")
    await office.sql(
        "update webhook_deliveries set created_at = now() - interval '2 days' where event_type = "
        "'job.failed'"
    )
    yesterday = datetime.now(UTC) - timedelta(days=1)

    async def list_ids(**wanted: Any) -> set[UUID]:
        found = await webhooks.list_deliveries(
            office.system, SYSTEM, webhook.id, DeliveryFilter(**wanted), 50, None
        )
        assert found.count == len(found.results)
        return {one.id for one in found.results}

    old, new = await list_ids(created_before=yesterday), await list_ids(created_after=yesterday)
    assert (len(old), len(new)) == (1, 2)
    assert await list_ids(event_type="job.completed") == new
    assert await list_ids(event_type="job.completed", state="delivered") == set()

    async def replay(**wanted: Any) -> int:
        return (
            await webhooks.replay_deliveries(
                office.system, SYSTEM, webhook.id, ReplayRequest(**wanted)
            )
        ).replayed

    assert await replay(created_before=yesterday, event_type="job.completed") == 0
    assert await replay(created_before=yesterday) == 1
    assert await list_ids(state="waiting") == old
    await office.work_until("the old one", lambda: receiver.types() == ["job.failed"])
    async with asyncio.timeout(15):
        while await list_ids(state="delivered") != old:
            await office.deliveries.step()
    assert await replay(deliveries=[*old, *new, uuid4()]) == 3, (
        "also what was delivered; the others are passed over"
    )
    await office.work_until("all three", lambda: len(receiver.received) == 4)
    await office.wait_for_state(webhook.id, "delivered")
