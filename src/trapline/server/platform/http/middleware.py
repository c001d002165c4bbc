"""Middleware of every request: path, request ID, body limit, rate limit and security headers."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trapline.server.platform.metrics import HTTP, LEASE_SECONDS, RESULT_SECONDS, SUBMIT_SECONDS

log = structlog.get_logger(__name__)

SafeHeaders = Callable[[], Mapping[str, str]]
Refuse = Callable[[Scope, Receive, Send], Awaitable[bool]]
"""Answers a request of a caller who exceeds a rate limit, and returns whether it did."""
Authenticate = Callable[[Scope], Awaitable[None]]
"""Authenticates the caller, and raises HTTPException if the credentials are invalid."""
JSON_BYTES = 8 * 1024 * 1024
"""The largest body that is read whole. A job that lists 100,000 images has half of this size."""
UNKNOWN_LENGTH_BYTES = 1024 * 1024
"""The largest body without a Content-Length that is read whole."""
UNAUTHENTICATED_BYTES = 64 * 1024
"""The largest body of a request without credentials, such as a sign-in."""
# These routes authenticate the caller before they read, stream the body to disk, and have separate
# limits.
_READ_BY_HAND = re.compile(r"/api/v2/(images|imports|jobs/[^/]+/result|projects/[^/]+/pipelines)")
# The headers of a callback are verified before the body is read; it is written to disk under a
# separate limit.
_CALLBACK = re.compile(
    r"/api(/v2)?/analyses/[^/]+/(status|finalize|annotations:bulk|artifacts/presign)"
)
# The headers of an event are verified before the body is read; all unauthenticated senders share a
# separate limit.
_EVENTS = re.compile(r"(/api/v2)?/image-pull-sources/[^/]+/events")
# The signed URL is the credential. It contains the largest size and is verified before the body is
# read.
_SIGNED_UPLOAD = re.compile(r"(/api/v2)?/files/.+", re.DOTALL)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_TIMED = {
    "GET /jobs/{job_id}/tasks": LEASE_SECONDS,
    "POST /jobs/{job_id}/tasks": LEASE_SECONDS,
    "POST /tasks/lease": LEASE_SECONDS,
    "POST /jobs/{job_id}/result": RESULT_SECONDS,
    "POST /pipeline/run": SUBMIT_SECONDS,
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_WORKER_ID = re.compile(r"[0-9a-f-]{36}")


class RequestMiddleware:
    """Middleware around the whole application.

    It removes a trailing slash from the path, without a redirect.
    """

    def __init__(
        self,
        app: ASGIApp,
        authenticate: Authenticate,
        safe_headers: SafeHeaders,
        refuse: Refuse,
        larger_bodies: Mapping[str, int],
    ) -> None:
        self.app = app
        self.authenticate = authenticate
        self.safe_headers = safe_headers
        self.refuse = refuse
        self.larger_bodies = larger_bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"] != "/" and scope["path"].endswith("/"):
            scope["path"] = scope["path"].rstrip("/") or "/"
        headers_in = Headers(scope=scope)
        given = headers_in.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        receive = _limited(
            receive, headers_in, get_body_limit(scope, headers_in, self.larger_bodies)
        )
        if _is_authenticated_first(scope, headers_in):
            receive = _authenticated(receive, partial(self.authenticate, scope))
        started = time.perf_counter()
        # Before anything is read. `Date` has whole seconds, of the time of the answer.
        asked_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Trapline-Time"] = asked_at
                if ignored := scope["state"].get("ignored_names"):
                    headers["X-Trapline-Ignored"] = ignored
                for name, value in self.safe_headers().items():
                    headers.setdefault(name, value)
            await send(message)

        named = {"request": request_id}
        if _WORKER_ID.fullmatch(worker := headers_in.get("x-trapline-worker", "")):
            named["worker"] = worker
        with structlog.contextvars.bound_contextvars(**named):
            try:
                if not await self.refuse(scope, receive, send_with_headers):
                    await self.app(scope, receive, send_with_headers)
            finally:
                took = time.perf_counter() - started
                _count(scope, status, took)
                log.debug(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    ms=round(took * 1000, 1),
                )


def _count(scope: Scope, status: int, took: float) -> None:
    path = (
        getattr(scope.get("route"), "path", "none").removeprefix("/api").removeprefix("/v2") or "/"
    )
    method = scope["method"] if scope["method"] in _METHODS else "other"
    HTTP.labels(method, path, str(status)).inc()
    timed = _TIMED.get(f"{method} {path}")
    if timed is not None:
        timed.observe(took)


def get_body_limit(
    scope: Scope, headers: Headers, larger_bodies: Mapping[str, int] | None = None
) -> int | None:
    """Return the limit in bytes of a body that is read whole; None if it is read as a stream.

    `larger_bodies` are the limits of POST requests with large bodies, by path.
    """
    if scope["method"] == "PUT" and _SIGNED_UPLOAD.fullmatch(scope["path"]):
        return None
    if _CALLBACK.fullmatch(scope["path"]) or (
        scope["method"] == "POST" and _EVENTS.fullmatch(scope["path"])
    ):
        return None
    if "authorization" not in headers and "cookie" not in headers:
        return UNAUTHENTICATED_BYTES
    by_hand = scope["method"] == "POST" and _READ_BY_HAND.fullmatch(scope["path"])
    if by_hand:
        return None
    larger = (larger_bodies or {}).get(scope["path"]) if scope["method"] == "POST" else None
    return larger or (JSON_BYTES if "content-length" in headers else UNKNOWN_LENGTH_BYTES)


def _is_authenticated_first(scope: Scope, headers: Headers) -> bool:
    """Return whether to authenticate before reading the body: it is read whole and is large."""
    if "authorization" not in headers and "cookie" not in headers:
        return False
    if get_body_limit(scope, headers) is None:
        return "idempotency-key" in headers
    length = headers.get("content-length", "")
    if not length.isdecimal():
        return "transfer-encoding" in headers
    return int(length) > UNAUTHENTICATED_BYTES


def _authenticated(receive: Receive, authenticate: Callable[[], Awaitable[None]]) -> Receive:
    """Build a `receive` that authenticates the caller before it returns the first message."""
    is_authenticated = False

    async def receive_authenticated() -> Message:
        nonlocal is_authenticated
        if not is_authenticated:
            await authenticate()
            is_authenticated = True
        return await receive()

    return receive_authenticated


def _limited(receive: Receive, headers: Headers, at_most: int | None) -> Receive:
    """Build a `receive` that refuses a body of more than `at_most` bytes with 413.

    If the Content-Length is too large, the body is not read.
    """
    if at_most is None:
        return receive
    length = headers.get("content-length", "")
    announced = int(length) if length.isdecimal() else 0
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        if announced <= at_most:
            message = await receive()
            received += len(message.get("body", b""))
            if received <= at_most:
                return message
        condition = " without a Content-Length" if at_most == UNKNOWN_LENGTH_BYTES else ""
        raise HTTPException(
            413,
            f"The body of this request can have at most {at_most:,} bytes{condition}. "
            "Nothing was changed.",
        )

    return receive_limited
