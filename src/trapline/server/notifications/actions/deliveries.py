"""Deliveries: events sent to webhooks, at least once each, and what follows where that fails."""

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
"""How long an attempt may take, from looking up the name to the answer's end."""
TAKEN_FOR_S = 20.0
"""After how long an attempt whose process died is made anew."""
CONNECTIONS = 256
EXCERPT_BYTES = 500
READ_BYTES = 65_536
OFF_AFTER = timedelta(days=5)
BATCH = 5000
GONE = 410
WAIT_ASKED = (429, 503)

_chance = random.Random()  # noqa: S311 - jitter is no secret


def validate_url(system: AppContext, url: str) -> str:
    """Read the address of a webhook; answers its host and port. Raises OutboundRefused."""
    from trapline.server.platform.network.outbound import get_origin, parse_url

    _, host, port = get_origin(parse_url(url))
    validate_literal(system.outbound, "http", host, port)
    return f"{host}:{port}"


def build_client(system: AppContext) -> "OutboundClient":
    """Make the client that deliveries go through, under the rules of pull sources; to be closed."""
    from trapline.server.platform.network.outbound import OutboundClient, Timeouts

    return OutboundClient(
        system.outbound, timeouts=Timeouts(connect_s=WITHIN_S), connections=CONNECTIONS
    )


async def claim_due(
    system: AppContext, scope: Scope, room: int, *, publishes: bool
) -> list[ClaimedDelivery]:
    """Take at most so many deliveries that are due, for this process alone; what `publishes` takes
    subjects too.

    Images that were added lately become events first.
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
    way_out: "OutboundClient",
    subjects: NatsPublisher | None,
    taken: ClaimedDelivery,
) -> None:
    """Attempt a delivery that was taken, and note how that went."""
    if taken.host == SUBJECTS and subjects is not None:
        how = await publish_event(subjects, taken)
    else:
        how = await send_event(system, way_out, taken)
    await handle_outcome(system, scope, taken, how)


async def publish_event(subjects: NatsPublisher, taken: ClaimedDelivery) -> DeliveryAttempt:
    """Publish an event once and return the result, also if it failed."""
    began, error, is_unreachable = time.monotonic(), None, False
    try:
        subject = f"{PREFIX}.{taken.project_id}.{taken.event_type}"
        await subjects.publish(subject, str(taken.id), _write_body(taken))
    except OutboundFailed as failure:
        error, is_unreachable = failure.detail, not isinstance(failure, EventRefused)
    return _tell_end(taken, began, error)._replace(is_unreachable=is_unreachable)


async def send_event(
    system: AppContext, way_out: "OutboundClient", taken: ClaimedDelivery
) -> DeliveryAttempt:
    """Send an event once; whatever goes wrong is told in the answer."""
    body = _write_body(taken)
    began = time.monotonic()
    status, asked_s = None, 0
    error, said, is_public = None, bytearray(), False
    try:
        now = datetime.now(UTC)
        secrets = list_secrets(system, PLACE, taken.webhook_id, taken.secrets, now)
        headers = build_headers(secrets, str(taken.id), int(now.timestamp()), body)
        headers |= {"Content-Type": "application/json", "User-Agent": "Trapline (tells of events)"}
        async with (
            asyncio.timeout(WITHIN_S),
            way_out.post(taken.url, body, headers, WITHIN_S) as answer,
        ):
            status, is_public = answer.status, answer.is_public
            asked_s = _read_wait(answer)
            await read_excerpt(answer, said)
    except TimeoutError:
        error = f"the receiver did not answer within {WITHIN_S:g} seconds"
    except (OutboundFailed, AddressNotAllowed, DecryptionError) as failure:
        error = str(getattr(failure, "detail", failure))
    excerpt = None
    if status is not None:
        # The status is the answer: whatever becomes of the text behind it is told as far as it
        # came. A text from a private network could be a page that only this machine may read.
        error, excerpt = _why_not(status), format_excerpt(said) if is_public else None
    return _tell_end(taken, began, error, status, excerpt, asked_s)


def _write_body(taken: ClaimedDelivery) -> bytes:
    told = {"type": taken.event_type, "timestamp": taken.created_at.isoformat(), "data": taken.data}
    return json.dumps(told).encode()


def _tell_end(
    taken: ClaimedDelivery,
    began: float,
    error: str | None,
    status: int | None = None,
    excerpt: str | None = None,
    asked_s: float = 0,
) -> DeliveryAttempt:
    took_ms = int((time.monotonic() - began) * 1000)
    if error is None:
        return DeliveryAttempt("delivered", None, status, None, excerpt, took_ms)
    left_s = (taken.give_up_at - datetime.now(UTC)).total_seconds()
    wait_s = find_last_retry_delay(
        get_retry_delay(taken.attempts, _chance.random(), asked_s), left_s
    )
    return DeliveryAttempt(
        "failed" if wait_s is None else "waiting", wait_s, status, error, excerpt, took_ms
    )


async def handle_outcome(
    system: AppContext, scope: Scope, taken: ClaimedDelivery, how: DeliveryAttempt
) -> None:
    """Note how an attempt went, and switch a webhook off that is gone or has not answered for days."""
    off = None
    async with system.database.transaction(scope) as tx:
        counts = await record_attempt(scope, tx, taken, how)
        if how.state == "delivered":
            if taken.host == SUBJECTS:
                await record_publish_success(scope, tx)
            else:
                await record_webhook_success(scope, tx, taken.webhook_id)
        elif how.is_unreachable:
            await record_server_failure(scope, tx, how.error or "")
        elif counts:
            since = await record_webhook_failure(scope, tx, taken.webhook_id, how.error)
            if how.status == GONE:
                off = "the receiver answered with status 410: it wants no more events"
            elif (
                since is not None
                and taken.host != SUBJECTS
                and datetime.now(UTC) - since > OFF_AFTER
            ):
                off = f"nothing was delivered for {OFF_AFTER.days} days; the last time {how.error}"
            if off and await disable_webhook(scope, tx, taken.webhook_id, off):
                tx.audit("disable", "webhook", taken.webhook_id, taken.project_id)
    where = {
        "webhook": str(taken.webhook_id),
        "project": taken.project_id,
        "delivery": str(taken.id),
    }
    if off:
        log.warning("a webhook is switched off", status=how.status, **where)
    elif how.state == "failed":
        log.warning("a delivery is given up until somebody replays it", status=how.status, **where)


async def purge_deliveries(system: AppContext, scope: Scope) -> bool:
    """Delete a batch of deliveries that are old or of deleted webhooks; answers whether there may be more."""
    async with system.database.transaction(scope) as tx:
        return await purge_delivery_batch(scope, tx, BATCH) == BATCH


async def record_silent_workers(system: AppContext, scope: Scope) -> None:
    """Note which workers have fallen silent, and which are heard again, so that webhooks are told."""
    async with system.database.sql_transaction(scope) as tx:
        await update_silent_workers(scope, tx, ONLINE_S)


async def read_excerpt(answer: "OutboundResponse", said: bytearray) -> None:
    """Read how an answer begins; to its end if that is near, so that the connection can be used again."""
    size = 0
    async for chunk in answer.chunks():
        said += chunk[: max(0, EXCERPT_BYTES - size)]
        size += len(chunk)
        if size > READ_BYTES:
            break


def format_excerpt(said: bytearray) -> str:
    text = said.decode("utf-8", "replace").replace("\x00", "�")
    return text.encode()[:EXCERPT_BYTES].decode("utf-8", "ignore")


def _read_wait(answer: "OutboundResponse") -> int:
    from trapline.server.platform.network.http_responses import parse_retry_after

    return (parse_retry_after(answer) or 0) if answer.status in WAIT_ASKED else 0


def _why_not(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"the receiver redirects (status {status}), which is not followed: give the address that it leads to"
    return f"the receiver answered with status {status}"
