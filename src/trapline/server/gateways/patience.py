"""How long a gateway waits for a listing in all."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TypeVar

from trapline.server.errors import OutboundFailed

Piece = TypeVar("Piece")


async def within(pieces: AsyncIterator[Piece], budget_s: float) -> AsyncIterator[Piece]:
    """Pass the pieces of a listing on, but wait for them no longer than `budget_s` seconds in all."""
    left = budget_s
    while True:
        started = time.monotonic()
        try:
            async with asyncio.timeout(left):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise OutboundFailed(f"the listing took longer than {budget_s:g} seconds") from error
        left = max(0.0, left - (time.monotonic() - started))
        yield piece
