"""A TCP proxy that breaks connections to the API or to PostgreSQL on request."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

CHUNK = 65_536


class Mode(Enum):
    """Mode of the proxy: pass bytes, or hold bytes and new connections until the mode changes."""

    PASS = "pass"
    HOLD = "hold"


@dataclass(eq=False)
class _Pair:
    """The two sides of one connection."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter | None = None
    is_marked: bool = False
    is_swallowing: bool = False


@dataclass
class FaultProxy:
    """Proxy that listens on `port` and connects to `target_port`, on loopback, in a thread.

    `broken` counts connections that were open when they were cut.
    """

    target_port: int
    port: int = 0
    delay_s: float = 0.0
    broken: int = 0
    swallowed: int = 0
    _mode: Mode = Mode.PASS
    _needle: bytes | None = None
    _after: bytes | None = None
    _pairs: set[_Pair] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _passing: asyncio.Event = field(default_factory=asyncio.Event)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._passing.set()
        self._writers: list[asyncio.StreamWriter] = []
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name="fault proxy", daemon=True
        )
        self._thread.start()

    def _run(self, listener: socket.socket) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(listener))
        self._loop.close()

    async def _serve(self, listener: socket.socket) -> None:
        server = await asyncio.start_server(self._accept, sock=listener, backlog=1024)
        await self._ending.wait()
        # A connection that was just accepted gets its task in one of the next turns of the loop. It
        # would stay open if the server was closed before (`Server._attach` fails in Python 3.11).
        self._loop.remove_reader(listener)
        for _ in range(5):
            await asyncio.sleep(0)
        server.close()
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
        # A closed writer with unsent data keeps its transport open until the data is sent.
        for writer in self._writers:
            writer.transport.abort()
        # Transports close their sockets in a later turn of the loop.
        await asyncio.sleep(0.01)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        task = asyncio.ensure_future(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is canceled before its first step closes nothing.
        task.add_done_callback(lambda _: writer.close())

    def _do(self, act: Callable[[], Any]) -> Any:
        async def do() -> Any:
            return act()

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result(5)

    def end(self) -> None:
        """Stop, and cut everything."""
        self.cut()
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    @property
    def open(self) -> int:
        """How many connections are open."""
        return len(self._pairs)

    def hold(self) -> None:
        """Become a black hole: nothing arrives, nothing is refused, new connections hang."""

        def act() -> None:
            self._mode = Mode.HOLD
            self._passing.clear()

        self._do(act)

    def release(self) -> None:
        """Let everything pass again, what was held first."""

        def act() -> None:
            self._mode = Mode.PASS
            self._passing.set()

        self._do(act)

    def cut(self) -> int:
        """Reset every connection; answers how many."""

        def act() -> int:
            pairs = list(self._pairs)
            for pair in pairs:
                self._break(pair)
            return len(pairs)

        return int(self._do(act))

    def half_close(self) -> int:
        """Close the sending side of all clients and continue to read.

        Return the number of clients.
        """

        def act() -> int:
            pairs = list(self._pairs)
            for pair in pairs:
                with contextlib.suppress(OSError, RuntimeError):
                    pair.near.write_eof()
            return len(pairs)

        return int(self._do(act))

    def swallow_answer_to(self, needle: bytes, after: bytes | None = None) -> None:
        """Forward bytes that contain `needle`, then cut the connection before the response.

        With `after`, only on a connection that has sent those bytes before.
        """
        self._needle, self._after = needle, after

    def _look(self, data: bytes, pair: _Pair) -> None:
        if self._needle is None:
            return
        if self._after is not None and self._after in data:
            pair.is_marked = True
        if self._needle in data and (self._after is None or pair.is_marked):
            self._needle = None
            pair.is_swallowing = True

    def _break(self, pair: _Pair) -> None:
        self.broken += 1
        for writer in (pair.near, pair.far):
            if writer is not None:
                writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = _Pair(writer)
        self._pairs.add(pair)
        try:
            await self._passing.wait()
            far_reader, pair.far = await asyncio.open_connection("127.0.0.1", self.target_port)
            self._writers.append(pair.far)
            await self._both(
                self._pump(reader, pair.far, pair, upwards=True),
                self._pump(far_reader, writer, pair, upwards=False),
            )
        except (OSError, RuntimeError):
            writer.transport.abort()
        finally:
            self._pairs.discard(pair)
            for end in (writer, pair.far):
                if end is not None:
                    end.close()

    async def _both(self, *ways: Coroutine[Any, Any, None]) -> None:
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pair: _Pair,
        *,
        upwards: bool,
    ) -> None:
        while data := await reader.read(CHUNK):
            await self._passing.wait()
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if not upwards and pair.is_swallowing:
                # The server sent the response, but the client does not receive it.
                self.swallowed += 1
                self._break(pair)
                return
            if upwards:
                self._look(data, pair)
            writer.write(data)
            await writer.drain()
        await self._passing.wait()
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()
