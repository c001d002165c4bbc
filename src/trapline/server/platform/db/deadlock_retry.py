"""Deadlocks: PostgreSQL ends one of the transactions that wait for each other, and that one begins
anew.

So may one that writes what another has just written, and finds it there at the next look.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
from sqlalchemy.exc import DBAPIError

ENDED = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
TRIES = 5
Answer = TypeVar("Answer")


async def retry_on_deadlock(
    act: Callable[[], Awaitable[Answer]], *, after_twins: bool = False
) -> Answer:
    """Do a whole transaction, again where it was ended for another one; raises what the last try
    raised.

    `after_twins`: also where another one wrote the same meanwhile, and it looks for that first.
    """
    passing = (*ENDED, psycopg.errors.UniqueViolation) if after_twins else ENDED
    for number in range(1, TRIES):
        try:
            return await act()
        except (psycopg.Error, DBAPIError) as error:
            if not isinstance(getattr(error, "orig", error), passing):
                raise
            await asyncio.sleep(random.uniform(0, 0.05 * number))  # noqa: S311 - jitter
    return await act()
