"""Signing in by the organisation's OpenID provider: how people sign in here, the way there, and the way back."""

from typing import Annotated

from pydantic import AfterValidator, Field

from trapline.wire.values import AnyText, Message, Request, reject_nul

Told = Annotated[str, Field(max_length=4096), AfterValidator(reject_nul)]


class OidcMethod(Message):
    """An OpenID provider that people sign in by; `name` is what its button says."""

    name: AnyText


class SignInMethods(Message):
    """How people sign in here: by password and one-time link always, by an OpenID provider where one is set."""

    oidc: OidcMethod | None


class OidcRedirect(Message):
    """Where the browser goes to sign in; it comes back to the page with a code."""

    url: AnyText


class OidcCallback(Request):
    """Response of the provider, as the browser returns it: `code` and `state`, or `error`."""

    state: Told
    code: Told | None = None
    error: Told | None = None
