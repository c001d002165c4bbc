"""Start and stop the feeds of this process as the database assigns them."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

from trapline.server.platform.access import Scope
from trapline.server.platform.app_context import AppContext
from trapline.server.platform.errors import DatabaseUnavailable
from trapline.server.sources.actions.feeds import claim_feeds, release_feeds, run_feed
from trapline.server.sources.queries.source_connections import DEAD_AFTER_S

SCOPE = Scope.system()
MARGIN_S = 1.0
"""Seconds before the heartbeat expires at which a process releases its connections."""
CLOSE_WITHIN_S = 3.0
"""Seconds that a stopping process has to record received messages."""


class FeedManager:
    """Holds connections while the heartbeat of this process is current.

    Another process can claim the connections after the heartbeat has expired.
    """

    def __init__(self, system: AppContext, margin_s: float = MARGIN_S) -> None:
        self._system = system
        self._margin_s = margin_s
        self._holder = uuid4()
        self._held: dict[UUID, tuple[str, asyncio.Task[None]]] = {}
        self._fuse: asyncio.TimerHandle | None = None

    async def step(self) -> bool:
        """Send a heartbeat; start new feeds, stop lost ones, restart those with changed settings.

        A feed that is stopped first records all received messages. Only then can its replacement
        start.
        """
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        claimed = await claim_feeds(self._system, SCOPE, self._holder)
        if self._fuse is not None:
            self._fuse.cancel()
        self._fuse = loop.call_at(asked_at + DEAD_AFTER_S - self._margin_s, self._drop)
        for key, (made_of, task) in list(self._held.items()):
            if task.done():
                del self._held[key]
            elif claimed.get(key) != made_of:
                _end(task)
        for key in claimed.keys() - self._held.keys():
            task = asyncio.create_task(run_feed(self._system, SCOPE, key, self._holder))
            self._held[key] = (claimed[key], task)
        return False

    @property
    def is_holding(self) -> bool:
        """Whether this process holds a connection."""
        return bool(self._held)

    async def close(self) -> None:
        """Stop all feeds and release their connections."""
        self._drop()
        tasks = [task for _, task in self._held.values()]
        self._held.clear()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CLOSE_WITHIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._fuse is not None:
            self._fuse.cancel()
            await _unless_away(lambda: release_feeds(self._system, SCOPE, self._holder))

    def _drop(self) -> None:
        """Stop all feeds because the heartbeat of this process is about to expire."""
        for _, task in self._held.values():
            _end(task)


def _end(task: asyncio.Task[None]) -> None:
    # A second cancellation would stop the feed before it has recorded the received messages.
    if not task.cancelling():
        task.cancel()


async def _unless_away(call: Callable[[], Awaitable[None]]) -> None:
    try:
        await call()
    except DatabaseUnavailable:
        return
