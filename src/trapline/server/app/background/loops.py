"""Loops: actions that repeat at intervals too short for a schedule."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from structlog.contextvars import bound_contextvars

from trapline.server.platform.errors import DatabaseUnavailable, TraplineError
from trapline.server.platform.failpoints import operation
from trapline.server.platform.metrics import count_outcome

log = structlog.get_logger(__name__)

LONGEST_PAUSE_S = 30.0
# An unavailable database is retried often: an attempt is cheap, and much work waits for it.
AWAY_PAUSE_S = 2.0
UNWOKEN_S = 30.0
"""Maximum interval of a loop that waits for its `wake` event."""


@dataclass(frozen=True)
class Loop:
    """An action, its name in the log, and the seconds to wait when it had nothing to do.

    `step` returns whether there may be more work to do immediately. With `wake`, it is not called
    again before that event is set, or before UNWOKEN_S is over.
    """

    name: str
    every_s: float
    step: Callable[[], Awaitable[bool]]
    wake: asyncio.Event | None = None


async def run_loop(loop: Loop, stop: asyncio.Event) -> None:
    """Repeat the step of a loop until `stop` is set.

    A failure is logged and retried without limit, at increasing intervals.
    """
    failures = 0
    while not stop.is_set():
        more, longest = False, LONGEST_PAUSE_S
        if loop.wake is not None:
            loop.wake.clear()
        try:
            with (
                operation(f"loop {loop.name}"),
                count_outcome(loop.name),
                bound_contextvars(loop=loop.name),
            ):
                more = await loop.step()
            failures = 0
        except TraplineError as error:
            failures += 1
            longest = AWAY_PAUSE_S if isinstance(error, DatabaseUnavailable) else LONGEST_PAUSE_S
            log.warning("a loop step failed and is retried", loop=loop.name, reason=error.detail)
        except Exception:
            failures += 1
            log.exception("a loop step failed and is retried", loop=loop.name)
        if not more:
            pause = min(loop.every_s * 2 ** min(failures, 10), max(longest, loop.every_s))
            await _pause(stop, pause * random.uniform(0.9, 1.1))  # noqa: S311 - jitter
            if loop.wake is not None and not failures:
                await _wait_for(loop.wake, stop)


async def _wait_for(wake: asyncio.Event, stop: asyncio.Event) -> None:
    waits = [asyncio.create_task(event.wait()) for event in (wake, stop)]
    try:
        await asyncio.wait(waits, timeout=UNWOKEN_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
