"""Notices: subscriptions of users to e-mails."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Fraction, Id, Message, Name, Page, Request, Time


class NoticeKind(StrEnum):
    """Kind of a notice."""

    DEPLOYMENT_SILENT = "deployment_silent"
    SOURCE_SILENT = "source_silent"
    JOB_FAILED = "job_failed"
    CLASS_SEEN = "class_seen"


SILENT_FOR_H = {NoticeKind.DEPLOYMENT_SILENT: 72, NoticeKind.SOURCE_SILENT: 24}
"""Default hours without an image before a notice is sent."""


class NewNotice(Request):
    """Request to subscribe to e-mails about a project.

    A subscription of the same kind (and class) is changed. `silent_for_h` is the number of hours
    without an image after which a deployment or a source counts as silent: by default 72 and 24.
    `class_name` and `confidence_min` are for `class_seen`.
    """

    project: Id
    kind: NoticeKind
    silent_for_h: Annotated[int, Field(ge=1, le=2160)] | None = None
    class_name: Name | None = None
    confidence_min: Fraction | None = None


class Notice(Message):
    """Subscription of a user to a kind of notice; `last_sent_at` is the time of the last e-mail.

    `last_error` is the reason why the newest e-mail was not sent, or not yet.
    """

    id: UUID
    project: Id
    kind: NoticeKind
    silent_for_h: int | None
    class_name: AnyText | None
    confidence_min: Fraction | None
    created_at: Time
    last_sent_at: Time | None
    last_error: AnyText | None


class Notices(Page[Notice]):
    """Notices of the caller, the e-mail `address`, and whether this server can send e-mail."""

    address: AnyText | None
    can_be_sent: bool


class EmailTestResult(Message):
    """Result of a test e-mail; `error` is the reason if it was not sent."""

    address: AnyText
    sent: bool
    error: AnyText | None
