"""Streams of server-sent events: how many each caller may have open, what keeps them open, and what ends them."""

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
"""How often a stream looks up while nothing happens."""
SILENCE_S = 15.0
"""Proxies cut a connection on which nothing comes, many after 30 s or 60 s."""
# A browser opens the stream again by itself.
ENDS_AFTER_S = 600.0
CHECKED_EVERY_S = 0.4
"""With what is known of a caller for half a second: whoever signed out or lost a project hears nothing after one."""
FULL_RETRY_S = 10
EACH_PERSON = 2
"""So many times the streams of one token or session are taken of one person, whatever tokens they make."""
AT_ONCE = 2_000
"""Streams that a process keeps open for all callers: each looks up every TICK_S."""
# A proxy that packs or gathers what comes would hold events back.
HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}


class StreamRegistry:
    """Who has streams open in this process, how many, and how all of them stood when that was last asked."""

    def __init__(self) -> None:
        self._open: Counter[Hashable] = Counter()
        self._people: Counter[Hashable] = Counter()
        self._standings: Mapping[Hashable, str] = {}
        self._asked_at = 0.0
        self._asking = asyncio.Lock()

    def acquire_slot(self, scope: Scope, most: int) -> None:
        """Count a stream of this caller, of whom so many are taken. Raises TooMany."""
        caller = get_stream_owner(scope)
        if self._open[caller] >= most:
            raise _too_many(f"{most} streams of events are open with these credentials")
        if scope.user_id is not None and self._people[scope.user_id] >= most * EACH_PERSON:
            raise _too_many(
                f"{most * EACH_PERSON} streams of events are open with all your sessions and tokens"
            )
        if self._open.total() >= AT_ONCE:
            raise _too_many(f"{AT_ONCE} streams of events are open here")
        self._open[caller] += 1
        self._people[scope.user_id] += 1

    def release_slot(self, scope: Scope) -> None:
        """Count a stream no longer."""
        for counter, name in ((self._open, get_stream_owner(scope)), (self._people, scope.user_id)):
            counter[name] -= 1
            if not counter[name]:
                del counter[name]

    async def find_credential_version(self, system: AppContext, caller: Hashable) -> str | None:
        """Tell how a caller stands, as a text that differs once they lost something; one look for all of them."""
        async with self._asking:
            if time.monotonic() - self._asked_at > TICK_S:
                self._asked_at = time.monotonic()
                # Streams outlive a database that is away: what comes on them is asked for there as
                # well.
                with contextlib.suppress(ServiceUnavailable):
                    self._standings = await list_credential_versions(system, list(self._open))
        return self._standings.get(caller)


def _too_many(what: str) -> TooManyRequests:
    RATE_LIMITED.labels("stream").inc()
    return TooManyRequests(
        f"{what}, and no more are taken. Nothing was lost: close those that nobody reads, or try again after "
        f"{FULL_RETRY_S} s.",
        FULL_RETRY_S,
    )


def get_stream_owner(scope: Scope) -> Hashable:
    """Name who has a stream: a session, a token, or an address that is nobody."""
    return scope.session_id or scope.token_id or scope.origin.address


async def open_stream(
    request: Request,
    system: AppContext,
    scope: Scope,
    origin: RequestOrigin,
    project_id: int,
    events: AsyncIterator[str | None],
) -> StreamingResponse:
    """Answer with a stream of these events, each a whole one; None says after every TICK_S that
    there was none.

    It ends within a second once its caller may hear of the project no more. Raises TooMany.
    """
    streams: StreamRegistry = request.app.state.streams
    caller = get_stream_owner(scope)

    async def may_hear() -> bool:
        with contextlib.suppress(ServiceUnavailable):
            try:
                (await authorise(request, system, origin)).check(project_id)
            except (Unauthenticated, Forbidden, NotFound, TooManyRequests):
                # Whoever cannot be looked up for now may be somebody who was let out.
                return False
        return True

    async def lines() -> AsyncIterator[str]:
        said_at = checked_at = time.monotonic()
        ends_at = said_at + ENDS_AFTER_S
        standing: str | None = ""
        yield "retry: 2000\n\n"
        async with aclosing(events) as told:  # type: ignore[type-var]
            async for event in told:
                now = time.monotonic()
                is_due = event is not None or now - said_at > SILENCE_S
                found = await streams.find_credential_version(system, caller)
                is_old = now - checked_at > CHECKED_EVERY_S
                if (found != standing and (is_old or event is None)) or (is_due and is_old):
                    if not await may_hear():
                        return
                    standing, checked_at = found, now
                if is_due:
                    yield ": still here\n\n" if event is None else event
                    said_at = now
                if now > ends_at:
                    return

    streams.acquire_slot(scope, system.limits.streams)
    return _Stream(lines(), streams, scope)


class _Stream(StreamingResponse):
    """Keeps a place until its last byte is sent or its reader is gone."""

    def __init__(self, lines: AsyncIterator[str], streams: StreamRegistry, caller: Scope) -> None:
        super().__init__(lines, media_type="text/event-stream", headers=HEADERS)
        self._streams, self._caller = streams, caller

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.release_slot(self._caller)
