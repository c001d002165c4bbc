"""Run a transaction again if PostgreSQL ended it to resolve a deadlock.

A transaction can also run again after a unique violation, if it then finds the existing row.
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
    """Run a whole transaction, and run it again if it was ended because of a concurrent one.

    With `after_twins` it also runs again after a unique violation: another transaction inserted the
    same row in the meantime, and `act` looks for that row first. The error of the last attempt is
    raised.
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
