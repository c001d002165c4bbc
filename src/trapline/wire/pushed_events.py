"""Pushed events: messages to a pull source about new files, and their signing secret."""

from typing import Any

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Count, Message, Time


class PushedEvents(Message):
    """Event of new files: URLs below that of the source, or the notification of an S3 service."""

    urls: list[str] = Field(default_factory=list, max_length=1000)
    Records: list[dict[str, Any]] = Field(default_factory=list, max_length=1000)


class RejectedEvent(Message):
    """One element that was not taken, and why."""

    element: AnyText
    reason: AnyText


class PushedEventsResult(Message):
    """How many files were noted, and what was refused. `run_id` is the run that takes them, null
    where none began:

    a run in progress is followed by one for them, and a paused source imports them when resumed.
    """

    recorded: Count
    refused: list[RejectedEvent]
    run_id: UUID | None
    detail: AnyText


class EventSecret(Message):
    """The secret that signs a source's events, shown this once.

    The one before holds until `previous_until`.
    """

    secret: AnyText
    previous_until: Time | None
