"""Pushed events: messages to a pull source about new files, and their signing secret."""

from typing import Any

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Count, Message, Time


class PushedEvents(Message):
    """Event of new files: URLs below that of the source, or the notification of an S3 service."""

    urls: list[str] = Field(default_factory=list, max_length=1000)
    Records: list[dict[str, Any]] = Field(default_factory=list, max_length=1000)


class RejectedEvent(Message):
    """One rejected element, with the reason."""

    element: AnyText
    reason: AnyText


class PushedEventsResult(Message):
    """Number of recorded files, and the rejected elements.

    `run_id` is the run that imports the files; null if none was started. If a run is in progress,
    another one follows for the files. A paused source imports them when it is resumed.
    """

    recorded: Count
    refused: list[RejectedEvent]
    run_id: UUID | None
    detail: AnyText


class EventSecret(Message):
    """The secret that signs events of a source; it is shown only once.

    The previous secret is valid until `previous_until`.
    """

    secret: AnyText
    previous_until: Time | None
