"""Notices within about a second that PostgreSQL fell silent, and that it is back.

A database that was killed refuses connections, and every call hears of it at once. One that is stopped, or behind a
network that swallows everything, says nothing at all: each call would wait for its own timeout, with its caller. So
one question is asked again and again over a connection of its own, as long as somebody works with the database. If no
answer comes, every connection of the process is shut: what waits on one fails now, what comes is refused until an
answer is there. A slow statement is no silence: its backend's neighbour still answers.
"""

import asyncio
import contextlib
import os
import socket
import time
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import structlog
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

log = structlog.get_logger(__name__)

BEAT_S = 0.25
SILENT_AFTER_S = 1.0
RESTS_AFTER_S = 10.0
CONNECT_WITHIN_S = 5.0
# The wait for an answer is counted in these steps, so that a loop that was busy meanwhile does not take its own
# tardiness for silence.
STEP_S = 0.1

Connection = psycopg.AsyncConnection[TupleRow]


class Silent(psycopg.OperationalError):
    """PostgreSQL does not answer at this time."""


class Pulse:
    """Whether PostgreSQL answers, as one process sees it. Every connection is of its `connection_class`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._silent = False
        self._used = 0.0
        self._beating: asyncio.Task[None] | None = None
        self._own: Connection | None = None
        self._known: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._opening: set[asyncio.Timeout] = set()
        self.connection_class = _watched(self)

    def check(self) -> None:
        """Note that the database is used now. Raises Silent while it does not answer."""
        self._used = time.monotonic()
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat(), name="pulse of the database")
        if self._silent:
            raise Silent("PostgreSQL does not answer")

    async def close(self) -> None:
        """End."""
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
        self.check()
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S) as patience:
                self._opening.add(patience)
                try:
                    yield self._known.add
                finally:
                    self._opening.discard(patience)
        except TimeoutError as error:
            raise Silent("PostgreSQL does not answer") from error

    async def _beat(self) -> None:
        while self._silent or time.monotonic() - self._used < RESTS_AFTER_S:
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
        """Ask one question; False where no answer came in time. A refusal is an answer, so is a closed connection."""
        asking = asyncio.create_task(self._question())
        try:
            waited_s = 0.0
            while not asking.done() and waited_s < SILENT_AFTER_S:
                await asyncio.wait({asking}, timeout=STEP_S)
                waited_s += STEP_S
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
            # A statement that is cancelled waits for the server to hear of it; over a connection that is shut it ends.
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


def _watched(pulse: Pulse) -> type[Connection]:
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
                # The time may be over, or the caller gone, just when it is open: nobody else would close it.
                if connection is not None:
                    await connection.close()
                raise
            return connection

    return Watched


def _shut(connection: Connection) -> None:
    """Shut a connection beneath whoever waits on it: the wait ends as if the server had gone."""
    with contextlib.suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as beneath:
        beneath.shutdown(socket.SHUT_RDWR)
