"""The order in which requests get a decoder: the project with the least decoder time is next.

This is start-time fair queueing with the measured time as the cost: files that take long to decode
delay the other files of their project, not those of other projects.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class _Share:
    """The decoder time of one project in seconds, its waiting requests, and the running ones.

    Running requests are stored as their start times.
    """

    used_s: float
    waiting: deque[asyncio.Future[float]] = field(default_factory=deque)
    running: list[float] = field(default_factory=list)

    def sum_used_s(self, now: float) -> float:
        return self.used_s + sum(now - started for started in self.running)


class DecoderTurns:
    """Lets up to `places` requests run at the same time, in an order that is fair to projects.

    Each request counts for a project, or for the server (None).
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._shares: dict[int | None, _Share] = {}
        self._floor_s = 0.0
        """The initial time of a project, so that an idle project cannot save up decoder time."""

    @asynccontextmanager
    async def turn(self, project_id: int | None) -> AsyncIterator[None]:
        """Wait for a place, and count the time until the end of the block."""
        share = self._shares.setdefault(project_id, _Share(self._floor_s))
        if not share.waiting and not share.running:
            share.used_s = max(share.used_s, self._floor_s)
        started = await self._wait(share)
        try:
            yield
        finally:
            self._release(share, started)

    async def _wait(self, share: _Share) -> float:
        """Wait for a place; return the time from which on it is used."""
        granted: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        share.waiting.append(granted)
        self._grant()
        try:
            return await granted
        except asyncio.CancelledError:
            if granted.cancelled():
                with suppress(ValueError):
                    share.waiting.remove(granted)
            else:
                self._release(share, granted.result())
            raise

    def _release(self, share: _Share, started: float) -> None:
        share.running.remove(started)
        share.used_s += time.monotonic() - started
        self._free += 1
        self._grant()

    def _grant(self) -> None:
        """Give free places to the requests that are next."""
        now = time.monotonic()
        for project_id, share in list(self._shares.items()):
            if not share.waiting and not share.running and share.used_s <= self._floor_s:
                del self._shares[project_id]
        while self._free and (
            waiting := [share for share in self._shares.values() if share.waiting]
        ):
            share = min(waiting, key=lambda one: one.sum_used_s(now))
            self._floor_s = max(self._floor_s, share.sum_used_s(now))
            request = share.waiting.popleft()
            if not request.done():
                self._free -= 1
                share.running.append(now)
                request.set_result(now)
