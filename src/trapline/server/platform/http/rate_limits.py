"""Rate limits: authenticated callers are counted by their credentials, all others by IP address.

Other requests from an IP address never delay a valid token that was used recently.
"""

import re
from collections.abc import Hashable

from fastapi import Request
from starlette.types import Scope as ASGIScope

from trapline.server.platform.app_context import AppContext, TokenBuckets
from trapline.server.platform.errors import TooManyRequests
from trapline.server.platform.metrics import RATE_LIMITED
from trapline.server.platform.network.client_network import get_network

_RESULT = re.compile(r"/api/v2/jobs/[^/]+/result")
# Health checks, because their caller would restart the process; and signed URLs.
_UNCOUNTED = re.compile(r"(/api/v2)?/(healthz|readyz|files/.*)", re.DOTALL)
_CREDENTIALS = frozenset({b"authorization", b"cookie", b"x-ml-signature", b"webhook-signature"})
FROM_ADDRESS = "from your IP address"
_COUNTED = "is_counted"


def limit_anonymous(system: AppContext | None, scope: ASGIScope) -> TooManyRequests | None:
    """Count a request without credentials; return an error if its IP address is over the limit."""
    if system is None or _UNCOUNTED.fullmatch(scope["path"]):
        return None
    if any(name in _CREDENTIALS for name, _ in scope["headers"]):
        return None
    return _take_from_address(system, scope)


def limit_rejected(
    system: AppContext | None, scope: ASGIScope, status: int
) -> TooManyRequests | None:
    """Count a refused request once; return an error if its IP address is over the limit.

    Routes without authentication refuse unknown query names with 422 before anything is counted.
    """
    if system is None or status not in (401, 403, 404, 422) or _state(scope).get(_COUNTED):
        return None
    return _take_from_address(system, scope)


def require_lookup_allowed(request: Request, system: AppContext, key: Hashable) -> None:
    """Require that unknown credentials may be looked up: their IP address is within its limit.

    A request that posts a result is always looked up, because its worker may be known to another
    process.

    Raises:
        TooManyRequests: the IP address is over its limit.
    """
    if key in system.rates.callers or _is_result(request):
        return
    if wait := system.rates.strangers.find_wait(_address_of(request.scope)):
        _state(request.scope)[_COUNTED] = True
        raise _too_many(wait, FROM_ADDRESS)


def limit_visitor(request: Request, system: AppContext) -> None:
    """Count a call of a public route by its IP address, whatever credentials it has.

    Raises:
        TooManyRequests: the IP address is over its limit.
    """
    too_many = (
        None if _state(request.scope).get(_COUNTED) else _take_from_address(system, request.scope)
    )
    if too_many is not None:
        raise too_many


def limit_caller(request: Request, buckets: TokenBuckets[Hashable], key: Hashable) -> None:
    """Count a call of an authenticated caller, once per request.

    Raises:
        TooManyRequests: the caller is over its limit; a posted result is never refused.
    """
    state = _state(request.scope)
    if state.get(_COUNTED):
        return
    state[_COUNTED] = True
    wait = buckets.take(key)
    if wait and not _is_result(request):
        raise _too_many(wait, "with these credentials")


def _is_result(request: Request) -> bool:
    return request.method == "POST" and _RESULT.fullmatch(request.scope["path"]) is not None


def _take_from_address(system: AppContext, scope: ASGIScope) -> TooManyRequests | None:
    _state(scope)[_COUNTED] = True
    wait = system.rates.strangers.take(_address_of(scope))
    return _too_many(wait, FROM_ADDRESS) if wait else None


def _address_of(scope: ASGIScope) -> str:
    client = scope.get("client")
    return get_network(client[0]) if client else ""


def _state(scope: ASGIScope) -> dict[str, object]:
    state: dict[str, object] = scope.setdefault("state", {})
    return state


def _too_many(wait: int, origin: str) -> TooManyRequests:
    RATE_LIMITED.labels("stranger" if origin == FROM_ADDRESS else "known").inc()
    return TooManyRequests(
        f"Too many requests {origin}. Nothing was changed. Send it again after {wait} s, and send "
        "fewer requests per second.",
        wait,
    )
