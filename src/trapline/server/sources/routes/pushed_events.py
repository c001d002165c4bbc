"""Pushed events of pull sources, signed by the Standard Webhooks convention, and the secret that signs them."""

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
"""The largest message, as over a WebSocket: as many files as it may tell of, with long addresses."""

router = APIRouter(prefix="/image-pull-sources", tags=["pull sources"])


@router.post("/{source_id}/events", status_code=202, openapi_extra=build_body_schema(PushedEvents))
async def accept_events(request: Request, system: SystemOf, source_id: str) -> PushedEventsResult:
    """Tell of new files: the signature is the authority.

    The same webhook-id again has the same answer.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedEncoding(
            "A signed body is sent as it is, without a Content-Encoding. Nothing was changed."
        )
    delivery = parse_headers(request.scope["headers"], time.time())
    if isinstance(delivery, str):
        raise pushed_events.reject_signature(system, delivery)
    # Who signed is known at the end only; until then all such bodies share the room that the
    # process has for them.
    with system.callbacks.unverified.share() as take:
        async with receive_body(request, MESSAGE_BYTES, take) as body:
            once = IdempotencyRequest(
                key=delivery.id.decode(),
                route="POST events",
                body_sha256=hashlib.sha256(body).digest(),
            )
            origin = replace(get_minimal_origin(request), once=once)
            require_lookup_allowed(request, system, source_id)
            taken = await pushed_events.accept_events(
                system, origin, _as_id(source_id), delivery, bytes(body)
            )
            system.rates.callers.take(
                source_id
            )  # known from now on; how often is the source's own rate
            return taken


def _as_id(text: str) -> UUID | None:
    """Read an id; what is none is no source, and is judged like one that is not there."""
    try:
        return UUID(text)
    except ValueError:
        return None


@router.post("/{source_id}/event-secret", status_code=201)
async def create_event_secret(system: SystemOf, scope: ScopeOf, source_id: UUID) -> EventSecret:
    """Make the secret that signs events; it is shown this once, and the one before holds for another day."""
    return await event_secrets.create_event_secret(system, scope, source_id)


@router.delete("/{source_id}/event-secret", status_code=204)
async def delete_event_secret(system: SystemOf, scope: ScopeOf, source_id: UUID) -> None:
    """Take no events of this source any more."""
    await event_secrets.delete_event_secret(system, scope, source_id)
