"""Sign-in with an OpenID provider: sign-in methods, redirect and callback."""

from typing import Annotated

from pydantic import AfterValidator, Field

from trapline.wire.values import AnyText, Message, Request, reject_nul

Told = Annotated[str, Field(max_length=4096), AfterValidator(reject_nul)]


class OidcMethod(Message):
    """An OpenID provider for sign-in; `name` is the text of its button."""

    name: AnyText


class SignInMethods(Message):
    """Sign-in methods of the server.

    Passwords and one-time links are always available, an OpenID provider only if it is configured.
    `password_reset`: the server sends links for a new password by e-mail.
    """

    oidc: OidcMethod | None
    password_reset: bool = False


class OidcRedirect(Message):
    """URL of the provider's sign-in page, which redirects the browser back with a code."""

    url: AnyText


class OidcCallback(Request):
    """Response of the provider, as the browser returns it: `code` and `state`, or `error`."""

    state: Told
    code: Told | None = None
    error: Told | None = None
