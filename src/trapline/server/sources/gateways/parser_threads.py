"""Where listings are read: on threads of their own, because no time limit ends one that a server made to take long."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

Read = TypeVar("Read")

READ_AT_ONCE = 8
_READERS = ThreadPoolExecutor(READ_AT_ONCE, "listing")


async def parse_in_thread(read: Callable[[], Read]) -> Read:
    """Read a piece of a listing without keeping files, names or the event loop waiting."""
    return await asyncio.get_running_loop().run_in_executor(_READERS, copy_context().run, read)
