"""Sign-in, sign-out, one-time links, sessions, passwords and the current user."""

from operator import attrgetter
from uuid import UUID

from fastapi import APIRouter, Request, Response

from trapline.server.accounts.actions import (
    auth,
    one_time_links,
    password_resets,
    passwords,
    sessions,
    users,
)
from trapline.server.accounts.routes.access import ScopeOf, SystemOf, get_cookie_name
from trapline.server.platform.db.cursors import slice_page
from trapline.server.platform.http.parameters import Cursor, Limit
from trapline.server.platform.http.request_context import OriginOf
from trapline.wire.auth import (
    BrowserSession,
    Caller,
    LinkSignInRequest,
    LinkState,
    LinkStateRequest,
    PasswordResetRequest,
    PasswordUpdate,
    SignIn,
)
from trapline.wire.users import CurrentUserUpdate
from trapline.wire.values import Page

router = APIRouter(prefix="/auth", tags=["auth"])


def set_session_cookie(
    system: SystemOf, response: Response, signed_in: auth.CreatedSession
) -> Caller:
    """Set the cookie of a new session and return its caller."""
    response.set_cookie(
        get_cookie_name(system),
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
    """Sign in by e-mail address and password; the response sets a cookie."""
    return set_session_cookie(system, response, await auth.sign_in(system, origin, given))


@router.post("/sign-out", status_code=204)
async def sign_out(system: SystemOf, scope: ScopeOf, request: Request, response: Response) -> None:
    """End this session."""
    await auth.sign_out(system, scope, request.cookies[get_cookie_name(system)])
    response.delete_cookie(
        get_cookie_name(system),
        httponly=True,
        samesite="lax",
        secure=system.public_url.startswith("https://"),
    )


@router.get("/me")
async def get_current_user(system: SystemOf, scope: ScopeOf, request: Request) -> Caller:
    """Get the caller of this request."""
    session = request.cookies.get(get_cookie_name(system)) if scope.kind is None else None
    return await auth.get_caller(system, scope, session)


@router.patch("/me")
async def update_current_user(
    system: SystemOf, scope: ScopeOf, request: Request, change: CurrentUserUpdate
) -> Caller:
    """Change your name."""
    await users.update_own_name(system, scope, change.name)
    return await get_current_user(system, scope, request)


@router.post("/password-reset", status_code=204)
async def request_password_reset(
    system: SystemOf, origin: OriginOf, given: PasswordResetRequest
) -> None:
    """Request an e-mail with a link for a new password, if an account has this address.

    The response does not show whether one has. The link works once, within 24 hours. Status 404 if
    the server sends no e-mail: `GET /auth/methods` shows that.
    """
    await password_resets.request_password_reset(system, origin, given.email)


@router.post("/link/state")
async def get_link(system: SystemOf, given: LinkStateRequest) -> LinkState:
    """Get the purpose of a one-time link without using it."""
    return await one_time_links.get_link(system, given.link)


@router.post("/link")
async def use_link(
    system: SystemOf, origin: OriginOf, given: LinkSignInRequest, response: Response
) -> Caller:
    """Sign in by a one-time link, which can also create the owner's account or set a password."""
    return set_session_cookie(
        system, response, await one_time_links.use_link(system, origin, given)
    )


@router.put("/password", status_code=204)
async def update_password(system: SystemOf, scope: ScopeOf, change: PasswordUpdate) -> None:
    """Set your password and end your other sessions. API tokens stay valid."""
    await passwords.update_password(system, scope, change)


@router.get("/sessions")
async def list_sessions(
    system: SystemOf, scope: ScopeOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[BrowserSession]:
    """List your sessions in browsers, most recently used first."""
    return slice_page(
        await sessions.list_own_sessions(system, scope), attrgetter("id"), limit, cursor
    )


@router.delete("/sessions", status_code=204)
async def delete_other_sessions(system: SystemOf, scope: ScopeOf) -> None:
    """End all of your sessions except this one."""
    await sessions.end_other_sessions(system, scope)


@router.delete("/sessions/{session_id}", status_code=204)
async def delete_session(system: SystemOf, scope: ScopeOf, session_id: UUID) -> None:
    """End one of your sessions."""
    await sessions.end_own_session(system, scope, session_id)
