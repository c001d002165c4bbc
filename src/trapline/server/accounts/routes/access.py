"""The caller of a request: authentication, and the check against the table of all routes."""

import hmac
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from starlette.exceptions import HTTPException
from starlette.types import Scope as ASGIScope
from structlog.contextvars import bind_contextvars

from trapline.server.accounts.actions.auth import (
    build_csrf_token,
    get_session_scope,
    get_token_scope,
)
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext, TokenBuckets
from trapline.server.platform.errors import (
    Forbidden,
    ServiceUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from trapline.server.platform.http.rate_limits import limit_caller, require_lookup_allowed
from trapline.server.platform.http.request_context import (
    OriginOf,
    get_minimal_origin,
)
from trapline.server.platform.http.route_access import SAFE, RouteAccess, get_route_access
from trapline.server.platform.secret_hash import hash_secret
from trapline.server.platform.telemetry import build_log_context

Found = TypeVar("Found", Scope, Scope | None)


async def get_app_context(request: Request) -> AppContext:
    """Return the context of this application; log entries get the IDs of the path."""
    bind_contextvars(**build_log_context(request.path_params))
    system: AppContext = request.app.state.system
    return system


SystemOf = Annotated[AppContext, Depends(get_app_context)]


def get_cookie_name(system: AppContext) -> str:
    """Return the name of the session cookie.

    Under HTTPS browsers reserve names with the prefix `__Host-` for this host.
    """
    return (
        "__Host-trapline_session"
        if system.public_url.startswith("https://")
        else "trapline_session"
    )


async def _find_caller(
    request: Request, system: AppContext, origin: RequestOrigin, *, anew: bool = True
) -> Scope:
    authorization = request.headers.get("authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() not in ("token", "bearer") or not token:
            raise Unauthenticated(
                "Send `Authorization: Bearer <API token>` (or `Token <API token>`)."
            )
        token = token.strip()
        buckets = system.rates.workers if token.startswith("tl_worker_") else system.rates.callers
        find_scope = partial(get_token_scope, system, token, origin, anew=anew)
        return await _look_up(request, system, buckets, hash_secret(token), find_scope)
    secret = request.cookies.get(get_cookie_name(system))
    scope = None
    if secret:
        find_session = partial(get_session_scope, system, secret, origin)
        scope = await _look_up(
            request, system, system.rates.callers, hash_secret(secret), find_session
        )
    if scope is None or secret is None:
        # Only the page sends a session or its CSRF token.
        if secret or "x-csrf-token" in request.headers:
            raise Unauthenticated("Your session has ended. Nothing was changed. Sign in again.")
        raise Unauthenticated(
            "Sign in on the page, or send an API token: `Authorization: Bearer <API token>`."
        )
    if request.method not in SAFE:
        _check_same_page(request, build_csrf_token(system, secret))
    return scope


async def _look_up(
    request: Request,
    system: AppContext,
    buckets: TokenBuckets[Hashable],
    key: bytes,
    find: Callable[[], Awaitable[Found]],
) -> Found:
    """Find the caller with these credentials, and count the request against its rate.

    Raises:
        TooManyRequests: the caller, or its address, has sent too many requests.
    """
    if key in buckets:
        limit_caller(request, buckets, key)
    else:
        require_lookup_allowed(request, system, key)
    found = await find()
    if found is not None:
        limit_caller(request, buckets, key)
    return found


def _check_same_page(request: Request, expected: str) -> None:
    """Require the CSRF token and the origin of the page.

    Browsers send the cookie with requests of any page; only our page knows the token.
    """
    require_same_origin(request)
    if not hmac.compare_digest(request.headers.get("x-csrf-token", "").encode(), expected.encode()):
        raise Forbidden("The page is out of date. Nothing was changed; reload it and try again.")


def require_same_origin(request: Request) -> None:
    """Refuse requests that a browser marks as sent by another web page.

    Raises:
        Forbidden: the origin differs from the host.
    """
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Forbidden("This request came from another web page. Nothing was changed.")


async def require_known_caller(scope: ASGIScope) -> None:
    """Authenticate the caller before a large body is read.

    Raises:
        HTTPException: 401, 403 or 429.
    """
    request = Request(scope)
    try:
        await _find_caller(request, await get_app_context(request), get_minimal_origin(request))
    except (Unauthenticated, Forbidden) as error:
        # The code that reads bodies passes on only this exception.
        raise HTTPException(error.status, error.detail) from error
    except TooManyRequests as error:
        raise HTTPException(
            error.status, error.detail, {"Retry-After": str(error.retry_after_s)}
        ) from error
    except ServiceUnavailable:
        return  # the route authenticates again and reports it


async def authorise(request: Request, system: SystemOf, origin: OriginOf) -> Scope:
    """Authenticate the caller and require that its kind can call this route.

    Projects are checked with their rows.
    """
    return await _authorise(request, system, origin, anew=False)


async def authorise_uncached(request: Request, system: AppContext, origin: RequestOrigin) -> Scope:
    """Authorise without the cache, on a route that otherwise uses cached callers."""
    return await _authorise(request, system, origin, anew=True)


async def _authorise(
    request: Request, system: AppContext, origin: RequestOrigin, *, anew: bool
) -> Scope:
    access = get_route_access(request)
    assert access.kinds is not None, "a route without sign-in has no caller"
    scope = await _find_caller(request, system, origin, anew=anew or not access.often)
    if scope.kind not in access.kinds:
        raise Forbidden(
            f"An API token of kind {scope.kind or 'session'} may not do this. Nothing was changed."
        )
    _check_token(scope, access, request.method)
    if access.operators and not scope.is_operator:
        raise Forbidden("Only an operator of this Trapline may do this. Nothing was changed.")
    if access.operators_too and scope.is_operator:
        scope = replace(scope, everything=True)
    return replace(
        scope, needs=access.role, changes=request.method not in SAFE and not access.archived
    )


def _check_token(scope: Scope, access: RouteAccess, method: str) -> None:
    """Require that the scopes and projects of a limited token allow this route."""
    if access.account and scope.is_limited:
        raise Forbidden(
            "This API token is limited to some projects and cannot manage accounts. Nothing was "
            "changed."
        )
    wanted = access.get_token_scope(method)
    if wanted not in scope.token_scopes:
        raise Forbidden(
            f"This requires an API token with the scope {wanted}; your token has "
            f"{', '.join(sorted(scope.token_scopes)) or 'none'}. Nothing was changed."
        )


ScopeOf = Annotated[Scope, Depends(authorise)]
