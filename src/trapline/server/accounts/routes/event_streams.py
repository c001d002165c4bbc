"""Streams of server-sent events: limits per caller, keep-alive, and end of access."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import aclosing

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope

from trapline.server.accounts.actions.auth import list_credential_versions
from trapline.server.accounts.routes.access import authorise
from trapline.server.platform.access import RequestOrigin, Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import (
    Forbidden,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
    Unauthenticated,
)
from trapline.server.platform.metrics import RATE_LIMITED

TICK_S = 0.25
"""Interval at which a stream without events checks its state."""
SILENCE_S = 15.0
"""Maximum time without data; many proxies close a silent connection after 30 s or 60 s."""
ENDS_AFTER_S = 600.0
"""Maximum duration of a stream; browsers reconnect automatically."""
CHECKED_EVERY_S = 0.4
"""Interval of checks of the caller's access.

Callers are cached for half a second, so a stream ends within a second after a loss of access.
"""
FULL_RETRY_S = 10
EACH_PERSON = 2
"""Factor of the limit per token or session that applies to all streams of one user."""
AT_ONCE = 2_000
"""Maximum number of open streams of a process; each of them wakes up every TICK_S."""
# A proxy that compresses or buffers the response would delay events.
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}


class StreamRegistry:
    """The open streams of this process by caller, and the last known permissions of callers."""

    def __init__(self) -> None:
        self._open: Counter[Hashable] = Counter()
        self._people: Counter[Hashable] = Counter()
        self._versions: Mapping[Hashable, str] = {}
        self._checked_at = 0.0
        self._checking = asyncio.Lock()

    def acquire_slot(self, scope: Scope, most: int) -> None:
        """Count a new stream of this caller.

        Raises:
            TooManyRequests: `most` streams of the caller, or too many in total, are open.
        """
        caller = get_stream_owner(scope)
        if self._open[caller] >= most:
            raise _too_many(f"{most} event streams are open with these credentials")
        if scope.user_id is not None and self._people[scope.user_id] >= most * EACH_PERSON:
            raise _too_many(
                f"{most * EACH_PERSON} event streams are open with your sessions and tokens"
            )
        if self._open.total() >= AT_ONCE:
            raise _too_many(f"{AT_ONCE} event streams are open in this process")
        self._open[caller] += 1
        self._people[scope.user_id] += 1

    def release_slot(self, scope: Scope) -> None:
        """Remove a closed stream from the counts."""
        for counter, name in ((self._open, get_stream_owner(scope)), (self._people, scope.user_id)):
            counter[name] -= 1
            if not counter[name]:
                del counter[name]

    async def find_credential_version(self, system: AppContext, caller: Hashable) -> str | None:
        """Return a text that changes with the caller's permissions; None if its access ended.

        One query per TICK_S serves all streams.
        """
        async with self._checking:
            if time.monotonic() - self._checked_at > TICK_S:
                self._checked_at = time.monotonic()
                # Streams stay open while the database is unavailable: it is also the source of
                # their events.
                with contextlib.suppress(ServiceUnavailable):
                    self._versions = await list_credential_versions(system, list(self._open))
        return self._versions.get(caller)


def _too_many(what: str) -> TooManyRequests:
    RATE_LIMITED.labels("stream").inc()
    return TooManyRequests(
        f"{what}, which is the maximum. No event was lost. Close streams that you do not use, or "
        f"try again after {FULL_RETRY_S} s.",
        FULL_RETRY_S,
    )


def get_stream_owner(scope: Scope) -> Hashable:
    """Return the key that streams are counted by: session, token, or address of a visitor."""
    return scope.session_id or scope.token_id or scope.origin.address


async def open_stream(
    request: Request,
    system: AppContext,
    scope: Scope,
    origin: RequestOrigin,
    project_id: int,
    events: AsyncIterator[str | None],
) -> StreamingResponse:
    """Respond with a stream of these events; None represents a TICK_S without an event.

    The stream ends within a second after the caller loses access to the project.

    Raises:
        TooManyRequests: too many streams are open.
    """
    streams: StreamRegistry = request.app.state.streams
    caller = get_stream_owner(scope)

    async def has_access() -> bool:
        with contextlib.suppress(ServiceUnavailable):
            try:
                (await authorise(request, system, origin)).check(project_id)
            except (Unauthenticated, Forbidden, NotFound, TooManyRequests):
                # A caller that cannot be looked up now may have lost its access.
                return False
        return True

    async def lines() -> AsyncIterator[str]:
        sent_at = checked_at = time.monotonic()
        ends_at = sent_at + ENDS_AFTER_S
        version: str | None = ""
        yield "retry: 2000\n\n"
        async with aclosing(events) as received:  # type: ignore[type-var]
            async for event in received:
                now = time.monotonic()
                is_due = event is not None or now - sent_at > SILENCE_S
                found = await streams.find_credential_version(system, caller)
                is_old = now - checked_at > CHECKED_EVERY_S
                if (found != version and (is_old or event is None)) or (is_due and is_old):
                    if not await has_access():
                        return
                    version, checked_at = found, now
                if is_due:
                    yield ": still here\n\n" if event is None else event
                    sent_at = now
                if now > ends_at:
                    return

    streams.acquire_slot(scope, system.limits.streams)
    return _Stream(lines(), streams, scope)


class _Stream(StreamingResponse):
    """A response that releases its slot when its last byte is sent or the client disconnects."""

    def __init__(self, lines: AsyncIterator[str], streams: StreamRegistry, caller: Scope) -> None:
        super().__init__(lines, media_type="text/event-stream", headers=HEADERS)
        self._streams, self._caller = streams, caller

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Send the response, then release the slot."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.release_slot(self._caller)
