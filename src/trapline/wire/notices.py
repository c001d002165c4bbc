"""Notices: what a person asked to be written to about, by e-mail."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Fraction, Id, Message, Name, Page, Request, Time


class NoticeKind(StrEnum):
    """What a person can be written to about."""

    DEPLOYMENT_SILENT = "deployment_silent"
    SOURCE_SILENT = "source_silent"
    JOB_FAILED = "job_failed"
    CLASS_SEEN = "class_seen"


SILENT_FOR_H = {NoticeKind.DEPLOYMENT_SILENT: 72, NoticeKind.SOURCE_SILENT: 24}
"""After how many hours without an image somebody is written to who did not say."""


class NewNotice(Request):
    """Ask to be written to about a project; asked for again, the same kind (and class) is changed.

    `silent_for_h` are the hours without an image after which a camera or a source counts as silent:
    72 and 24 unless told. `class_name` and `confidence_min` are for `class_seen`.
    """

    project: Id
    kind: NoticeKind
    silent_for_h: Annotated[int, Field(ge=1, le=2160)] | None = None
    class_name: Name | None = None
    confidence_min: Fraction | None = None


class Notice(Message):
    """What a person asked for. `last_sent_at` is when the last e-mail of this kind went out.

    `last_error` is why the newest one did not, or not yet.
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
    """What the caller asked for; `address` is where it goes, `can_be_sent` whether this server sends e-mail at all."""

    address: AnyText | None
    can_be_sent: bool


class EmailTestResult(Message):
    """How the sending of a test went: `error` says why it did not."""

    address: AnyText
    is_sent: bool
    error: AnyText | None
