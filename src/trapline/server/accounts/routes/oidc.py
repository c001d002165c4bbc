"""Sign-in by the organisation's OpenID provider, if one is configured."""

from fastapi import APIRouter, Request, Response

from trapline.server.accounts.actions import oidc
from trapline.server.accounts.routes.access import SystemOf, require_same_origin
from trapline.server.accounts.routes.auth import set_session_cookie
from trapline.server.platform.http.rate_limits import limit_visitor
from trapline.server.platform.http.request_context import OriginOf
from trapline.server.platform.network.oidc_tokens import SIGN_IN_WITHIN_S
from trapline.wire.auth import Caller
from trapline.wire.oidc import OidcCallback, OidcRedirect, SignInMethods

router = APIRouter(prefix="/auth", tags=["auth"])


def _cookie_of(system: SystemOf) -> str:
    return "__Host-trapline_oidc" if system.public_url.startswith("https://") else "trapline_oidc"


@router.get("/methods")
async def list_sign_in_methods(system: SystemOf, request: Request) -> SignInMethods:
    """List the methods to sign in."""
    limit_visitor(request, system)
    return oidc.list_sign_in_methods(system)


@router.post("/oidc/begin")
async def begin_oidc(system: SystemOf, request: Request, response: Response) -> OidcRedirect:
    """Start a sign-in by the OpenID provider.

    The response contains the URL of the provider and sets a cookie for ten minutes.
    """
    limit_visitor(request, system)
    require_same_origin(request)
    begun, cookie = await oidc.begin_sign_in(system)
    response.set_cookie(
        _cookie_of(system),
        cookie,
        max_age=SIGN_IN_WITHIN_S,
        httponly=True,
        samesite="lax",
        secure=system.public_url.startswith("https://"),
    )
    response.headers["Cache-Control"] = "no-store"
    return begun


@router.post("/oidc")
async def finish_oidc(
    system: SystemOf, origin: OriginOf, given: OidcCallback, request: Request, response: Response
) -> Caller:
    """Finish a sign-in with the parameters of the provider's redirect; sets the session cookie.

    Only users with an account can sign in: by the identity of an earlier sign-in, then by a
    verified e-mail address.
    """
    require_same_origin(request)
    signed_in = await oidc.finish_sign_in(
        system, origin, given, request.cookies.get(_cookie_of(system))
    )
    response.delete_cookie(
        _cookie_of(system),
        httponly=True,
        samesite="lax",
        secure=system.public_url.startswith("https://"),
    )
    return set_session_cookie(system, response, signed_in)
