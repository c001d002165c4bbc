"""Webhooks: create, list, update, delete; their secrets, delivery log and replay."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from uuid_utils.compat import uuid7

from trapline.server.notifications.actions.deliveries import (
    PLACE,
    build_client,
    handle_outcome,
    send_event,
    validate_url,
)
from trapline.server.notifications.queries.deliveries import claim_deliveries
from trapline.server.notifications.queries.nats_subjects import find_outage, has_subjects
from trapline.server.notifications.queries.webhooks import (
    DeliveryRow,
    WebhookRow,
    count_deliveries,
    get_delivery_row,
    get_webhook_row,
    requeue_deliveries,
    select_deliveries,
    select_webhooks,
)
from trapline.server.notifications.rules.filters import DeliveryFilter, WebhookFilter
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, Unprocessable
from trapline.server.platform.signing_secrets import (
    build_placeholder,
    replace_secret,
    replay_secret,
    rotate_signing_secret,
)
from trapline.wire.values import AnyText, Page
from trapline.wire.webhooks import (
    CreatedWebhook,
    Delivery,
    DeliveryState,
    NatsState,
    NewWebhook,
    ReplayRequest,
    ReplayResult,
    Webhook,
    WebhookPage,
    WebhookSecret,
    WebhookUpdate,
)

PING = "webhook.ping"
PING_FOR_S = 60.0


class _SavedWebhook(Webhook):
    """The saved response to the creation of a webhook, with a hash instead of the secret."""

    secret: AnyText = ""


async def create_webhook(system: AppContext, scope: Scope, new: NewWebhook) -> CreatedWebhook:
    """Create a webhook; its secret is returned only here, and to a repeated request.

    Raises:
        NotFound, Forbidden: the caller cannot manage the project.
        OutboundFailed: the URL is invalid, or its address is not allowed.
    """
    scope.check(new.project)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, _SavedWebhook)
        now = datetime.now(UTC)
        if done is not None:
            row = await get_webhook_row(scope, tx, done.id)
            secret = replay_secret(system, PLACE, row.id, row.secrets, done.secret, now)
            return CreatedWebhook(**dict(done) | {"secret": secret})
        key = uuid7()
        made = replace_secret(system, PLACE, key, None, now)
        row = WebhookRow(
            id=key,
            project_id=new.project,
            name=new.name,
            url=new.url,
            host=validate_url(system, new.url),
            event_types=sorted({kind.value for kind in new.event_types}),
            analyses_of_jobs=new.analyses_of_jobs,
            secrets=made.sealed,
            is_active=True,
            created_at=now,
            updated_at=now,
        )
        tx.session.add(row)
        await tx.session.flush()
        tx.audit("create", "webhook", row.id, row.project_id, host=row.host)
        fields = dict(_describe(row, (0, 0)))
        save_response(scope, tx, _SavedWebhook(**fields, secret=build_placeholder(made.secret)))
    return CreatedWebhook(**fields, secret=made.secret)


async def list_webhooks(
    system: AppContext,
    scope: Scope,
    project_id: int | None,
    wanted: WebhookFilter,
    *,
    descending: bool = True,
    limit: int,
    cursor: str | None,
) -> WebhookPage:
    """List the webhooks of a project, or of all that the caller manages, by creation."""
    async with system.database.transaction(scope) as tx:
        statement = select_webhooks(scope, project_id, wanted)
        order = [(WebhookRow.created_at, datetime), (WebhookRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=descending, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        counts = await count_deliveries(scope, tx, [row.id for row in rows])
        nats = await _find_nats_state(scope, tx)
    results = [_describe(row, counts[row.id]) for row in rows]
    return WebhookPage(
        results=results, next=following, count=count, count_is_estimate=estimated, nats=nats
    )


async def get_webhook(system: AppContext, scope: Scope, webhook_id: UUID) -> Webhook:
    """Return a webhook.

    Raises:
        NotFound, Forbidden: the caller has no such webhook.
    """
    async with system.database.transaction(scope) as tx:
        return await _describe_one(scope, tx, await get_webhook_row(scope, tx, webhook_id))


async def update_webhook(
    system: AppContext, scope: Scope, webhook_id: UUID, change: WebhookUpdate
) -> Webhook:
    """Update a webhook; omitted fields keep their values.

    An enabled webhook gets the deliveries that waited for it.

    Raises:
        NotFound, Forbidden: the caller has no such webhook.
        PreconditionFailed: the webhook was changed since it was read.
        OutboundFailed: the URL is invalid, or its address is not allowed.
        Unprocessable: a field is null.
    """
    given = change.model_dump(exclude_unset=True, mode="json")
    if empty := [name for name, value in given.items() if value is None]:
        raise Unprocessable(f"{empty[0]} cannot be empty. Nothing was changed.")
    async with system.database.transaction(scope) as tx:
        row = await get_webhook_row(scope, tx, webhook_id, lock=True)
        scope.check_unchanged(row.updated_at)
        if "url" in given:
            row.host = validate_url(system, given["url"])
        if "event_types" in given:
            given["event_types"] = sorted(set(given["event_types"]))
        if given.get("url", row.url) != row.url or given.get("is_active"):
            # The recorded errors belong to another URL, or to the time before it was disabled.
            row.failing_since = row.last_error = row.disabled_reason = None
        for name, value in given.items():
            setattr(row, name, value)
        row.updated_at = datetime.now(UTC)
        where = {"host": row.host} if "url" in given else {}
        tx.audit("change", "webhook", row.id, row.project_id, fields=sorted(given), **where)
        await tx.session.flush()
        return await _describe_one(scope, tx, row)


async def delete_webhook(system: AppContext, scope: Scope, webhook_id: UUID) -> None:
    """Delete a webhook with its log; nothing is sent to it after the commit.

    Raises:
        NotFound, Forbidden: the caller has no such webhook.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_webhook_row(scope, tx, webhook_id, lock=True)
        scope.check_unchanged(row.updated_at)
        # The row is purged after its log: deleting a long log here would block others.
        row.deleted_at, row.is_active = datetime.now(UTC), False
        tx.audit("delete", "webhook", row.id, row.project_id, host=row.host)


async def rotate_secret(system: AppContext, scope: Scope, webhook_id: UUID) -> WebhookSecret:
    """Replace the secret; the previous one also signs for another day.

    Raises:
        NotFound, Forbidden: the caller has no such webhook.
    """
    find_row = partial(get_webhook_row, webhook_id=webhook_id, lock=True)
    return await rotate_signing_secret(
        system, scope, PLACE, find_row, WebhookSecret, "rotate secret", "webhook"
    )


async def ping_webhook(system: AppContext, scope: Scope, webhook_id: UUID) -> Delivery:
    """Send a test event to a webhook once and return the result.

    Raises:
        NotFound, Forbidden: the caller has no such webhook.
    """
    async with system.database.transaction(scope) as tx:
        webhook = await get_webhook_row(scope, tx, webhook_id)
        now = datetime.now(UTC)
        ping = DeliveryRow(
            id=uuid7(),
            project_id=webhook.project_id,
            webhook_id=webhook.id,
            event_type=PING,
            data={"project_id": webhook.project_id, "id": str(webhook.id)},
            state="waiting",
            created_at=now,
            next_attempt_at=now - timedelta(seconds=PING_FOR_S),
            give_up_at=now,
        )
        tx.session.add(ping)
        await tx.session.flush()
        # Claimed before the commit, so that no other process attempts it.
        [claimed] = await claim_deliveries(scope, tx, [(webhook.id, 1)], PING_FOR_S, only=ping.id)
        tx.audit("test", "webhook", webhook.id, webhook.project_id)
    client = build_client(system)
    try:
        await handle_outcome(
            system, Scope.system(), claimed, await send_event(system, client, claimed)
        )
    finally:
        await client.close()
    async with system.database.transaction(scope) as tx:
        webhook = await get_webhook_row(scope, tx, webhook_id)
        return _describe_delivery(await get_delivery_row(scope, tx, webhook, claimed.id))


async def list_deliveries(
    system: AppContext,
    scope: Scope,
    webhook_id: UUID,
    wanted: DeliveryFilter,
    limit: int,
    cursor: str | None,
) -> Page[Delivery]:
    """List the delivery log of a webhook, newest first.

    Raises:
        NotFound, Forbidden: the caller has no such webhook.
    """
    async with system.database.transaction(scope) as tx:
        webhook = await get_webhook_row(scope, tx, webhook_id)
        statement = select_deliveries(scope, webhook, wanted)
        order = [(DeliveryRow.created_at, datetime), (DeliveryRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=True, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
    results = [_describe_delivery(row) for row in rows]
    return Page(results=results, next=following, count=count, count_is_estimate=estimated)


async def replay_deliveries(
    system: AppContext, scope: Scope, webhook_id: UUID, wanted: ReplayRequest
) -> ReplayResult:
    """Attempt deliveries again for another day, with the same IDs.

    These are the named deliveries, else up to 10,000 failed ones.

    Raises:
        NotFound, Forbidden: the caller has no such webhook.
        Conflict: the webhook is disabled.
    """
    fitting = DeliveryFilter(
        event_type=wanted.event_type,
        created_after=wanted.created_after,
        created_before=wanted.created_before,
    )
    async with system.database.transaction(scope) as tx:
        webhook = await get_webhook_row(scope, tx, webhook_id)
        if not webhook.is_active:
            raise Conflict("This webhook is disabled. Nothing was changed. Enable it first.")
        count = await requeue_deliveries(scope, tx, webhook, wanted.deliveries, fitting)
        tx.audit("replay", "webhook", webhook.id, webhook.project_id, deliveries=count)
    return ReplayResult(replayed=count)


async def replay_delivery(
    system: AppContext, scope: Scope, webhook_id: UUID, delivery_id: UUID
) -> ReplayResult:
    """Attempt one delivery again.

    Raises:
        NotFound, Forbidden: the caller has no such delivery.
        Conflict: the webhook is disabled.
    """
    async with system.database.transaction(scope) as tx:
        await get_delivery_row(scope, tx, await get_webhook_row(scope, tx, webhook_id), delivery_id)
    return await replay_deliveries(
        system, scope, webhook_id, ReplayRequest(deliveries=[delivery_id])
    )


async def _find_nats_state(scope: Scope, tx: Transaction) -> NatsState | None:
    if not await has_subjects(scope, tx):
        return None
    outage = await find_outage(scope, tx)
    return NatsState(failing_since=outage and outage.since, error=outage and outage.reason)


async def _describe_one(scope: Scope, tx: Transaction, row: WebhookRow) -> Webhook:
    return _describe(row, (await count_deliveries(scope, tx, [row.id]))[row.id])


def _describe(row: WebhookRow, counts: Sequence[int]) -> Webhook:
    own = {
        name: getattr(row, name)
        for name in Webhook.model_fields
        if name not in ("project", "waiting", "failed")
    }
    return Webhook(**own, project=row.project_id, waiting=counts[0], failed=counts[1])


def _describe_delivery(row: DeliveryRow) -> Delivery:
    fields = {name: getattr(row, name) for name in Delivery.model_fields}
    if row.state != DeliveryState.WAITING:
        fields["next_attempt_at"] = None
    return Delivery(**fields)
