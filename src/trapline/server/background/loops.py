"""Loops: one action again and again, at intervals that are too short for a schedule."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from structlog.contextvars import bound_contextvars

from trapline.server.errors import DatabaseAway, TraplineError
from trapline.server.failpoints import doing
from trapline.server.metrics import outcome_counted

log = structlog.get_logger(__name__)

LONGEST_PAUSE_S = 30.0
# A database that is away is asked for often, because asking costs nothing and much waits for it.
AWAY_PAUSE_S = 2.0


@dataclass(frozen=True)
class Loop:
    """One action, its name in the log, and how many seconds to rest when it found nothing to do.

    `step` answers whether there may be more to do at once.
    """

    name: str
    every_s: float
    step: Callable[[], Awaitable[bool]]


async def run_loop(loop: Loop, stop: asyncio.Event) -> None:
    """Repeat a loop's step until told to stop. A failure is logged and tried again, ever less often, for ever."""
    failures = 0
    while not stop.is_set():
        more, longest = False, LONGEST_PAUSE_S
        try:
            with doing(f"loop {loop.name}"), outcome_counted(loop.name), bound_contextvars(loop=loop.name):
                more = await loop.step()
            failures = 0
        except TraplineError as error:
            failures += 1
            longest = AWAY_PAUSE_S if isinstance(error, DatabaseAway) else LONGEST_PAUSE_S
            log.warning("a loop rests", loop=loop.name, reason=error.detail)
        except Exception:
            failures += 1
            log.exception("a loop broke and is begun again", loop=loop.name)
        if not more:
            pause = min(loop.every_s * 2 ** min(failures, 10), max(longest, loop.every_s))
            await _rest(stop, pause * random.uniform(0.9, 1.1))  # noqa: S311 - jitter


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
