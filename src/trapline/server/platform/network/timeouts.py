"""Limits for the total time of a listing, and for the rate of a download."""

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
    """Pass on the pieces of a listing, waiting for them at most `budget_s` seconds in total.

    `give_up` is called when the time is over, for an iterator that ends its connection itself.

    Raises:
        OutboundFailed: the time is over.
    """
    left = budget_s
    is_over = False

    def stop() -> None:
        nonlocal is_over
        is_over = True
        if give_up:
            give_up()

    while True:
        started = time.monotonic()
        timer = asyncio.get_running_loop().call_later(left, stop)
        try:
            async with asyncio.timeout(left):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except (TimeoutError, OutboundFailed) as error:
            # A connection that `give_up` closes may fail before the timeout is raised.
            if isinstance(error, OutboundFailed) and not is_over:
                raise
            raise OutboundFailed(f"the listing took longer than {budget_s:g} seconds") from error
        finally:
            timer.cancel()
        left = max(0.0, left - (time.monotonic() - started))
        yield piece


async def require_throughput(chunks: AsyncIterator[bytes], window_s: float) -> AsyncIterator[bytes]:
    """Pass on the chunks of a file while their rate is at least SLOWEST_RATE.

    The rate is measured over each `window_s` seconds of waiting. A transfer that stops completely
    is not detected here.

    Raises:
        OutboundFailed: the rate was too low.
    """
    waited, received = 0.0, 0
    while True:
        started = time.monotonic()
        chunk = await anext(chunks, None)
        if chunk is None:
            return
        # Only the wait for the server counts, not the time to process a chunk.
        waited += time.monotonic() - started
        received += len(chunk)
        if waited >= window_s:
            if received < SLOWEST_RATE * waited:
                raise OutboundFailed(
                    f"the transfer rate was below {SLOWEST_RATE:,} bytes per second for "
                    f"{window_s:g} seconds"
                )
            waited, received = 0.0, 0
        yield chunk
