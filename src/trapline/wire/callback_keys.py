"""Callback keys: what the processing services of outside pipelines sign with, and the check of a signature."""

from typing import Annotated

from pydantic import Field

from trapline.wire.values import UUID, AnyText, Id, Message, Name, Request, Text, Time


class CallbackKey(Message):
    """A service key, without its secret: who signs with it, and for which projects."""

    id: UUID
    key_id: AnyText
    name: AnyText
    service: AnyText
    projects: list[Id]
    created_at: Time
    last_used_at: Time | None
    revoked_at: Time | None


class CreatedCallbackKey(CallbackKey):
    """A new service key with its secret, which is shown this once."""

    secret: AnyText


class NewCallbackKey(Request):
    """A key for a processing service of yours, which is made if there is none of this name."""

    projects: Annotated[list[Id], Field(min_length=1, max_length=1000)]
    service: Name
    name: Annotated[Text, Field(max_length=255)] = ""


class SignatureCheckRequest(Request):
    """A request as it was sent: its method, its target, its headers and its body.

    `signed_message` is what its sender put into the HMAC, if that is known: the first byte that
    differs is found. `body_base64` is for a body that is no text.
    """

    project: Id
    method: Annotated[str, Field(max_length=10, pattern=r"^[A-Za-z]{1,10}$")] = "POST"
    target: Annotated[Text, Field(min_length=1, max_length=2000)]
    headers: dict[Text, Text]
    body: Annotated[AnyText, Field(max_length=1_000_000)] = ""
    body_base64: Annotated[str, Field(max_length=1_400_000)] | None = None
    signed_message: Annotated[AnyText, Field(max_length=1_000_000)] | None = None


class SignatureCheckPart(Message):
    """One part of a signature: whether it holds, and in words what is wrong or was found."""

    part: AnyText
    holds: bool
    words: AnyText


class SignatureCheckResult(Message):
    """What was found about a signature: whether it holds, part by part, and what the server signs for this request."""

    holds: bool
    parts: list[SignatureCheckPart]
    expected_message: AnyText | None
    first_difference: int | None
