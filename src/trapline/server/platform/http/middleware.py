"""What every request and answer goes through: one slash form, a request id, a limit for its body, safe headers."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping
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
"""Answers a request itself, and says so, where its sender calls too often."""
Judge = Callable[[Scope], Awaitable[None]]
"""Finds out who calls, and raises HTTPException where that is nobody known."""
JSON_BYTES = 8 * 1024 * 1024
"""The largest body that is read whole before its caller is known: a job of 100,000 images named has half of it."""
UNTOLD_BYTES = 1024 * 1024
"""The same for a body that does not tell its length: many of them at once are still little."""
UNSIGNED_BYTES = 64 * 1024
"""The largest body of a request without credentials: somebody signs in."""
# They find out who calls before they read, stream to disk, and have limits of their own.
_READ_BY_HAND = re.compile(r"/api/v2/(images|imports|jobs/[^/]+/result|projects/[^/]+/pipelines)")
# A callback is judged by its headers before a byte is read, and goes to disk under the limit of its
# own.
_CALLBACK = re.compile(
    r"/api(/v2)?/analyses/[^/]+/(status|finalize|annotations:bulk|artifacts/presign)"
)
# An event is judged by its headers before a byte is read, under a limit of its own that all unknown
# senders share.
_EVENTS = re.compile(r"(/api/v2)?/image-pull-sources/[^/]+/events")
# The signed address is the credential; it says how much may come, and is checked before a byte is
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

    A path with a trailing slash is the path without it, no redirect.
    """

    def __init__(
        self,
        app: ASGIApp,
        judge: Judge,
        safe_headers: SafeHeaders,
        refuse: Refuse,
        larger_bodies: Mapping[str, int],
    ) -> None:
        self.app = app
        self.judge = judge
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
        if _is_judged_first(scope, headers_in):
            receive = _judged(receive, partial(self.judge, scope))
        started = time.perf_counter()
        status = 500

        async def send_dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
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
                if not await self.refuse(scope, receive, send_dressed):
                    await self.app(scope, receive, send_dressed)
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
        return UNSIGNED_BYTES
    by_hand = scope["method"] == "POST" and _READ_BY_HAND.fullmatch(scope["path"])
    if by_hand:
        return None
    larger = (larger_bodies or {}).get(scope["path"]) if scope["method"] == "POST" else None
    return larger or (JSON_BYTES if "content-length" in headers else UNTOLD_BYTES)


def _is_judged_first(scope: Scope, headers: Headers) -> bool:
    """Whether a body is read whole and large enough for a false token to be worth finding out before."""
    if "authorization" not in headers and "cookie" not in headers:
        return False
    if get_body_limit(scope, headers) is None:
        return "idempotency-key" in headers
    length = headers.get("content-length", "")
    return int(length) > UNSIGNED_BYTES if length.isdecimal() else "transfer-encoding" in headers


def _judged(receive: Receive, judge: Callable[[], Awaitable[None]]) -> Receive:
    """Receive nothing before the caller is known."""
    known = False

    async def receive_judged() -> Message:
        nonlocal known
        if not known:
            await judge()
            known = True
        return await receive()

    return receive_judged


def _limited(receive: Receive, headers: Headers, at_most: int | None) -> Receive:
    """Receive a body of at most so many bytes; refuses it with 413, unread where its length is told."""
    if at_most is None:
        return receive
    length = headers.get("content-length", "")
    told = int(length) if length.isdecimal() else 0
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        if told <= at_most:
            message = await receive()
            received += len(message.get("body", b""))
            if received <= at_most:
                return message
        more = " without a Content-Length" if at_most == UNTOLD_BYTES else ""
        raise HTTPException(
            413, f"A body may have at most {at_most:,} bytes here{more}. Nothing was changed."
        )

    return receive_limited
