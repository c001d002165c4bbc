"""Read the origin of a request for the audit, and its conditions: If-Match and Idempotency-Key."""

import hashlib
from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from trapline.server.platform.access import IdempotencyRequest, RequestOrigin
from trapline.server.platform.errors import InvalidRequest
from trapline.server.platform.http.middleware import get_body_limit
from trapline.server.platform.http.protocol import CONNECTION

WORKER_HEADER = "x-trapline-worker"


def get_route_key(method: str, path: str) -> str:
    """Return the key of a route in the access table: the method and the path without its prefix."""
    return f"{method} {path.removeprefix('/api').removeprefix('/v2')}"


async def get_request_origin(request: Request) -> RequestOrigin:
    """Read the origin of a request and its conditions."""
    return replace(
        get_minimal_origin(request),
        worker_id=_read_worker_id(request),
        once=await _read_once(request),
    )


_REPEATABLE = frozenset({"POST", "PATCH", "DELETE"})
"""The methods whose requests may have an Idempotency-Key."""


async def _read_once(request: Request) -> IdempotencyRequest | None:
    """Read the Idempotency-Key and the hash of the request.

    Raises:
        InvalidRequest: the key is invalid, or the route cannot honour one.
    """
    headers = request.headers
    key = headers.get("idempotency-key")
    is_anonymous = "authorization" not in headers and "cookie" not in headers
    if request.method not in _REPEATABLE or is_anonymous or key is None:
        return None
    if not 1 <= len(key) <= 255:
        raise InvalidRequest(
            "An Idempotency-Key must have 1 to 255 characters. Nothing was changed."
        )
    if get_body_limit(request.scope, headers) is None:
        if headers.get("content-type", "").lower().startswith("multipart/"):
            raise InvalidRequest(
                "An upload of files cannot have an Idempotency-Key, because files are stored while "
                "they arrive. Nothing was stored. Send them without the key: a file that is sent "
                "twice is stored once."
            )
        # Results are identified by their leases, callbacks by their signatures, and pipelines by
        # their content.
        return None
    asked = hashlib.sha256(await request.body())
    asked.update(request.scope["query_string"])
    return IdempotencyRequest(
        key=key, route=get_route_key(request.method, request.url.path), body_sha256=asked.digest()
    )


def get_minimal_origin(request: Request) -> RequestOrigin:
    """Read the origin of a request without its body and without the worker ID that it claims."""
    return RequestOrigin(
        address=request.client.host if request.client else "",
        connection=_get_connection(request),
        user_agent=request.headers.get("user-agent", "")[:500],
        request_id=request.scope.get("state", {}).get("request_id"),
        if_match=request.headers.get("if-match"),
    )


def _get_connection(request: Request) -> str | None:
    """Return the ID of the client's connection; None if a proxy does not forward the port."""
    if request.client is None:
        return None
    key, client = request.scope.get("state", {}).get(CONNECTION, (None, None))
    if key is not None and client == tuple(request.client):
        return str(key)
    return f"port {request.client.port}" if request.client.port else None


def _read_worker_id(request: Request) -> UUID | None:
    given = request.headers.get(WORKER_HEADER)
    if given is None or not request.app.state.worker_additions:
        return None
    try:
        return UUID(given)
    except ValueError:
        raise InvalidRequest(
            "X-Trapline-Worker must be the worker_id that the server returned to the worker's "
            "hello. Nothing was changed."
        ) from None


OriginOf = Annotated[RequestOrigin, Depends(get_request_origin)]
