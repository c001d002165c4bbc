"""A pool of psycopg connections for plain SQL, which finds broken connections before use.

It replaces psycopg_pool, which waits longer and longer between its attempts while the database is
unavailable, and so reconnects long after the database has returned.
"""

import asyncio
import time
from dataclasses import dataclass, field

import psycopg
from psycopg.pq import TransactionStatus

from trapline.server.platform.db.connection_watchdog import Connection, ConnectionWatchdog

TRUSTED_S = 1.0
"""A connection that was used within this time is taken without a test query."""


@dataclass
class ConnectionPool:
    """A pool of at most `size` connections to one database."""

    watchdog: ConnectionWatchdog
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
        """Take a working connection, which must be returned with `give_back`.

        Raises:
            psycopg.OperationalError: no connection is free within `wait_s`, or none can be opened.
        """
        if not self._free.locked():
            await self._free.acquire()  # returns immediately, so it needs no timeout
        else:
            await self._wait_for_free()
        try:
            while self._idle:
                connection, used = self._idle.pop()
                if time.monotonic() - used < TRUSTED_S or await _is_alive(connection):
                    return connection
            return await self.watchdog.connection_class.connect(self.url, options=self.options)
        except BaseException:
            self._free.release()
            raise

    async def _wait_for_free(self) -> None:
        try:
            # Before Python 3.12, wait_for loses a cancellation that arrives just when it succeeds.
            async with asyncio.timeout(self.wait_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise psycopg.OperationalError(
                f"no connection was free within {self.wait_s} s"
            ) from error

    async def give_back(self, connection: Connection) -> None:
        """Return a connection: roll an open transaction back, and close a broken connection."""
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
        """Close every idle connection now, and those in use when they are given back."""
        self._closed = True
        while self._idle:
            await self._idle.pop()[0].close()


async def _is_alive(connection: Connection) -> bool:
    try:
        # This avoids begin and rollback; the next user of the connection sets the mode it requires.
        await connection.set_autocommit(True)
        await connection.execute("")
    except (psycopg.Error, OSError):
        await connection.close()
        return False
    except asyncio.CancelledError:
        await connection.close()
        raise
    return True
