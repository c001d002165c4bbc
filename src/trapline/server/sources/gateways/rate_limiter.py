"""Limit the rate of requests to a source."""

import asyncio
import time

SLOWEST_PER_S = 0.01


class RateLimiter:
    """Delays requests to the rate limit of the source; without a limit there is no delay."""

    def __init__(self, rate_per_s: float | None = None) -> None:
        self._interval_s = 1 / max(rate_per_s, SLOWEST_PER_S) if rate_per_s else 0.0
        self._next = 0.0

    async def wait_turn(self) -> None:
        """Wait until the next request is allowed."""
        now = time.monotonic()
        pause = self._next - now
        self._next = max(now, self._next) + self._interval_s
        if pause > 0:
            await asyncio.sleep(pause)
