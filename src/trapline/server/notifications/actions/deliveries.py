"""Deliveries: send each event to a webhook at least once, with retries."""

import asyncio
import json
import random
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from trapline.server.notifications.nats_publisher import PREFIX, NatsPublisher
from trapline.server.notifications.queries.deliveries import (
    ClaimedDelivery,
    DeliveryAttempt,
    claim_deliveries,
    create_image_events,
    disable_webhook,
    list_due_webhooks,
    lock_delivery_claims,
    purge_delivery_batch,
    record_attempt,
    record_webhook_failure,
    record_webhook_success,
    update_silent_workers,
)
from trapline.server.notifications.queries.nats_subjects import (
    SUBJECTS,
    record_publish_success,
    record_server_failure,
)
from trapline.server.notifications.rules.delivery_shares import allocate_deliveries
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import AddressNotAllowed, EventRefused, OutboundFailed
from trapline.server.platform.network.dialing import validate_literal
from trapline.server.platform.signing_secrets import list_secrets
from trapline.server.platform.vault import DecryptionError, SecretColumn
from trapline.server.platform.webhook_signatures import (
    build_headers,
    find_last_retry_delay,
    get_retry_delay,
)
from trapline.server.queue.rules.job_status_reason import ONLINE_S

if TYPE_CHECKING:
    from trapline.server.platform.network.outbound import OutboundClient, OutboundResponse

log = structlog.get_logger(__name__)

PLACE = SecretColumn("webhooks", "secrets")
WITHIN_S = 10.0
"""Maximum time of an attempt, from the DNS lookup to the end of the response."""
TAKEN_FOR_S = 20.0
"""Time after which an attempt of a killed process is repeated."""
CONNECTIONS = 256
EXCERPT_BYTES = 500
READ_BYTES = 65_536
OFF_AFTER = timedelta(days=5)
BATCH = 5000
GONE = 410
WAIT_ASKED = (429, 503)

_chance = random.Random()  # noqa: S311 - jitter


def validate_url(system: AppContext, url: str) -> str:
    """Parse the URL of a webhook; return its host and port.

    Raises:
        OutboundFailed: the URL is invalid, or its address is not allowed.
    """
    from trapline.server.platform.network.outbound import get_origin, parse_url

    _, host, port = get_origin(parse_url(url))
    validate_literal(system.outbound, "http", host, port)
    return f"{host}:{port}"


def build_client(system: AppContext) -> "OutboundClient":
    """Build the client for deliveries, with the network rules of pull sources."""
    from trapline.server.platform.network.outbound import OutboundClient, Timeouts

    return OutboundClient(
        system.outbound, timeouts=Timeouts(connect_s=WITHIN_S), connections=CONNECTIONS
    )


async def claim_due(
    system: AppContext, scope: Scope, room: int, *, publishes: bool
) -> list[ClaimedDelivery]:
    """Claim at most `room` due deliveries for this process; those of NATS only with `publishes`.

    Recently added images are turned into events first.
    """
    async with system.database.transaction(scope) as tx:
        await create_image_events(scope, tx)
        if room <= 0 or not await list_due_webhooks(scope, tx):
            return []
        await lock_delivery_claims(scope, tx)
        waiting = [
            one for one in await list_due_webhooks(scope, tx) if publishes or one.host != SUBJECTS
        ]
        return await claim_deliveries(
            scope, tx, allocate_deliveries(waiting, room, _chance), TAKEN_FOR_S
        )


async def deliver(
    system: AppContext,
    scope: Scope,
    client: "OutboundClient",
    publisher: NatsPublisher | None,
    claimed: ClaimedDelivery,
) -> None:
    """Attempt a claimed delivery, and record the result."""
    if claimed.host == SUBJECTS and publisher is not None:
        attempt = await publish_event(publisher, claimed)
    else:
        attempt = await send_event(system, client, claimed)
    await handle_outcome(system, scope, claimed, attempt)


async def publish_event(publisher: NatsPublisher, claimed: ClaimedDelivery) -> DeliveryAttempt:
    """Publish an event once and return the result, also if it failed."""
    began, error, is_unreachable = time.monotonic(), None, False
    try:
        subject = f"{PREFIX}.{claimed.project_id}.{claimed.event_type}"
        await publisher.publish(subject, str(claimed.id), _render_body(claimed))
    except OutboundFailed as failure:
        error, is_unreachable = failure.detail, not isinstance(failure, EventRefused)
    return _build_attempt(claimed, began, error)._replace(is_unreachable=is_unreachable)


async def send_event(
    system: AppContext, client: "OutboundClient", claimed: ClaimedDelivery
) -> DeliveryAttempt:
    """Send an event once and return the result, also if it failed."""
    body = _render_body(claimed)
    began = time.monotonic()
    status, retry_after_s = None, 0
    error, excerpt_bytes, is_public = None, bytearray(), False
    try:
        now = datetime.now(UTC)
        secrets = list_secrets(system, PLACE, claimed.webhook_id, claimed.secrets, now)
        headers = build_headers(secrets, str(claimed.id), int(now.timestamp()), body)
        headers |= {"Content-Type": "application/json", "User-Agent": "Trapline (webhooks)"}
        async with (
            asyncio.timeout(WITHIN_S),
            client.post(claimed.url, body, headers, WITHIN_S) as answer,
        ):
            status, is_public = answer.status, answer.is_public
            retry_after_s = _parse_wait(answer)
            await read_excerpt(answer, excerpt_bytes)
    except TimeoutError:
        error = f"the receiver did not answer within {WITHIN_S:g} seconds"
    except (OutboundFailed, AddressNotAllowed, DecryptionError) as failure:
        error = str(getattr(failure, "detail", failure))
    excerpt = None
    if status is not None:
        # The status decides; the excerpt of the body may be incomplete. A body from a private
        # network is not stored, because users may not read pages of that network.
        error, excerpt = (
            _describe_status(status),
            format_excerpt(excerpt_bytes) if is_public else None,
        )
    return _build_attempt(claimed, began, error, status, excerpt, retry_after_s)


def _render_body(claimed: ClaimedDelivery) -> bytes:
    event = {
        "type": claimed.event_type,
        "timestamp": claimed.created_at.isoformat(),
        "data": claimed.data,
    }
    return json.dumps(event).encode()


def _build_attempt(
    claimed: ClaimedDelivery,
    began: float,
    error: str | None,
    status: int | None = None,
    excerpt: str | None = None,
    retry_after_s: float = 0,
) -> DeliveryAttempt:
    took_ms = int((time.monotonic() - began) * 1000)
    if error is None:
        return DeliveryAttempt("delivered", None, status, None, excerpt, took_ms)
    left_s = (claimed.give_up_at - datetime.now(UTC)).total_seconds()
    wait_s = find_last_retry_delay(
        get_retry_delay(claimed.attempts, _chance.random(), retry_after_s), left_s
    )
    return DeliveryAttempt(
        "failed" if wait_s is None else "waiting", wait_s, status, error, excerpt, took_ms
    )


async def handle_outcome(
    system: AppContext, scope: Scope, claimed: ClaimedDelivery, attempt: DeliveryAttempt
) -> None:
    """Record the result of an attempt.

    A webhook is disabled if its receiver is gone, or if no delivery succeeded for days.
    """
    off = None
    async with system.database.transaction(scope) as tx:
        counts = await record_attempt(scope, tx, claimed, attempt)
        if attempt.state == "delivered":
            if claimed.host == SUBJECTS:
                await record_publish_success(scope, tx)
            else:
                await record_webhook_success(scope, tx, claimed.webhook_id)
        elif attempt.is_unreachable:
            await record_server_failure(scope, tx, attempt.error or "")
        elif counts:
            since = await record_webhook_failure(scope, tx, claimed.webhook_id, attempt.error)
            if attempt.status == GONE:
                off = "the receiver answered with status 410: it accepts no more events"
            elif (
                since is not None
                and claimed.host != SUBJECTS
                and datetime.now(UTC) - since > OFF_AFTER
            ):
                off = (
                    f"no delivery succeeded for {OFF_AFTER.days} days; last error: {attempt.error}"
                )
            if off and await disable_webhook(scope, tx, claimed.webhook_id, off):
                tx.audit("disable", "webhook", claimed.webhook_id, claimed.project_id)
    where = {
        "webhook": str(claimed.webhook_id),
        "project": claimed.project_id,
        "delivery": str(claimed.id),
    }
    if off:
        log.warning("a webhook was disabled", status=attempt.status, **where)
    elif attempt.state == "failed":
        log.warning(
            "a delivery failed permanently; it can be replayed", status=attempt.status, **where
        )


async def purge_deliveries(system: AppContext, scope: Scope) -> bool:
    """Purge deliveries that expired or whose webhook was deleted; return whether more remain."""
    async with system.database.transaction(scope) as tx:
        return await purge_delivery_batch(scope, tx, BATCH) == BATCH


async def record_silent_workers(system: AppContext, scope: Scope) -> None:
    """Record which workers went offline or came online; a trigger creates the events."""
    async with system.database.sql_transaction(scope) as tx:
        await update_silent_workers(scope, tx, ONLINE_S)


async def read_excerpt(answer: "OutboundResponse", excerpt_bytes: bytearray) -> None:
    """Read the start of a response.

    A short response is read to its end, so that the connection can be reused.
    """
    size = 0
    async for chunk in answer.chunks():
        excerpt_bytes += chunk[: max(0, EXCERPT_BYTES - size)]
        size += len(chunk)
        if size > READ_BYTES:
            break


def format_excerpt(excerpt_bytes: bytearray) -> str:
    text = excerpt_bytes.decode("utf-8", "replace").replace("\x00", "�")
    return text.encode()[:EXCERPT_BYTES].decode("utf-8", "ignore")


def _parse_wait(answer: "OutboundResponse") -> int:
    from trapline.server.platform.network.http_responses import parse_retry_after

    return (parse_retry_after(answer) or 0) if answer.status in WAIT_ASKED else 0


def _describe_status(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return (
            f"the receiver redirects (status {status}), which is not followed: set the URL that it "
            "redirects to"
        )
    return f"the receiver answered with status {status}"
