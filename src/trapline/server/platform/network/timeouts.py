"""How long is waited for a listing in all, and for a file that comes ever so slowly."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from trapline.server.platform.errors import OutboundFailed

Piece = TypeVar("Piece")
SLOWEST_RATE = 1024
"""The minimum average rate of a download, in bytes per second."""


async def limit_total_time(
    pieces: AsyncIterator[Piece], budget_s: float, give_up: Callable[[], None] | None = None
) -> AsyncIterator[Piece]:
    """Pass the pieces of a listing on, but wait for them no longer than `budget_s` seconds in all.

    `give_up` is called when the time is over, where what is waited for takes leave of the server
    before it ends.
    """
    left = budget_s
    while True:
        started = time.monotonic()
        timer = asyncio.get_running_loop().call_later(left, give_up) if give_up else None
        try:
            async with asyncio.timeout(left):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise OutboundFailed(f"the listing took longer than {budget_s:g} seconds") from error
        finally:
            if timer is not None:
                timer.cancel()
        left = max(0.0, left - (time.monotonic() - started))
        yield piece


async def require_throughput(chunks: AsyncIterator[bytes], window_s: float) -> AsyncIterator[bytes]:
    """Pass the chunks of a file on while they come faster than a drip: in each `window_s` seconds
    that are waited.

    Raises OutboundFailed. That nothing comes at all is for others to find.
    """
    waited, received = 0.0, 0
    while True:
        started = time.monotonic()
        chunk = await anext(chunks, None)
        if chunk is None:
            return
        # Only the wait for the server counts, not what is done with what came.
        waited += time.monotonic() - started
        received += len(chunk)
        if waited >= window_s:
            if received < SLOWEST_RATE * waited:
                raise OutboundFailed(
                    f"it came at less than {SLOWEST_RATE:,} bytes a second for {window_s:g} seconds"
                )
            waited, received = 0.0, 0
        yield chunk
