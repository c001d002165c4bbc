"""How long a gateway waits for a listing in all."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from trapline.server.errors import OutboundFailed

Piece = TypeVar("Piece")


async def within(
    pieces: AsyncIterator[Piece], budget_s: float, give_up: Callable[[], None] | None = None
) -> AsyncIterator[Piece]:
    """Pass the pieces of a listing on, but wait for them no longer than `budget_s` seconds in all.

    `give_up` is called when the time is over, where what is waited for takes leave of the server before it ends.
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
