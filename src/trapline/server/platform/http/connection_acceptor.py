"""Taking connections from a socket that several processes share, so that each gets its part of
them.

The event loop's own server takes all that wait at once: of 24 connections one process of two got
20, and its callers queued while the other had nothing to do.
"""

import asyncio
import socket
from collections.abc import Callable, Sized

import structlog

log = structlog.get_logger(__name__)

TURNS_EACH, MOST_TURNS = 8, 128
"""A turn of an idle loop takes some 20 microseconds."""
FULL_PAUSE_S = 1.0
"""How long to wait where there are no more descriptors."""


class ConnectionAcceptor:
    """Takes one connection at a time, after some turns of the loop for each connection that it has
    already.

    Thereby the process with the fewest, and the least to do, is the first at the door. It stands
    where asyncio has a server, with `close` and `wait_closed`.
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
        """Take no more."""
        self._is_closed = True
        self._loop.remove_reader(self._listener)

    async def wait_closed(self) -> None:
        """Wait until what was taken is handed over."""
        await asyncio.gather(*self._opening, return_exceptions=True)

    def _listen(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._listener, self._hear)

    def _hear(self) -> None:
        self._loop.remove_reader(self._listener)
        self._give_way(min(TURNS_EACH * len(self._connections), MOST_TURNS))

    def _give_way(self, turns: int) -> None:
        if turns:
            self._loop.call_soon(self._give_way, turns - 1)
        elif not self._is_closed:
            self._accept()

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            self._listen()  # another process was quicker, or the caller went away
            return
        except OSError as error:
            log.warning("no connection can be taken for a moment", reason=str(error))
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
            accepted.close()  # it went away meanwhile
