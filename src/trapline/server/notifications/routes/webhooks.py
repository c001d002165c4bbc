"""Webhooks: URLs that receive a project's events, and the log of their deliveries."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from trapline.server.accounts.routes.access import ScopeOf, SystemOf
from trapline.server.notifications.actions import webhooks
from trapline.server.notifications.rules.filters import DeliveryFilter, WebhookFilter
from trapline.server.platform.http.parameters import (
    Cursor,
    Limit,
    ProjectFilter,
    QueryText,
    set_etag,
)
from trapline.wire.values import GivenTime, Page
from trapline.wire.webhooks import (
    CreatedWebhook,
    Delivery,
    DeliveryState,
    EventType,
    NewWebhook,
    ReplayRequest,
    ReplayResult,
    Webhook,
    WebhookOrder,
    WebhookPage,
    WebhookSecret,
    WebhookUpdate,
)

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.get("")
async def list_webhooks(
    system: SystemOf,
    scope: ScopeOf,
    project: ProjectFilter = None,
    name: QueryText | None = None,
    event_type: Annotated[
        EventType | None, Query(description="Webhooks that receive events of this type.")
    ] = None,
    is_active: bool | None = None,
    order: WebhookOrder = WebhookOrder.NEWEST_FIRST,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> WebhookPage:
    """List the webhooks of a project, or of all that you manage, by creation.

    `nats` reports the start and reason of an outage of the NATS server that events are published
    to.
    """
    wanted = WebhookFilter(name, event_type.value if event_type else None, is_active)
    descending = order == WebhookOrder.NEWEST_FIRST
    return await webhooks.list_webhooks(
        system, scope, project, wanted, descending=descending, limit=limit, cursor=cursor
    )


@router.post("", status_code=201)
async def create_webhook(
    system: SystemOf, scope: ScopeOf, new: NewWebhook, response: Response
) -> CreatedWebhook:
    """Create a webhook; the secret that signs its events is returned only here."""
    made = await webhooks.create_webhook(system, scope, new)
    response.headers["Location"] = f"/api/v2/webhooks/{made.id}"
    return made


@router.get("/{webhook_id}")
async def get_webhook(
    system: SystemOf, scope: ScopeOf, webhook_id: UUID, response: Response
) -> Webhook:
    """Get a webhook, without its secret."""
    webhook = await webhooks.get_webhook(system, scope, webhook_id)
    set_etag(response, webhook.updated_at)
    return webhook


@router.patch("/{webhook_id}")
async def update_webhook(
    system: SystemOf, scope: ScopeOf, webhook_id: UUID, change: WebhookUpdate, response: Response
) -> Webhook:
    """Update, enable or disable a webhook; omitted fields keep their values."""
    webhook = await webhooks.update_webhook(system, scope, webhook_id, change)
    set_etag(response, webhook.updated_at)
    return webhook


@router.delete("/{webhook_id}", status_code=204)
async def delete_webhook(system: SystemOf, scope: ScopeOf, webhook_id: UUID) -> None:
    """Delete a webhook with its delivery log."""
    await webhooks.delete_webhook(system, scope, webhook_id)


@router.post("/{webhook_id}/rotate-secret")
async def rotate_secret(system: SystemOf, scope: ScopeOf, webhook_id: UUID) -> WebhookSecret:
    """Replace the secret of a webhook; the previous one also signs for another day."""
    return await webhooks.rotate_secret(system, scope, webhook_id)


@router.post("/{webhook_id}/test")
async def ping_webhook(system: SystemOf, scope: ScopeOf, webhook_id: UUID) -> Delivery:
    """Send an event of type webhook.ping once; the response contains the result."""
    return await webhooks.ping_webhook(system, scope, webhook_id)


@router.get("/{webhook_id}/deliveries")
async def list_deliveries(
    system: SystemOf,
    scope: ScopeOf,
    webhook_id: UUID,
    state: DeliveryState | None = None,
    event_type: Annotated[QueryText | None, Query(description="Such as job.completed.")] = None,
    created_after: GivenTime | None = None,
    created_before: GivenTime | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[Delivery]:
    """List the deliveries of a webhook of the last 30 days, newest first."""
    wanted = DeliveryFilter(
        state.value if state else None, event_type, created_after, created_before
    )
    return await webhooks.list_deliveries(system, scope, webhook_id, wanted, limit, cursor)


@router.post("/{webhook_id}/deliveries/replay", status_code=202)
async def replay_deliveries(
    system: SystemOf, scope: ScopeOf, webhook_id: UUID, wanted: ReplayRequest | None = None
) -> ReplayResult:
    """Attempt deliveries again.

    Without a body these are all failed deliveries, at most 10,000, the oldest first.
    """
    return await webhooks.replay_deliveries(system, scope, webhook_id, wanted or ReplayRequest())


@router.post("/{webhook_id}/deliveries/{delivery_id}/replay", status_code=202)
async def replay_delivery(
    system: SystemOf, scope: ScopeOf, webhook_id: UUID, delivery_id: UUID
) -> ReplayResult:
    """Attempt one delivery again, in any state, with the same webhook-id."""
    return await webhooks.replay_delivery(system, scope, webhook_id, delivery_id)
