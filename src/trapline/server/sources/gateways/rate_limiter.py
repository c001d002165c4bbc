"""How often a source may be asked."""

import asyncio
import time

SLOWEST_PER_S = 0.01


class RateLimiter:
    """Lets requests go on no more often than the source's settings say; without a rate at once."""

    def __init__(self, rate_per_s: float | None = None) -> None:
        self._interval_s = 1 / max(rate_per_s, SLOWEST_PER_S) if rate_per_s else 0.0
        self._next = 0.0

    async def wait_turn(self) -> None:
        """Wait until the next request may go."""
        now = time.monotonic()
        pause = self._next - now
        self._next = max(now, self._next) + self._interval_s
        if pause > 0:
            await asyncio.sleep(pause)
