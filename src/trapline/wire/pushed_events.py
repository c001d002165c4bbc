"""Pushed events: messages that tell a pull source of new files, and the secret that signs them."""

from typing import Any

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Count, Message, Time


class PushedEvents(Message):
    """Tell of new files: addresses under the source's own, or notifications of an S3 service as it sends them."""

    urls: list[str] = Field(default_factory=list, max_length=1000)
    Records: list[dict[str, Any]] = Field(default_factory=list, max_length=1000)


class RejectedEvent(Message):
    """One element that was not taken, and why."""

    element: AnyText
    reason: AnyText


class PushedEventsResult(Message):
    """How many files were noted, and what was refused. `run_id` is the run that takes them, null
    where none began:

    the one in progress is followed by one for them, and a paused source takes them once it goes on.
    """

    noted: Count
    refused: list[RejectedEvent]
    run_id: UUID | None
    detail: AnyText


class EventSecret(Message):
    """The secret that signs a source's events, shown this once.

    The one before holds until `previous_until`.
    """

    secret: AnyText
    previous_until: Time | None
