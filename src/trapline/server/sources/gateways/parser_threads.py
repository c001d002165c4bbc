"""Threads that parse listings.

Parsing runs in separate threads, because a time limit cannot interrupt it and a hostile server can
make it slow.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

Read = TypeVar("Read")

READ_AT_ONCE = 8
_READERS = ThreadPoolExecutor(READ_AT_ONCE, "listing")


async def parse_in_thread(read: Callable[[], Read]) -> Read:
    """Parse a piece of a listing without blocking the event loop or the default thread pool."""
    return await asyncio.get_running_loop().run_in_executor(_READERS, copy_context().run, read)
