"""How often a source, and a host that many may name, may be asked."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SLOWEST_PER_S = 0.01
BUSY_S = 0.5


class Pace:
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


@dataclass
class HostTurns:
    """Who may ask which host now: so many of this process at once, and so many a second, whoever names it."""

    at_once: int = 4
    per_s: float = 10.0
    _busy: Counter[str] = field(default_factory=Counter)
    _next: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def visit(self, host: str) -> Iterator[float]:
        """Take a place at a host; gives 0, or after how many seconds to ask again where there was none."""
        now = time.monotonic()
        wait_s = BUSY_S if self._busy[host] >= self.at_once else self._next.get(host, now) - now
        if wait_s > 0:
            yield wait_s
            return
        self._busy[host] += 1
        self._next[host] = now + 1 / self.per_s
        try:
            yield 0.0
        finally:
            self._busy[host] -= 1
            if not self._busy[host]:
                del self._busy[host]
            for idle in [name for name, moment in self._next.items() if moment < time.monotonic()]:
                del self._next[idle]
