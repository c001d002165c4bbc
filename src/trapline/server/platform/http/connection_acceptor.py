"""Accept connections from a socket that several processes share, evenly over the processes.

asyncio's server accepts all waiting connections together: of 24 connections one of two processes
got 20, and its requests waited while the other process was idle.
"""

import asyncio
import socket
from collections.abc import Callable, Sized

import structlog

log = structlog.get_logger(__name__)

TURNS_EACH, MOST_TURNS = 8, 128
"""A turn of an idle loop takes some 20 microseconds."""
FULL_PAUSE_S = 1.0
"""How long to wait if the process has no free file descriptors."""


class ConnectionAcceptor:
    """Accepts one connection at a time, after some turns of the loop for each open connection.

    So the process with the fewest connections and the least work is the first to accept. It
    replaces a server of asyncio, with its methods `close` and `wait_closed`.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.BaseProtocol],
        connections: Sized,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._make_protocol = make_protocol
        self._connections = connections
        self._opening: set[asyncio.Task[None]] = set()
        self._is_closed = False
        listener.setblocking(False)
        self._listen()

    def close(self) -> None:
        """Accept no more connections."""
        self._is_closed = True
        self._loop.remove_reader(self._listener)

    async def wait_closed(self) -> None:
        """Wait until every accepted connection has its protocol."""
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _listen(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._listener, self._on_readable)

    def _on_readable(self) -> None:
        self._loop.remove_reader(self._listener)
        self._accept_after(min(TURNS_EACH * len(self._connections), MOST_TURNS))

    def _accept_after(self, turns: int) -> None:
        if turns:
            self._loop.call_soon(self._accept_after, turns - 1)
        elif not self._is_closed:
            self._accept()

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            self._listen()  # another process accepted it, or the client disconnected
            return
        except OSError as error:
            log.warning("connections cannot be accepted for a moment", reason=str(error))
            self._loop.call_later(FULL_PAUSE_S, self._listen)
            return
        self._listen()
        opening = self._loop.create_task(self._open(accepted))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _open(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        try:
            await self._loop.connect_accepted_socket(self._make_protocol, accepted)
        except OSError:
            accepted.close()  # the client has disconnected
