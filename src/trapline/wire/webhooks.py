"""Webhooks: URLs that receive the events of a project, and the log of deliveries."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from trapline.wire.values import (
    UUID,
    AnyText,
    Count,
    GivenTime,
    Id,
    Message,
    Page,
    Request,
    Text,
    Time,
)


class EventType(StrEnum):
    """Type of a webhook event."""

    JOB_QUEUED = "job.queued"
    JOB_PROCESSING = "job.processing"
    JOB_COMPLETED = "job.completed"
    JOB_FAILED = "job.failed"
    JOB_CANCELED = "job.canceled"
    ANALYSIS_COMPLETED = "analysis.completed"
    ANALYSIS_FAILED = "analysis.failed"
    IMAGE_CREATED = "image.created"
    SOURCE_FAILING = "source.failing"
    SOURCE_RECOVERED = "source.recovered"
    SOURCE_RUN_COMPLETED = "source.run.completed"
    WORKER_ONLINE = "worker.online"
    WORKER_OFFLINE = "worker.offline"
    WORKER_EVICTED = "worker.evicted"


class DeliveryState(StrEnum):
    """State of a delivery: waiting, delivered, or failed until a user replays it."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


WebhookUrl = Annotated[Text, Field(min_length=1, max_length=2000)]
WebhookName = Annotated[Text, Field(max_length=255)]
EventName = Annotated[Text, Field(max_length=100)]
EventTypes = Annotated[list[EventType], Field(max_length=100)]


class NewWebhook(Request):
    """Request to create a webhook for the given events, or all.

    Events of analyses of jobs are sent only if requested.
    """

    project: Id
    url: WebhookUrl
    name: WebhookName = ""
    event_types: EventTypes = []
    analyses_of_jobs: bool = False


class WebhookUpdate(Request):
    """Request to update a webhook; omitted fields keep their values."""

    url: WebhookUrl | None = None
    name: WebhookName | None = None
    event_types: EventTypes | None = None
    analyses_of_jobs: bool | None = None
    is_active: bool | None = None


class WebhookOrder(StrEnum):
    """Order of webhooks: by time of creation."""

    NEWEST_FIRST = "-created_at"
    OLDEST_FIRST = "created_at"


class Webhook(Message):
    """A webhook, without its secret.

    `waiting` and `failed` count its deliveries, each up to 10,000. `failing_since` is the time
    since which all attempts have failed; `disabled_reason` is the reason why Trapline disabled it.
    """

    id: UUID
    project: Id
    name: AnyText
    url: AnyText
    event_types: list[AnyText]
    analyses_of_jobs: bool
    is_active: bool
    disabled_reason: AnyText | None
    failing_since: Time | None
    waiting: Count
    failed: Count
    created_at: Time
    updated_at: Time


class NatsState(Message):
    """State of the NATS server for events.

    Both fields are null while it accepts events.
    """

    failing_since: Time | None
    error: AnyText | None


class WebhookPage(Page[Webhook]):
    """One page of webhooks; `nats` is null if events are not published to NATS."""

    nats: NatsState | None = None


class CreatedWebhook(Webhook):
    """New webhook with its signing secret, which is shown only once.

    A repeated request with the same Idempotency-Key returns the secret for ten minutes, unless it
    was changed meanwhile; then it is empty.
    """

    secret: AnyText


class WebhookSecret(Message):
    """The new signing secret, which is shown only once.

    The previous secret also signs until `previous_until`.
    """

    secret: AnyText
    previous_until: Time | None


class Delivery(Message):
    """One event for one webhook, with the state of its delivery.

    `id` is sent as webhook-id, the same at each attempt. `attempts` is counted since the last
    replay. `response_excerpt` is the beginning of the last response; null if it came from a private
    address.
    """

    id: UUID
    webhook_id: UUID
    event_type: AnyText
    data: dict[str, Any]
    state: DeliveryState
    attempts: Count
    created_at: Time
    next_attempt_at: Time | None
    last_attempt_at: Time | None
    last_status: int | None
    last_error: AnyText | None
    response_excerpt: AnyText | None
    duration_ms: int | None


class ReplayRequest(Request):
    """Request to replay deliveries: these, in any state, or the failed ones that match.

    IDs that are not deliveries of the webhook are ignored.
    """

    deliveries: Annotated[list[UUID], Field(min_length=1, max_length=10_000)] | None = None
    event_type: EventName | None = None
    created_after: GivenTime | None = None
    created_before: GivenTime | None = None


class ReplayResult(Message):
    """Number of deliveries that are attempted again."""

    replayed: Count
