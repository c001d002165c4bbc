"""E-mails of notifications: collect events, and send each e-mail at least once, with retries."""

import asyncio
import random
from datetime import UTC, datetime

import structlog

from trapline.server.notifications.queries.notice_emails import (
    ClaimedEmail,
    claim_emails,
    create_emails,
    hide_names,
    purge_email_batch,
    record_attempt,
)
from trapline.server.notifications.queries.notices import update_silences
from trapline.server.notifications.rules.notice_texts import render_subject, render_text
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.network.email_sender import EmailMessage, SmtpServer, send_email
from trapline.server.platform.webhook_signatures import find_last_retry_delay, get_retry_delay

log = structlog.get_logger(__name__)

GATHER_S = 60.0
"""Minimum time in which events are collected into one e-mail."""
EVERY_S = 900.0
"""Minimum time between two e-mails of a kind to one user about one project."""
AT_ONCE = 4
TAKEN_FOR_S = 60.0
"""Time after which an attempt of a killed process is repeated."""
BATCH = 5000

_chance = random.Random()  # noqa: S311 - jitter


async def record_silences(system: AppContext, scope: Scope) -> None:
    """Record which cameras and sources became silent, as events of notifications."""
    async with system.database.transaction(scope) as tx:
        await update_silences(scope, tx)


async def send_emails(
    system: AppContext, scope: Scope, gather_s: float = GATHER_S, every_s: float = EVERY_S
) -> bool:
    """Collect events into e-mails, and send those that are due; return whether there may be more.

    Without a mail server no e-mails are created, and events are purged after some days.
    """
    if system.mail_server is None:
        return False
    async with system.database.transaction(scope) as tx:
        await create_emails(scope, tx, gather_s, every_s)
        claimed = await claim_emails(scope, tx, AT_ONCE, TAKEN_FOR_S)
        taken = [await hide_names(tx, mail) for mail in claimed]
    await asyncio.gather(*[_deliver(system, scope, system.mail_server, mail) for mail in taken])
    return len(taken) == AT_ONCE


async def purge_emails(system: AppContext, scope: Scope) -> bool:
    """Purge a batch of old e-mails and events; return whether there may be more."""
    async with system.database.transaction(scope) as tx:
        return await purge_email_batch(scope, tx, BATCH) >= BATCH


async def _deliver(
    system: AppContext, scope: Scope, server: SmtpServer, mail: ClaimedEmail
) -> None:
    state, error, wait_s = "delivered", None, 0.0
    try:
        await send_email(server, _write(system, mail))
    except OutboundFailed as failure:
        left_s = (mail.give_up_at - datetime.now(UTC)).total_seconds()
        pause_s = find_last_retry_delay(get_retry_delay(mail.attempts, _chance.random()), left_s)
        state, error, wait_s = (
            "failed" if pause_s is None else "waiting",
            failure.detail,
            pause_s or 0.0,
        )
        log.warning(
            "an e-mail was not sent",
            mail=str(mail.id),
            project=mail.project_id,
            reason=error,
            state=state,
        )
    async with system.database.transaction(scope) as tx:
        await record_attempt(scope, tx, mail, state, error, wait_s)


def _write(system: AppContext, mail: ClaimedEmail) -> EmailMessage:
    base = f"{system.public_url}/projects/{mail.project_id}"
    text = render_text(
        mail.kind,
        mail.project,
        mail.items,
        mail.told,
        lambda part: f"{base}/{part}",
        f"{base}/settings/notices",
    )
    subject = render_subject(mail.kind, mail.project, mail.items, mail.told)
    return EmailMessage(str(mail.id), mail.email, subject, text, mail.created_at)
