"""The connections that the line speaks over: psycopg's own, kept open, found broken before they do
harm.

Not psycopg_pool: while the database is away that one waits ever longer between its attempts, and
would find it back long after it has come back.
"""

import asyncio
import time
from dataclasses import dataclass, field

import psycopg
from psycopg.pq import TransactionStatus

from trapline.server.platform.db.connection_watchdog import Connection, ConnectionWatchdog

TRUSTED_S = 1.0
"""A connection that was used within this time is taken without asking whether it still lives."""


@dataclass
class ConnectionPool:
    """At most `size` connections to one database.

    Raises psycopg.OperationalError where none is to be had.
    """

    pulse: ConnectionWatchdog
    url: str
    size: int
    options: str
    wait_s: float = 5
    _idle: list[tuple[Connection, float]] = field(default_factory=list)
    _free: asyncio.Semaphore = field(init=False)
    _closed: bool = False

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.size)

    async def take(self) -> Connection:
        """Take a connection that works; it must be given back."""
        if not self._free.locked():
            await self._free.acquire()  # returns immediately, so it needs no timeout
        else:
            await self._wait_for_free()
        try:
            while self._idle:
                connection, used = self._idle.pop()
                if time.monotonic() - used < TRUSTED_S or await _is_alive(connection):
                    return connection
            return await self.pulse.connection_class.connect(self.url, options=self.options)
        except BaseException:
            self._free.release()
            raise

    async def _wait_for_free(self) -> None:
        try:
            # Not wait_for: before Python 3.12 it forgets that its task is being cancelled where it
            # just succeeds.
            async with asyncio.timeout(self.wait_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise psycopg.OperationalError(
                f"no connection came free within {self.wait_s} s"
            ) from error

    async def give_back(self, connection: Connection) -> None:
        """Give a connection back; what is left of a transaction is rolled back, a broken one is closed."""
        try:
            if connection.pgconn.transaction_status in (
                TransactionStatus.INTRANS,
                TransactionStatus.INERROR,
            ):
                await connection.rollback()
            if self._closed or connection.pgconn.transaction_status != TransactionStatus.IDLE:
                await connection.close()
            else:
                self._idle.append((connection, time.monotonic()))
        except psycopg.Error:
            await connection.close()
        except asyncio.CancelledError:
            await connection.close()
            raise
        finally:
            self._free.release()

    async def close(self) -> None:
        """Close every connection: those in use as they are given back."""
        self._closed = True
        while self._idle:
            await self._idle.pop()[0].close()


async def _is_alive(connection: Connection) -> bool:
    try:
        # Without begin and rollback around it: the next user of the connection sets its own mode.
        await connection.set_autocommit(True)
        await connection.execute("")
    except (psycopg.Error, OSError):
        await connection.close()
        return False
    except asyncio.CancelledError:
        await connection.close()
        raise
    return True
