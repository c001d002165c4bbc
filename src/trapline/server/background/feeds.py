"""The feeds of this process: which connections it holds, begun and ended as the database says."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID, uuid4

from trapline.server.actions.feeds import claim_feeds, follow_feed, let_feeds_go
from trapline.server.db.source_connections import DEAD_AFTER_S
from trapline.server.errors import DatabaseAway
from trapline.server.rules.access import Scope
from trapline.server.system import System

SCOPE = Scope.system()
MARGIN_S = 1.0
"""How long before it may be taken for dead a process lets go by itself, in seconds."""


class Feeds:
    """Holds connections for as long as the database heard of it lately: another process takes them after that."""

    def __init__(self, system: System, margin_s: float = MARGIN_S) -> None:
        self._system = system
        self._margin_s = margin_s
        self._holder = uuid4()
        self._held: dict[UUID, tuple[datetime, asyncio.Task[None]]] = {}
        self._fuse: asyncio.TimerHandle | None = None

    async def step(self) -> bool:
        """Give a sign of life; begin what is ours now, end what is not, and begin anew what was changed."""
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        ours = await claim_feeds(self._system, SCOPE, self._holder)
        if self._fuse is not None:
            self._fuse.cancel()
        self._fuse = loop.call_at(asked_at + DEAD_AFTER_S - self._margin_s, self._drop)
        over = [key for key, (version, task) in self._held.items() if ours.get(key) != version or task.done()]
        await self._end(over)
        for key in ours.keys() - self._held.keys():
            task = asyncio.create_task(follow_feed(self._system, SCOPE, key, self._holder))
            self._held[key] = (ours[key], task)
        return False

    async def close(self) -> None:
        """End every connection and let others have them."""
        await self._end(list(self._held))
        if self._fuse is not None:
            self._fuse.cancel()
            await _unless_away(lambda: let_feeds_go(self._system, SCOPE, self._holder))

    def _drop(self) -> None:
        """End every connection at once: nobody has heard of this process for too long."""
        for _, task in self._held.values():
            task.cancel()

    async def _end(self, keys: list[UUID]) -> None:
        tasks = [self._held.pop(key)[1] for key in keys]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _unless_away(call: Callable[[], Awaitable[None]]) -> None:
    try:
        await call()
    except DatabaseAway:
        return
