"""Policy for retries of requests."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from trapline.client.errors import ApiConnectionError, ApiStatusError

Answer = TypeVar("Answer")

LONGEST_WAIT_S = 60.0
"""Longest wait between two attempts; if a server asks for a longer one, the call fails."""

DOUBLED_AT_MOST = 20


@dataclass(frozen=True)
class RetryPolicy:
    """Retry `times` times: after `backoff_s` seconds, then after twice as long each time."""

    times: int = 3
    backoff_s: float = 0.5
    sleep: Callable[[float], object] = field(default=time.sleep, repr=False)

    def wait_s(self, attempt: int, asked_s: float | None = None) -> float:
        """Return the seconds to wait after failed attempt `attempt` (from 0), at least `asked_s`.

        At most 60 s. Up to a quarter is added at random, so that many clients do not return at the
        same time.
        """
        jitter = 1 + random.random() / 4  # noqa: S311 - no secret
        own = self.backoff_s * 2.0 ** min(attempt, DOUBLED_AT_MOST) * jitter
        return min(max(own, asked_s or 0.0), LONGEST_WAIT_S)

    def run(self, call: Callable[[], Answer]) -> Answer:
        """Call until it succeeds; raise the last error if it is permanent or no attempt is left."""
        attempt = 0
        while True:
            try:
                return call()
            except ApiStatusError as refused:
                if not refused.is_transient or attempt >= self.times:
                    raise
                asked_s = refused.retry_after_s
            except ApiConnectionError:
                if attempt >= self.times:
                    raise
                asked_s = None
            self.sleep(self.wait_s(attempt, asked_s))
            attempt += 1


NEVER = RetryPolicy(times=0)
