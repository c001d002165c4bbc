"""A pool of signed-in connections to one FTP server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.network.dialing import Dialer
from trapline.server.platform.network.outbound import Timeouts
from trapline.server.sources.gateways.ftp_connection import (
    FtpAddress,
    FtpConnection,
    FtpCredentials,
)
from trapline.server.sources.gateways.ftp_errors import FtpCommandRefused, FtpConnectionLost

MAX_CONNECTIONS = 4

LEAVE_S = 1.0

# Replies for too many connections, in total or of one user.
BUSY = ("421", "530")


class FtpConnectionPool:
    """Lends signed-in connections, at most `MAX_CONNECTIONS` or as many as the server allows."""

    def __init__(
        self, dialer: Dialer, address: FtpAddress, login: FtpCredentials, timeouts: Timeouts
    ) -> None:
        self._dialer = dialer
        self._address = address
        self._login = login
        self._timeouts = timeouts
        self._idle: list[FtpConnection] = []
        self._open = 0
        self._most = MAX_CONNECTIONS
        self._changed = asyncio.Event()
        self._is_closed = False

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[FtpConnection]:
        """Lend a connection; if it is returned during a command or transfer, it is closed.

        Raises OutboundFailed.
        """
        connection = await self._get_connection()
        try:
            yield connection
        finally:
            if connection.is_amidst or self._is_closed:
                self._discard(connection)
            else:
                self._idle.append(connection)
                self._changed.set()

    async def close(self) -> None:
        """Send QUIT on idle connections and close them."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(
            *[one.ask("QUIT", "2xx", LEAVE_S) for one in idle], return_exceptions=True
        )
        for connection in idle:
            self._discard(connection)
        # The event loop closes the sockets in its next iteration.
        await asyncio.sleep(0)

    async def _get_connection(self) -> FtpConnection:
        has_hung_up = False
        while True:
            while not self._idle and self._open >= self._most:
                self._changed.clear()
                await self._changed.wait()
            if self._idle:
                connection = self._idle.pop()
                if await self._is_alive(connection):
                    return connection
                continue
            connection = FtpConnection(self._dialer, self._address, self._timeouts)
            self._open += 1
            try:
                await connection.sign_in(self._login)
            except BaseException as error:
                self._discard(connection)
                if isinstance(error, FtpCommandRefused) and error.code in BUSY and self._open:
                    # The server accepts no more connections than are open.
                    self._most = self._open
                    continue
                if isinstance(error, FtpConnectionLost) and not has_hung_up:
                    # Some servers drop a new connection while they clean up an aborted one.
                    has_hung_up = True
                    continue
                raise
            return connection

    async def _is_alive(self, idle: FtpConnection) -> bool:
        # Some servers close the connection after each file, and most do after an idle time.
        try:
            await idle.ask("NOOP", "2xx", self._timeouts.connect_s)
        except OutboundFailed:
            self._discard(idle)
            return False
        except BaseException:
            self._discard(idle)
            raise
        return True

    def _discard(self, connection: FtpConnection) -> None:
        connection.close()
        self._open -= 1
        self._changed.set()
