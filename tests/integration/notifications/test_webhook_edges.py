"""Edge cases of webhooks: long delays, partial responses, repeated secrets, refused addresses."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from tests.integration.notifications.test_webhooks import grounds, office, receiver
from tests.support.webhook_receiver import SYSTEM, Office, Receiver, status

from trapline.server.notifications.actions import deliveries, webhooks
from trapline.server.notifications.queries import deliveries as kept
from trapline.server.platform import signing_secrets
from trapline.server.platform.access import IdempotencyRequest, RequestOrigin, Scope
from trapline.server.platform.errors import AddressNotAllowed
from trapline.server.platform.network.outbound_policy import OutboundPolicy, parse_allowed_network
from trapline.server.platform.webhook_signatures import (
    PAUSES_S,
    find_last_retry_delay,
    get_retry_delay,
)
from trapline.server.sources.actions import event_secrets
from trapline.wire.webhooks import EventType, NewWebhook, WebhookUpdate

__all__ = ["grounds", "office", "receiver"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


def repeated(key: str) -> Scope:
    return replace(
        SYSTEM, origin=RequestOrigin(once=IdempotencyRequest(key, "POST /webhooks", b"x"))
    )


@pytest.mark.parametrize("asked", ["86400", "Wed, 21 Oct 2099 07:28:00 GMT"])
async def test_a_receiver_that_asks_for_days_is_asked_again_within_hours(
    office: Office, receiver: Receiver, asked: str
) -> None:
    webhook = await office.add(receiver.url)
    receiver.answer = status("503 Service Unavailable", f"Retry-After: {asked}")
    await office.end_job()
    entry = await office.first_attempt(webhook.id)
    assert (entry.state, entry.attempts) == ("waiting", 1)
    assert entry.next_attempt_at is not None
    assert timedelta(hours=3) < entry.next_attempt_at - datetime.now(UTC) <= timedelta(hours=4)


async def test_one_attempt_more_is_made_as_the_day_ends(office: Office, receiver: Receiver) -> None:
    webhook = await office.add(receiver.url)
    receiver.answer = status("503 Service Unavailable", "Retry-After: 7200")
    await office.end_job()
    await office.sql("update webhook_deliveries set give_up_at = now() + interval '1 hour'")
    entry = await office.first_attempt(webhook.id)
    assert entry.state == "waiting"
    assert entry.next_attempt_at is not None
    assert timedelta(minutes=58) < entry.next_attempt_at - datetime.now(UTC) <= timedelta(hours=1)
    await office.sql("update webhook_deliveries set give_up_at = now()")
    await office.hurry()
    [entry] = await office.wait_for_state(webhook.id, "failed")
    assert entry.attempts == 2
    assert [find_last_retry_delay(14_400, left_s) for left_s in (-1, 3, 60, 86_400)] == [
        None,
        None,
        60,
        14_400,
    ]


@pytest.mark.parametrize(
    ("head", "rest"),
    [("Transfer-Encoding: chunked", "2\r\nok\r\nzz\r\n"), ("Content-Length: 9", "ok")],
    ids=["broken", "hanging"],
)
async def test_the_status_counts_whatever_follows_it(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, head: str, rest: str
) -> None:
    monkeypatch.setattr(deliveries, "WITHIN_S", 1.0)
    webhook = await office.add(receiver.url)
    receiver.answer = f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n{rest}".encode()
    done = await webhooks.ping_webhook(office.system, SYSTEM, webhook.id)
    assert (done.state, done.last_status, done.last_error) == ("delivered", 200, None)
    receiver.answer = receiver.answer.replace(b"200 OK", b"500 Oops")
    done = await webhooks.ping_webhook(office.system, SYSTEM, webhook.id)
    assert (done.state, done.last_error) == ("failed", "the receiver answered with status 500")


async def test_many_arrivals_are_told_in_bounded_lots(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "GATHERED_AT_MOST", 2)
    await office.add(receiver.url, event_types=[EventType.IMAGE_CREATED])
    for _ in range(5):
        await office.add_images(1)
    await office.sql("update webhook_deliveries set created_at = now() - interval '1 minute'")
    await office.work_until("all are told", lambda: receiver.count_images() == 5)
    assert sorted(one.told()["data"]["count"] for one in receiver.received) == [1, 2, 2]


async def test_the_log_is_bounded_and_loses_nothing_that_may_be_sent_again(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT_AT_MOST", 2)
    webhook = await office.add(receiver.url)
    for _ in range(5):
        await office.end_job()
    newest_first = [entry.id for entry in await office.log(webhook.id)]
    await office.sql("update webhook_deliveries set state = 'delivered'")
    await office.sql(
        "update webhook_deliveries set state = 'failed' where id = :id", id=newest_first[3]
    )
    await deliveries.purge_deliveries(office.system, SYSTEM)
    assert [entry.id for entry in await office.log(webhook.id)] == [
        *newest_first[:2],
        newest_first[3],
    ]


async def test_a_secret_is_told_again_only_to_who_may_have_missed_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, once = office.system, repeated("once")
    new = NewWebhook(project=office.project, url="https://receiver.example/")
    made = await webhooks.create_webhook(system, once, new)
    assert await webhooks.create_webhook(system, once, new) == made
    rotated = await webhooks.rotate_secret(system, repeated("twice"), made.id)
    assert await webhooks.rotate_secret(system, repeated("twice"), made.id) == rotated
    assert (await webhooks.create_webhook(system, once, new)).secret == "", (
        "there is a newer one by now"
    )
    source = UUID(office.house.ids["source_id"])
    first = await event_secrets.create_event_secret(system, repeated("thrice"), source)
    assert await event_secrets.create_event_secret(system, repeated("thrice"), source) == first
    monkeypatch.setattr(signing_secrets, "REPLAY_PERIOD", timedelta(0))
    assert (await webhooks.rotate_secret(system, repeated("twice"), made.id)).secret == "", (
        "it was long ago"
    )
    assert (
        await event_secrets.create_event_secret(system, repeated("thrice"), source)
    ).secret == ""


async def test_the_audit_says_where_events_are_sent_to(office: Office) -> None:
    webhook = await office.add("https://receiver.example/")
    change = WebhookUpdate(url="https://stranger.example/")
    await webhooks.update_webhook(office.system, SYSTEM, webhook.id, change)
    [row] = await office.sql(
        "select details from audit where action = 'change' and subject_id = :id", id=str(webhook.id)
    )
    assert row[0] == {"fields": ["url"], "host": "stranger.example:443"}


async def test_forbidden_addresses_are_not_saved(office: Office) -> None:
    webhook = await office.add("https://receiver.example/")
    forbidden = [
        "http://169.254.169.254/",
        "https://receiver.example:22/",
        "http://10.1.2.3/",
        "http://0x7f.1/",
    ]
    for url in forbidden:
        with pytest.raises(AddressNotAllowed, match=r"connect.*Nothing was changed\."):
            await office.add(url)
        with pytest.raises(AddressNotAllowed):
            await webhooks.update_webhook(office.system, SYSTEM, webhook.id, WebhookUpdate(url=url))
    policy = OutboundPolicy(allowed_networks=(parse_allowed_network("10.0.0.0/8"),))
    office.system = replace(office.system, outbound=policy)
    assert (await office.add("http://10.1.2.3/")).url == "http://10.1.2.3/"


async def test_the_pauses_grow_until_a_day_is_over() -> None:
    assert sum(PAUSES_S) < 86_400
    pauses = [get_retry_delay(number, 0.5) for number in range(1, 12)]
    assert pauses == sorted(pauses)
    assert get_retry_delay(1, 0) < PAUSES_S[0] < get_retry_delay(1, 1)
    assert get_retry_delay(1, 1, asked_s=900) == 900
    assert get_retry_delay(1, 1, asked_s=86_400) == PAUSES_S[-1]


async def test_a_test_shows_no_body_of_a_private_address(
    office: Office, receiver: Receiver
) -> None:
    """A user who adds a webhook must not be able to read a page of the local machine."""
    webhook = await office.add(receiver.url)
    for answer in (
        b"HTTP/1.1 200 OK\r\n\r\nsecret-4711",
        b"HTTP/1.1 403 Forbidden\r\n\r\nsecret-4711",
    ):
        receiver.answer = answer
        tested = await webhooks.ping_webhook(office.system, SYSTEM, webhook.id)
        assert tested.last_status == int(answer.split()[1])
        assert "4711" not in tested.model_dump_json()
    assert "4711" not in "".join(entry.model_dump_json() for entry in await office.log(webhook.id))
