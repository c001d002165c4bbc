"""Notification subscriptions of the caller: create, list, delete, and send a test e-mail."""

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from trapline.server.accounts.queries.accounts import get_user_row
from trapline.server.notifications.queries.notices import (
    EmailStatus,
    NoticeRow,
    get_notice_row,
    list_email_statuses,
    select_own_notices,
    upsert_notice,
)
from trapline.server.notifications.rules.notice_texts import render_test_email
from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.db.idempotency import find_saved_response, save_response
from trapline.server.platform.db.pagination import count_rows, fetch_page
from trapline.server.platform.errors import Conflict, Forbidden, OutboundFailed, Unprocessable
from trapline.server.platform.network.email_sender import EmailMessage, send_email
from trapline.wire.notices import (
    SILENT_FOR_H,
    EmailTestResult,
    NewNotice,
    Notice,
    NoticeKind,
    Notices,
)

MOST = 100
"""Maximum number of subscriptions of one user in one project."""
NO_MAIL = (
    "This server does not send e-mail. Nothing was changed. Ask its operator to set "
    "TRAPLINE_SMTP_URL and to restart it; see docs/how-to/configure-email-notifications.md."
)


async def create_notice(system: AppContext, scope: Scope, new: NewNotice) -> Notice:
    """Create a subscription, or change the caller's existing one of this kind and class.

    Raises:
        NotFound, Forbidden: the caller has no access to the project, or is not a user.
        Unprocessable: fields do not fit the kind.
        Conflict: the server does not send e-mail, or the user has too many subscriptions.
    """
    scope.check(new.project)
    user_id = _require_user(scope)
    _validate_fields(new)
    if system.mail_server is None:
        raise Conflict(NO_MAIL)
    async with system.database.transaction(scope) as tx:
        done = await find_saved_response(scope, tx, Notice)
        if done is not None:
            return done
        wanted = NoticeRow(
            id=uuid7(),
            project_id=new.project,
            user_id=user_id,
            kind=new.kind.value,
            class_name=new.class_name or "",
            silent_for_h=new.silent_for_h or SILENT_FOR_H.get(new.kind),
            confidence_min=(new.confidence_min or 0.0)
            if new.kind == NoticeKind.CLASS_SEEN
            else None,
        )
        row = await upsert_notice(scope, tx, wanted, MOST)
        if row is None:
            raise Conflict(
                f"A member can have up to {MOST} notification subscriptions in a project. You have "
                "this number, or are not a member. Nothing was changed. Delete a subscription, or "
                "ask an owner to add you as a member."
            )
        tx.audit("ask", "notice", row.id, row.project_id, kind=row.kind)
        sendings = await list_email_statuses(scope, tx, user_id)
        return save_response(scope, tx, _describe(row, sendings))


async def list_notices(
    system: AppContext, scope: Scope, project_id: int | None, limit: int, cursor: str | None
) -> Notices:
    """List the caller's subscriptions in a project, or in all, newest first."""
    if project_id is not None:
        scope.check(project_id)
    user_id = _require_user(scope)
    async with system.database.transaction(scope) as tx:
        statement = select_own_notices(scope, project_id)
        order = [(NoticeRow.created_at, datetime), (NoticeRow.id, UUID)]
        rows, following = await fetch_page(
            tx, statement, order, descending=True, limit=limit, cursor=cursor
        )
        count, estimated = await count_rows(tx, statement)
        sendings = await list_email_statuses(scope, tx, user_id)
        address = (await get_user_row(scope, tx, user_id)).email
    return Notices(
        results=[_describe(row, sendings) for row in rows],
        next=following,
        count=count,
        count_is_estimate=estimated,
        address=address,
        can_be_sent=system.mail_server is not None,
    )


async def delete_notice(system: AppContext, scope: Scope, notice_id: UUID) -> None:
    """Delete a subscription of the caller; events that were not sent yet are dropped.

    Raises:
        NotFound: the caller has no such subscription.
    """
    async with system.database.transaction(scope) as tx:
        row = await get_notice_row(scope, tx, notice_id)
        tx.audit("end", "notice", row.id, row.project_id, kind=row.kind)
        await tx.session.delete(row)


async def send_test_email(system: AppContext, scope: Scope) -> EmailTestResult:
    """Send the caller a test e-mail once and return the result.

    Raises:
        Forbidden: the caller is not a user.
        Conflict: the server does not send e-mail.
    """
    user_id = _require_user(scope)
    if system.mail_server is None:
        raise Conflict(NO_MAIL)
    async with system.database.transaction(scope) as tx:
        address = (await get_user_row(scope, tx, user_id)).email
        tx.audit("test", "notice", user_id)
    subject, text = render_test_email(system.public_url)
    error = None
    try:
        await send_email(
            system.mail_server,
            EmailMessage(str(uuid7()), address, subject, text, datetime.now(UTC)),
        )
    except OutboundFailed as failure:
        error = failure.detail
    return EmailTestResult(address=address, sent=error is None, error=error)


def _require_user(scope: Scope) -> UUID:
    if scope.user_id is None:
        raise Forbidden(
            "Notifications are sent to the e-mail address of a user, and this API token has no "
            "user. Nothing was changed."
        )
    return scope.user_id


def _validate_fields(new: NewNotice) -> None:
    is_seen = new.kind == NoticeKind.CLASS_SEEN
    if is_seen and new.class_name is None:
        raise Unprocessable("`class_name` is missing. Nothing was changed. Name a class.")
    if not is_seen and (new.class_name is not None or new.confidence_min is not None):
        raise Unprocessable(
            "`class_name` and `confidence_min` are only for class_seen. Nothing was changed. Leave "
            "them out."
        )
    if new.silent_for_h is not None and new.kind not in SILENT_FOR_H:
        raise Unprocessable(
            "`silent_for_h` is only for deployment_silent and source_silent. Nothing was changed. "
            "Leave it out."
        )


def _describe(row: NoticeRow, sendings: dict[tuple[int, str], EmailStatus]) -> Notice:
    sending = sendings.get((row.project_id, row.kind), EmailStatus())
    return Notice(
        id=row.id,
        project=row.project_id,
        kind=NoticeKind(row.kind),
        silent_for_h=row.silent_for_h,
        class_name=row.class_name or None,
        confidence_min=row.confidence_min,
        created_at=row.created_at,
        last_sent_at=sending.last_sent_at,
        last_error=sending.last_error,
    )
