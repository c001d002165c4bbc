"""Routes for signed pushed events of pull sources, and for the secret that signs them."""

import hashlib
import time
from dataclasses import replace
from uuid import UUID

from fastapi import APIRouter, Request

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.platform.access import IdempotencyRequest
from trapline.server.platform.errors import UnsupportedEncoding
from trapline.server.platform.http.rate_limits import require_lookup_allowed
from trapline.server.platform.http.request_bodies import IN_MEMORY, build_body_schema, receive_body
from trapline.server.platform.http.request_context import get_minimal_origin
from trapline.server.platform.webhook_signatures import parse_headers
from trapline.server.sources.actions import event_secrets, pushed_events
from trapline.wire.pushed_events import EventSecret, PushedEvents, PushedEventsResult

MESSAGE_BYTES = IN_MEMORY
"""The largest message, in bytes: enough for the most files that a message can name."""

router = APIRouter(prefix="/image-pull-sources", tags=["pull sources"])


@router.post("/{source_id}/events", status_code=202, openapi_extra=build_body_schema(PushedEvents))
async def accept_events(request: Request, system: SystemOf, source_id: str) -> PushedEventsResult:
    """Announce new files in a message that is signed by the Standard Webhooks convention.

    A repeated webhook-id returns the first response again.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedEncoding(
            "A signed body must be sent without a Content-Encoding. Nothing was changed."
        )
    delivery = parse_headers(request.scope["headers"], time.time())
    if isinstance(delivery, str):
        raise pushed_events.reject_signature(system, delivery)
    # The signature is verified only after the body was read. Until then, all unverified bodies
    # share a limited amount of memory.
    with system.callbacks.unverified.share() as take:
        async with receive_body(request, MESSAGE_BYTES, take) as body:
            once = IdempotencyRequest(
                key=delivery.id.decode(),
                route="POST events",
                body_sha256=hashlib.sha256(body).digest(),
            )
            origin = replace(get_minimal_origin(request), once=once)
            require_lookup_allowed(request, system, source_id)
            result = await pushed_events.accept_events(
                system, origin, _parse_id(source_id), delivery, bytes(body)
            )
            # A verified source no longer counts against the limit for unknown IDs.
            system.rates.callers.take(source_id)
            return result


def _parse_id(text: str) -> UUID | None:
    """Parse a source ID; None for an invalid one, which is treated like an unknown source."""
    try:
        return UUID(text)
    except ValueError:
        return None


@router.post("/{source_id}/event-secret", status_code=201)
async def create_event_secret(system: SystemOf, scope: ScopeOf, source_id: UUID) -> EventSecret:
    """Create the secret that signs events.

    It is shown only in this response. The previous secret stays valid for another day.
    """
    return await event_secrets.create_event_secret(system, scope, source_id)


@router.delete("/{source_id}/event-secret", status_code=204)
async def delete_event_secret(system: SystemOf, scope: ScopeOf, source_id: UUID) -> None:
    """Delete the secrets of a source; its events are rejected from then on."""
    await event_secrets.delete_event_secret(system, scope, source_id)
