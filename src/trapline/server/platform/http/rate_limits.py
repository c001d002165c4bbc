"""How often may be called: who is known is counted by what makes them known, everybody else by
their address.

A good token that was seen lately is never held up by what else comes from its address.
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
# Asked by those who would start the process anew; and where the address itself is signed.
_UNCOUNTED = re.compile(r"(/api/v2)?/(healthz|readyz|files/.*)", re.DOTALL)
_CREDENTIALS = frozenset({b"authorization", b"cookie", b"x-ml-signature", b"webhook-signature"})
FROM_ADDRESS = "from your address"
_COUNTED = "is_counted"


def limit_anonymous(system: AppContext | None, scope: ASGIScope) -> TooManyRequests | None:
    """Count a request that brings no credentials at all; answers the refusal where its address is over its rate."""
    if system is None or _UNCOUNTED.fullmatch(scope["path"]):
        return None
    if any(name in _CREDENTIALS for name, _ in scope["headers"]):
        return None
    return _take_from_address(system, scope)


def limit_rejected(
    system: AppContext | None, scope: ASGIScope, status: int
) -> TooManyRequests | None:
    """Count a refusal of a caller who was not counted; return another one if their address is over
    its rate.

    Where a route looks at no credentials, unknown query names are refused with 422 before anything
    is counted.
    """
    if system is None or status not in (401, 403, 404, 422) or _state(scope).get(_COUNTED):
        return None
    return _take_from_address(system, scope)


def require_lookup_allowed(request: Request, system: AppContext, key: Hashable) -> None:
    """Look up nothing for unknown credentials from an address that is over its rate. Raises
    TooMany.

    A result is looked up all the same: its worker may be known to another process.
    """
    if key in system.rates.callers or _is_result(request):
        return
    if wait := system.rates.strangers.find_wait(_address_of(request.scope)):
        _state(request.scope)[_COUNTED] = True
        raise _too_many(wait, FROM_ADDRESS)


def limit_visitor(request: Request, system: AppContext) -> None:
    """Count a call that anybody may make by its address, whatever credentials it brings.

    Raises TooMany.
    """
    too_many = (
        None if _state(request.scope).get(_COUNTED) else _take_from_address(system, request.scope)
    )
    if too_many is not None:
        raise too_many


def limit_caller(request: Request, buckets: TokenBuckets[Hashable], key: Hashable) -> None:
    """Count a call of somebody who is known, once for each request.

    Raises TooMany; a result is never refused.
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


def _too_many(wait: int, whose: str) -> TooManyRequests:
    RATE_LIMITED.labels("stranger" if whose == FROM_ADDRESS else "known").inc()
    return TooManyRequests(
        f"More calls come {whose} than are taken. Nothing was changed; send it again after {wait} s, and more slowly.",
        wait,
    )
