"""The limit for the total time of a listing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.network.timeouts import limit_total_time


async def test_a_connection_that_was_ended_at_the_limit_is_reported_as_the_limit() -> None:
    ended = asyncio.Event()

    async def drip() -> AsyncIterator[str]:
        yield "a.jpg"
        with contextlib.suppress(asyncio.CancelledError):
            await ended.wait()
        raise OutboundFailed("the connection broke")

    with pytest.raises(OutboundFailed, match=r"took longer than 0\.05 seconds"):
        async for _ in limit_total_time(drip(), 0.05, ended.set):
            pass


async def test_a_connection_that_broke_before_the_limit_is_reported_as_broken() -> None:
    async def broken() -> AsyncIterator[str]:
        yield "a.jpg"
        raise OutboundFailed("the connection broke")

    with pytest.raises(OutboundFailed, match="broke"):
        async for _ in limit_total_time(broken(), 30):
            pass
