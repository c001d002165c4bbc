"""Sign in and out, one-time links, who am I."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from trapline.server.actions import auth
from trapline.server.routes.access import OriginOf, ScopeOf, SystemOf, cookie_of
from trapline.wire.auth import Caller, LinkState, LinkUse, SignIn

router = APIRouter(prefix="/auth", tags=["auth"])


def _keep_cookie(system: SystemOf, response: Response, signed_in: auth.SignedIn) -> Caller:
    response.set_cookie(
        cookie_of(system),
        signed_in.secret,
        max_age=int(auth.SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=system.public_url.startswith("https://"),
    )
    response.headers["Cache-Control"] = "no-store"
    return signed_in.caller


@router.post("/sign-in")
async def sign_in(system: SystemOf, origin: OriginOf, given: SignIn, response: Response) -> Caller:
    """Sign in by e-mail and password; the answer sets a cookie."""
    return _keep_cookie(system, response, await auth.sign_in(system, origin, given))


@router.post("/sign-out", status_code=204)
async def sign_out(system: SystemOf, scope: ScopeOf, request: Request, response: Response) -> None:
    """End this session."""
    await auth.sign_out(system, scope, request.cookies[cookie_of(system)])
    response.delete_cookie(
        cookie_of(system), httponly=True, samesite="lax", secure=system.public_url.startswith("https://")
    )


@router.get("/me")
async def show_me(system: SystemOf, scope: ScopeOf, request: Request) -> Caller:
    """Tell who is behind this request."""
    session = request.cookies.get(cookie_of(system)) if scope.kind is None else None
    return await auth.show_caller(system, scope, session)


@router.get("/link")
async def show_link(system: SystemOf, link: Annotated[str, Query(max_length=200)]) -> LinkState:
    """Tell what a one-time link is for, without using it."""
    return await auth.show_link(system, link)


@router.post("/link")
async def use_link(system: SystemOf, origin: OriginOf, given: LinkUse, response: Response) -> Caller:
    """Sign in by a one-time link; the first one makes the owner's account."""
    return _keep_cookie(system, response, await auth.use_link(system, origin, given))
