"""Conditions of lists of webhooks and deliveries."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class DeliveryFilter:
    """Conditions of a list of deliveries of a webhook; None matches all."""

    state: str | None = None
    event_type: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True)
class WebhookFilter:
    """Conditions of a list of webhooks; None matches all.

    `event_type` matches webhooks that receive it, also those that receive all types.
    """

    name: str | None = None
    event_type: str | None = None
    is_active: bool | None = None
