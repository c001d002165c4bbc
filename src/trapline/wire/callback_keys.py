"""Callback keys, which sign requests of external pipelines, and the check of a signature."""

from typing import Annotated

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Id, Message, Name, Request, Text, Time


class CallbackKey(Message):
    """A service key without its secret: its processing service and its projects."""

    id: UUID
    key_id: AnyText
    name: AnyText
    service: AnyText
    projects: list[Id]
    created_at: Time
    last_used_at: Time | None
    revoked_at: Time | None


class CreatedCallbackKey(CallbackKey):
    """A new service key with its secret, which is shown only once."""

    secret: AnyText


class NewCallbackKey(Request):
    """Request to create a key for a processing service, which is created if it does not exist."""

    projects: Annotated[list[Id], Field(min_length=1, max_length=1000)]
    service: Name
    name: Annotated[Text, Field(max_length=255)] = ""


class SignatureCheckRequest(Request):
    """A request as it was sent: its method, target, headers and body.

    `signed_message` is the input of the sender's HMAC, if it is known; the first different byte is
    then reported. `body_base64` is for a body that is not text.
    """

    project: Id
    method: Annotated[str, Field(max_length=10, pattern=r"^[A-Za-z]{1,10}$")] = "POST"
    target: Annotated[Text, Field(min_length=1, max_length=2000)]
    headers: dict[Text, Text]
    body: Annotated[AnyText, Field(max_length=1_000_000)] = ""
    body_base64: Annotated[str, Field(max_length=1_400_000)] | None = None
    signed_message: Annotated[AnyText, Field(max_length=1_000_000)] | None = None


class SignatureCheckPart(Message):
    """Result for one component of a signature: whether it is valid, and a message."""

    component: AnyText
    valid: bool
    message: AnyText


class SignatureCheckResult(Message):
    """Result of a signature check, by component, with the message that the server signs."""

    valid: bool
    parts: list[SignatureCheckPart]
    expected_message: AnyText | None
    first_difference: int | None
