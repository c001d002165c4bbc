"""Detects within about a second that PostgreSQL stopped answering, and that it answers again.

A database that was killed refuses connections, so every call fails immediately. One that is
stopped, or behind a network that drops all packets, sends nothing: each call would wait for its
own timeout, and its caller with it. So the process sends a query every BEAT_S over a separate
connection while a transaction is open that began more than UNASKED_S ago. Shorter transactions
show that the database answers, so an idle process sends nothing. If a query is not answered, all
connections of the process are shut down: pending calls fail, and new ones are refused until an
answer arrives. A slow statement does not count as silence, because the database still answers on
the separate connection.
"""

import asyncio
import contextlib
import os
import socket
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
import structlog
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

log = structlog.get_logger(__name__)

BEAT_S = 0.25
UNASKED_S = 0.05
"""How long a transaction may be open before the first query is sent, in seconds."""
SILENT_AFTER_S = 1.0
CONNECT_WITHIN_S = 5.0
LOOK_UP_EVERY_S = 5.0
"""How often a wait for PostgreSQL checks its socket without an event, in seconds."""
# The wait for an answer is counted in these steps, so that a delay of this process' event loop is
# not counted as silence of the database.
STEP_S = 0.1

Connection = psycopg.AsyncConnection[TupleRow]


class DatabaseUnresponsive(psycopg.OperationalError):
    """PostgreSQL does not answer."""


class ConnectionWatchdog:
    """Checks for one process whether PostgreSQL answers.

    It knows the connections that are opened with its `connection_class`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._silent = False
        self._users = 0
        self._start_timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None
        self._own: Connection | None = None
        self._known: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._opening: set[asyncio.Timeout] = set()
        self.connection_class = _build_connection_class(self)

    def check(self) -> None:
        """Start the queries if a transaction stays open for UNASKED_S.

        Raises:
            DatabaseUnresponsive: the database does not answer.
        """
        if self._start_timer is None and (self._beating is None or self._beating.done()):
            self._start_timer = asyncio.get_running_loop().call_later(UNASKED_S, self._begin)
        if self._silent:
            raise DatabaseUnresponsive("PostgreSQL does not answer")

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Use the database within the block, which fails soon if the database stops answering.

        Raises:
            DatabaseUnresponsive: the database does not answer.
        """
        self.check()
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if not self._users and self._start_timer is not None:
                # Otherwise an idle process would wake up again after each short transaction.
                self._start_timer.cancel()
                self._start_timer = None

    def _begin(self) -> None:
        self._start_timer = None
        if self._users:
            self._beating = asyncio.create_task(self._beat(), name="database watchdog")

    async def close(self) -> None:
        """Stop the queries and close their connection."""
        if self._start_timer is not None:
            self._start_timer.cancel()
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        if self._own is not None:
            await self._own.close()

    async def close_all(self) -> None:
        """Close every connection that is still open; pending calls fail."""
        for connection in list(self._known):
            if connection.closed:
                continue
            if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
                _shut(connection)
            else:
                await connection.close()

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[Callable[[Connection], None]]:
        """Open a connection within the block and pass it to the yielded function.

        Raises:
            DatabaseUnresponsive: the connection was not open within CONNECT_WITHIN_S.
        """
        try:
            with self.in_use():
                async with asyncio.timeout(CONNECT_WITHIN_S) as patience:
                    self._opening.add(patience)
                    try:
                        yield self._known.add
                    finally:
                        self._opening.discard(patience)
        except TimeoutError as error:
            raise DatabaseUnresponsive("PostgreSQL does not answer") from error

    async def _beat(self) -> None:
        while self._silent or self._users:
            answers = await self._ask()
            if answers and self._silent:
                log.info("the database answers again")
            elif not answers and not self._silent:
                log.warning("the database stopped answering: its connections were shut down")
                self._silent = True
                self._shut_all()
            self._silent = not answers
            await asyncio.sleep(BEAT_S)

    async def _ask(self) -> bool:
        """Send one query and return whether an answer came in time.

        A refusal and a closed connection count as answers.
        """
        asking = asyncio.create_task(self._question())
        try:
            for _ in range(round(SILENT_AFTER_S / STEP_S)):
                if asking.done():
                    break
                await asyncio.wait({asking}, timeout=STEP_S)
            answered = asking.done()
        finally:
            await self._drop(asking)
        return answered

    async def _question(self) -> None:
        if self._own is None:
            self._own = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        try:
            await self._own.execute("select 1")
        except psycopg.Error:
            await self._own.close()
            self._own = None
            raise

    async def _drop(self, asking: asyncio.Task[None]) -> None:
        if not asking.done():
            # Cancelling a statement waits until the server confirms it. Shutting the connection
            # down ends the statement without an answer.
            if self._own is None:
                asking.cancel()
            else:
                _shut(self._own)
        with contextlib.suppress(psycopg.Error, OSError, asyncio.CancelledError):
            await asking

    def _shut_all(self) -> None:
        for patience in self._opening:
            patience.reschedule(asyncio.get_running_loop().time())
        for connection in list(self._known):
            _shut(connection)
        self._known.clear()


def _build_connection_class(watchdog: ConnectionWatchdog) -> type[Connection]:
    """Build a class of connections that are registered with a watchdog, for any kind of pool."""

    class WatchedConnection(psycopg.AsyncConnection[TupleRow]):
        @classmethod
        async def connect(cls, *arguments: Any, **keywords: Any) -> Any:
            connection = None
            try:
                async with watchdog.opening() as hand_over:
                    connection = await super().connect(*arguments, **keywords)
                    hand_over(connection)
            except BaseException:
                # A timeout or a cancellation can arrive just after the connection was opened. No
                # other code would close it then.
                if connection is not None:
                    await connection.close()
                raise
            return connection

        async def wait(
            self, gen: PQGen[Any], interval: float = LOOK_UP_EVERY_S, timeout: float | None = None
        ) -> Any:
            # The event loop reports an answer immediately. Psycopg checks ten times a second
            # nevertheless. For the four connections that listen for background tasks, that was most
            # of the CPU time of an idle process.
            return await super().wait(gen, interval, timeout)

    return WatchedConnection


def _shut(connection: Connection) -> None:
    """Shut the socket of a connection down, so that a pending call fails as if the server ended."""
    with (
        contextlib.suppress(psycopg.Error, OSError),
        socket.socket(fileno=os.dup(connection.fileno())) as duplicate,
    ):
        duplicate.shutdown(socket.SHUT_RDWR)
