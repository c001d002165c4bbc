"""Methods for webhooks and the log of their deliveries."""

from uuid import UUID

from trapline.client.api_session import ApiSession
from trapline.client.notebook_tables import NotebookPage
from trapline.wire.webhooks import (
    CreatedWebhook,
    Delivery,
    NatsState,
    NewWebhook,
    ReplayRequest,
    ReplayResult,
    Webhook,
    WebhookSecret,
    WebhookUpdate,
)


class WebhookTable(NotebookPage[Webhook]):
    """One page of webhooks. `nats` is null if events are not published to NATS."""

    nats: NatsState | None = None


class WebhookApi:
    """Methods for webhooks."""

    _to: ApiSession

    def list_webhooks(self, **filters: str | int | float | None) -> WebhookTable:
        """List one page of webhooks, newest first.

        Filters are project, name, event_type, is_active, order, cursor, limit. `nats` in the
        response reports since when the NATS server does not respond, and why.
        """
        return self._to.get("/webhooks", WebhookTable, filters)

    def create_webhook(self, new: NewWebhook) -> CreatedWebhook:
        """Create a webhook; only this result contains its signing secret."""
        return self._to.send("POST", "/webhooks", CreatedWebhook, new)

    def get_webhook(self, webhook_id: UUID) -> Webhook:
        """Get a webhook."""
        return self._to.get(f"/webhooks/{webhook_id}", Webhook)

    def update_webhook(self, webhook_id: UUID, change: WebhookUpdate) -> Webhook:
        """Update a webhook, or disable and enable it; omitted fields are kept."""
        return self._to.send("PATCH", f"/webhooks/{webhook_id}", Webhook, change)

    def delete_webhook(self, webhook_id: UUID) -> None:
        """Delete a webhook with its log."""
        self._to.send("DELETE", f"/webhooks/{webhook_id}", type(None))

    def rotate_webhook_secret(self, webhook_id: UUID) -> WebhookSecret:
        """Create a new secret; only this response has it. The previous one also signs for a day."""
        return self._to.send("POST", f"/webhooks/{webhook_id}/rotate-secret", WebhookSecret)

    def ping_webhook(self, webhook_id: UUID) -> Delivery:
        """Send a test event now and return its delivery."""
        return self._to.send("POST", f"/webhooks/{webhook_id}/test", Delivery)

    def list_deliveries(
        self, webhook_id: UUID, **filters: str | int | float | None
    ) -> NotebookPage[Delivery]:
        """List one page of a webhook's log, newest first.

        Filters are state, event_type, created_after, created_before, cursor, limit.
        """
        return self._to.get(f"/webhooks/{webhook_id}/deliveries", NotebookPage[Delivery], filters)

    def replay_delivery(self, webhook_id: UUID, delivery_id: UUID) -> ReplayResult:
        """Retry one delivery."""
        return self._to.send(
            "POST", f"/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", ReplayResult
        )

    def replay_failed(self, webhook_id: UUID, wanted: ReplayRequest | None = None) -> ReplayResult:
        """Retry failed deliveries, at most 10,000 at a time; optionally only some of them."""
        return self._to.send(
            "POST", f"/webhooks/{webhook_id}/deliveries/replay", ReplayResult, wanted
        )
