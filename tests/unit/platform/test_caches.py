"""A value with a version is loaded once for all that ask for it, and again for a new version."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from trapline.server.platform.db.caches import VersionedCache

WITHIN_S = 30.0


class Store:
    """A slow store: it answers when it is opened, and counts what it was asked for."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.loads: list[str] = []
        self.broken = False

    def load(self, text: str) -> Callable[[], Awaitable[str]]:
        async def read() -> str:
            self.loads.append(text)
            await self.open.wait()
            if self.broken:
                self.broken = False
                raise OSError(text)
            return text

        return read


async def test_a_version_is_loaded_once_and_a_new_one_again() -> None:
    store, cache = Store(), VersionedCache[str, str](2, 600.0)
    asked = [asyncio.create_task(cache.get("a", 1, store.load("first"))) for _ in range(3)]
    other = asyncio.create_task(cache.get("a", 2, store.load("second")))
    async with asyncio.timeout(WITHIN_S):
        while len(store.loads) < 2:
            await asyncio.sleep(0)
    store.open.set()
    assert await asyncio.gather(*asked, other) == ["first"] * 3 + ["second"]
    assert store.loads == ["first", "second"]
    assert await cache.get("a", 2, store.load("not read")) == "second"
    assert await cache.get("b", 2, store.load("of another name")) == "of another name"
    assert await cache.get("a", 3, store.load("third")) == "third"
    assert store.loads == ["first", "second", "of another name", "third"]


async def start_three(store: Store, cache: VersionedCache[str, str]) -> list[asyncio.Task[str]]:
    """Ask for a value three times, and wait until the first caller loads it."""
    asked = [
        asyncio.create_task(cache.get("a", 1, store.load(text)))
        for text in ("first", "second", "third")
    ]
    async with asyncio.timeout(WITHIN_S):
        while not store.loads:
            await asyncio.sleep(0)
    return asked


async def test_a_caller_that_waits_loads_the_value_if_the_first_is_cancelled() -> None:
    store, cache = Store(), VersionedCache[str, str](2, 600.0)
    first, second, third = await start_three(store, cache)
    first.cancel()
    store.open.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second == await third
    assert len(store.loads) == 2


async def test_all_that_wait_receive_the_error_of_a_load_and_the_next_one_loads() -> None:
    store, cache = Store(), VersionedCache[str, str](2, 600.0)
    asked = await start_three(store, cache)
    store.broken = True
    store.open.set()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(one) for one in found] == ["first"] * 3
    assert store.loads == ["first"]
    assert await cache.get("a", 1, store.load("again")) == "again"
