"""Where a request comes from, and its conditions: what the audit keeps of it, If-Match, the Idempotency-Key."""

import hashlib
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from trapline.server.platform.access import IdempotencyRequest, RequestOrigin
from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.http.middleware import get_body_limit

WORKER_HEADER = "x-trapline-worker"


def get_route_key(method: str, path: str) -> str:
    """Name a route in the table; the same handlers are mounted under /api/v2, and some under /api or without it."""
    return f"{method} {path.removeprefix('/api').removeprefix('/v2')}"


async def get_request_origin(request: Request) -> RequestOrigin:
    """Read where a request comes from, and its conditions."""
    return replace(
        get_minimal_origin(request),
        worker_id=_read_worker_id(request),
        once=await _read_once(request),
    )


async def _read_once(request: Request) -> IdempotencyRequest | None:
    """Read the Idempotency-Key and what it stands for; raises Invalid where it could not hold a twin off."""
    headers = request.headers
    key = headers.get("idempotency-key")
    is_anybody = "authorization" not in headers and "cookie" not in headers
    if request.method != "POST" or is_anybody or key is None:
        return None
    if not 1 <= len(key) <= 255:
        raise InvalidRequest("An Idempotency-Key has 1 to 255 characters.")
    if get_body_limit(request.scope, headers) is None:
        if headers.get("content-type", "").lower().startswith("multipart/"):
            raise InvalidRequest(
                "Files are stored as they come in, so an Idempotency-Key cannot count for them. Nothing was stored. "
                "Send them without one: the same file again is stored once."
            )
        # Results are known by their leases, callbacks by their signatures, pipelines by what they
        # are made of.
        return None
    asked = hashlib.sha256(await request.body())
    asked.update(request.scope["query_string"])
    return IdempotencyRequest(
        key=key, route=get_route_key("POST", request.url.path), body_sha256=asked.digest()
    )


def get_minimal_origin(request: Request) -> RequestOrigin:
    """Read where a request comes from; nothing of its body, and nothing that it says of itself."""
    return RequestOrigin(
        address=request.client.host if request.client else "",
        user_agent=request.headers.get("user-agent", "")[:500],
        request_id=request.scope.get("state", {}).get("request_id"),
        if_match=request.headers.get("if-match"),
    )


def _read_worker_id(request: Request) -> UUID | None:
    given = request.headers.get(WORKER_HEADER)
    if given is None or not request.app.state.worker_additions:
        return None
    try:
        return UUID(given)
    except ValueError:
        raise InvalidRequest(
            "X-Trapline-Worker is the worker_id that a hello was answered with."
        ) from None


OriginOf = Annotated[RequestOrigin, Depends(get_request_origin)]
