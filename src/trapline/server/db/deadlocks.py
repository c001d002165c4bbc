"""Deadlocks: PostgreSQL ends one of the transactions that wait for each other, and that one begins anew."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg

TRIES = 5
Answer = TypeVar("Answer")


async def begin_anew(act: Callable[[], Awaitable[Answer]]) -> Answer:
    """Do a whole transaction, again where it was ended for another one; raises what the last try raised."""
    for number in range(1, TRIES):
        try:
            return await act()
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
            await asyncio.sleep(random.uniform(0, 0.05 * number))  # noqa: S311 - jitter
    return await act()
