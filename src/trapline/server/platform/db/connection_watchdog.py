"""Notices within about a second that PostgreSQL fell silent, and that it is back.

A database that was killed refuses connections, and every call hears of it at once. One that is
stopped, or behind a network that swallows everything, says nothing at all: each call would wait for
its own timeout, with its caller. So one question is asked again and again over a separate
connection, as long as a transaction is open that began more than UNASKED_S ago: shorter ones are
answered themselves, so that an idle process asks nothing. If no answer comes, every connection of
the process is shut: what waits on one fails now, what comes is refused until an answer is there. A
slow statement is no silence: its backend's neighbour still answers.
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
"""For how long a transaction may be open before the first question is asked."""
SILENT_AFTER_S = 1.0
CONNECT_WITHIN_S = 5.0
LOOK_UP_EVERY_S = 5.0
"""How often a wait for PostgreSQL looks at its socket without being woken."""
# The wait for an answer is counted in these steps, so that a loop that was busy meanwhile does not
# take its own tardiness for silence.
STEP_S = 0.1

Connection = psycopg.AsyncConnection[TupleRow]


class DatabaseUnresponsive(psycopg.OperationalError):
    """PostgreSQL does not answer at this time."""


class ConnectionWatchdog:
    """Whether PostgreSQL answers, as one process sees it.

    Every connection is of its `connection_class`.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._silent = False
        self._users = 0
        self._soon: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None
        self._own: Connection | None = None
        self._known: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._opening: set[asyncio.Timeout] = set()
        self.connection_class = _watched(self)

    def check(self) -> None:
        """Watch for silence for as long as the database is used.

        Raises Silent while it does not answer.
        """
        if self._soon is None and (self._beating is None or self._beating.done()):
            self._soon = asyncio.get_running_loop().call_later(UNASKED_S, self._begin)
        if self._silent:
            raise DatabaseUnresponsive("PostgreSQL does not answer")

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Use the database within the block, which fails soon if the database falls silent.

        Raises Silent.
        """
        self.check()
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1

    def _begin(self) -> None:
        self._soon = None
        if self._users:
            self._beating = asyncio.create_task(self._beat(), name="pulse of the database")

    async def close(self) -> None:
        """End."""
        if self._soon is not None:
            self._soon.cancel()
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        if self._own is not None:
            await self._own.close()

    async def close_all(self) -> None:
        """Close whatever connection is still open; who waits on one hears that the server has gone."""
        for connection in list(self._known):
            if connection.closed:
                continue
            if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
                _shut(connection)
            else:
                await connection.close()

    @asynccontextmanager
    async def opening(self) -> AsyncIterator[Callable[[Connection], None]]:
        """Open a connection within the block and hand it over. Raises Silent."""
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
                log.warning("the database fell silent: its connections are shut")
                self._silent = True
                self._shut_all()
            self._silent = not answers
            await asyncio.sleep(BEAT_S)

    async def _ask(self) -> bool:
        """Ask one question; False where no answer came in time.

        A refusal is an answer, so is a closed connection.
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
            # A statement that is cancelled waits for the server to hear of it; over a connection
            # that is shut it ends.
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


def _watched(pulse: ConnectionWatchdog) -> type[Connection]:
    """Make the class of connections that are opened through a pulse, for pools of whatever kind."""

    class Watched(psycopg.AsyncConnection[TupleRow]):
        @classmethod
        async def connect(cls, *arguments: Any, **keywords: Any) -> Any:
            connection = None
            try:
                async with pulse.opening() as hand_over:
                    connection = await super().connect(*arguments, **keywords)
                    hand_over(connection)
            except BaseException:
                # The time may be over, or the caller gone, just when it is open: nobody else would
                # close it.
                if connection is not None:
                    await connection.close()
                raise
            return connection

        async def wait(
            self, gen: PQGen[Any], interval: float = LOOK_UP_EVERY_S, timeout: float | None = None
        ) -> Any:
            # The event loop reports an answer at once. Psycopg looks ten times a second all the
            # same, which for four connections that listen for background tasks took more time than
            # all else that an idle process does.
            return await super().wait(gen, interval, timeout)

    return Watched


def _shut(connection: Connection) -> None:
    """Shut a connection beneath whoever waits on it: the wait ends as if the server had gone."""
    with (
        contextlib.suppress(psycopg.Error, OSError),
        socket.socket(fileno=os.dup(connection.fileno())) as beneath,
    ):
        beneath.shutdown(socket.SHUT_RDWR)
