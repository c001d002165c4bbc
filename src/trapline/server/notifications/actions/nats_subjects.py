"""Publication of events as NATS subjects, for each project if a NATS server is set."""

from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from trapline.server.notifications.actions.deliveries import PLACE
from trapline.server.notifications.nats_publisher import NatsPublisher
from trapline.server.notifications.queries.nats_subjects import (
    SUBJECTS,
    list_projects_without_subject,
    record_server_answer,
    record_server_failure,
    set_subjects_enabled,
)
from trapline.server.notifications.queries.webhooks import WebhookRow
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.base import Transaction
from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.signing_secrets import replace_secret


def build_subject_row(system: AppContext, project_id: int) -> WebhookRow:
    """Build the row that publishes the events of a project."""
    key, now = uuid7(), datetime.now(UTC)
    return WebhookRow(
        id=key,
        project_id=project_id,
        name="",
        url="",
        host=SUBJECTS,
        event_types=[],
        analyses_of_jobs=False,
        # Unused, but required: a rotation of the secret key reads it in every row.
        secrets=replace_secret(system, PLACE, key, None, now).sealed,
        is_active=True,
        created_at=now,
        updated_at=now,
    )


async def create_project_subject(system: AppContext, tx: Transaction, project_id: int) -> None:
    """Publish the events of a new project as NATS subjects, if a NATS server is set."""
    if system.nats_url is not None:
        tx.session.add(build_subject_row(system, project_id))


async def sync_subjects(system: AppContext, scope: Scope) -> None:
    """Enable publication for all projects if a NATS server is set; otherwise disable it."""
    async with system.database.transaction(scope) as tx:
        if system.nats_url is not None:
            for project_id in await list_projects_without_subject(scope, tx):
                tx.session.add(build_subject_row(system, project_id))
            await tx.session.flush()
        await set_subjects_enabled(scope, tx, system.nats_url is not None)


async def check_server(system: AppContext, scope: Scope, subjects: NatsPublisher) -> None:
    """Check whether the NATS server can be reached, and record the start and reason of an outage.

    When an outage ends, the events that wait are due immediately. A server that can be reached but
    refuses events stays reported until an event is published.
    """
    error = None
    try:
        await subjects.check()
    except OutboundFailed as failure:
        error = failure.detail
    async with system.database.transaction(scope) as tx:
        if error is None:
            await record_server_answer(scope, tx)
        else:
            await record_server_failure(scope, tx, error)
