"""HTTP/1.1 with uvicorn's parser, with limits of sizes and deadlines for clients.

It changes the following in uvicorn: trailers are not treated as headers, and uvicorn waits without
limit for the rest of a head, for a slow body, for a client that does not read the response, and on
an idle connection after an early response.
"""

import asyncio
import fcntl
import re
import socket
import struct
import sys
import termios
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, NamedTuple
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from trapline.server.platform.http.problems import MEDIA_TYPE
from trapline.server.platform.http.security_headers import SAFE_HEADERS, SAFE_HEADERS_HTTPS
from trapline.wire.problem import Problem

TARGET_BYTES = 16 * 1024
"""The largest size of a path with its query."""
HEAD_BYTES = 64 * 1024
"""The largest size of a head: names and values of all headers.

It also limits the bytes of a body's framing that contain no byte of the body.
"""
HEADERS = 100
AHEAD = 32
"""How many requests a client may send before the response to the first of them."""
UNWANTED_BYTES = 16 * 1024 * 1024
"""How much of a body is read after its response, so that the client gets to read the response."""
HEAD_WITHIN_S = 10
PATIENCE_S = 10
"""How long a client may send nothing of a body, or read nothing of a response."""
LOWEST_RATE = 512
"""The lowest transfer rate over a longer time, in bytes per second; slower clients time out."""
LINGER_S = 2.0
"""How long incoming data is read and dropped after a refusal."""
TICK_S = 1.0
LATE_S = 2.0
"""The most seconds that one tick counts for."""
UNSENT_BYTES = 128 * 1024
"""How much of a response the kernel buffers; its default is megabytes per connection."""


_HOST = re.compile(rb"(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._~%!$&'()*+;=\-]*)(:[0-9]{0,5})?")
"""A host with an optional port (RFC 3986, section 3.2.2), without commas: they would join two."""


class ProtocolError(NamedTuple):
    """The response to a request that is refused before it reaches the application."""

    status: int
    title: str
    detail: str


CONNECTION = "connection"
"""The state of a request with the ID of its connection, and the address and port of its client."""

NOT_HTTP = ProtocolError(
    400, "Not HTTP", "The request is not valid HTTP/1.1. Nothing of it was processed."
)
NO_SWITCH = ProtocolError(
    400,
    "Protocol not switched",
    "A request with a body cannot switch to another protocol. Nothing of it was processed.",
)
LONG_TARGET = ProtocolError(
    414,
    "URL too long",
    f"A path with its query can have at most {TARGET_BYTES:,} bytes. Nothing was changed.",
)
LARGE_HEAD = ProtocolError(
    431,
    "Headers too large",
    f"A request can have at most {HEADERS} headers with {HEAD_BYTES:,} bytes in total. "
    "Nothing was changed.",
)
ONE_HOST = ProtocolError(
    400,
    "Invalid Host header",
    "A request must have exactly one Host header with a valid host. Nothing was changed.",
)
FAR_AHEAD = ProtocolError(
    429,
    "Too many pipelined requests",
    f"At most {AHEAD} requests can wait for their responses on one connection. "
    "This one was not processed. Send it after the others.",
)
TOO_SLOW = ProtocolError(
    408,
    "Too slow",
    "The rest of the request did not arrive in time, so it was not processed. Send it again.",
)


class HttpProtocol(HttpToolsProtocol):
    """One connection of a client.

    Its deadlines count only the time during which this process ran, so that a client does not time
    out because the process was stopped for a while.
    """

    safe_headers: ClassVar[Mapping[str, str]] = SAFE_HEADERS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._refusal: ProtocolError | None = None
        self._running: RequestResponseCycle | None = None
        self._began = False
        self._in_head = True
        self._in_body = False
        self._head_bytes = 0
        self._unheard = 0
        self._unwanted = 0
        self._received = 0
        self._unread = 0
        self._patience = float(HEAD_WITHIN_S)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for a head."""
        super().connection_made(transport)
        self.app_state = self.app_state | {CONNECTION: (uuid4().hex, self.client)}
        opened = transport.get_extra_info("socket")
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        self._ticked = self.loop.time()
        self._clock = self.loop.call_later(TICK_S, self._tick)

    def connection_lost(self, exc: Exception | None) -> None:
        """Notify the request in progress, which may not be the last one received."""
        self._clock.cancel()
        self.pipeline.clear()
        super().connection_lost(exc)
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Parse data, unless this connection was refused."""
        if self._refusal is not None:
            return
        if self._is_idle:
            self._await_head()
        self._received += len(data)
        self._unheard += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self._refusal is not None:
            return
        if self._unheard > HEAD_BYTES:
            self._refusal = LARGE_HEAD
            self.send_400_response("")
        elif self._is_idle and self.timeout_keep_alive_task is None:
            # The response was sent before the end of the body: uvicorn would wait without limit.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    @property
    def _is_idle(self) -> bool:
        answered = self.cycle is None or self.cycle.response_complete
        return answered and not self._in_head and not self._in_body

    def _await_head(self) -> None:
        self._in_head, self._began = True, False
        self._patience = float(HEAD_WITHIN_S)

    def on_message_begin(self) -> None:
        """Start a head."""
        if not self._in_head:
            self._await_head()
        self._began = True
        self._head_bytes = self._unheard = self._unwanted = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Add a part of the target."""
        super().on_url(url)
        if len(self.url) > TARGET_BYTES:
            self._refuse(LONG_TARGET)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header; headers after the head are trailers, which no route uses."""
        if not self._in_head:
            return
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_BYTES or len(self.headers) >= HEADERS:
            self._refuse(LARGE_HEAD)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request, or queue it behind those before it."""
        if len(self.pipeline) >= AHEAD:
            self._refuse(FAR_AHEAD)
        hosts = [value for name, value in self.headers if name == b"host"]
        # RFC 9112, section 3.2: a proxy in front of the server could otherwise read another host
        # than this one.
        if len(hosts) > 1 or (not hosts and self.parser.get_http_version() != "1.0"):
            self._refuse(ONE_HOST)
        if hosts and not _HOST.fullmatch(hosts[0]):
            self._refuse(ONE_HOST)
        switches = self.parser.should_upgrade()
        if switches and any(
            name in (b"content-length", b"transfer-encoding") for name, _ in self.headers
        ):
            # The parser would read the body as the next request.
            self._refuse(NO_SWITCH)
        super().on_headers_complete()
        self._in_head, self._in_body = False, True
        self._patience = float(PATIENCE_S)
        if switches:
            self.cycle.keep_alive = False
        if not self._is_queued:
            self._running = self.cycle

    @property
    def _is_queued(self) -> bool:
        return bool(self.pipeline) and self.pipeline[0][0] is self.cycle

    def on_body(self, body: bytes) -> None:
        """Add a part of the body; after the response, up to UNWANTED_BYTES of it are dropped."""
        self._unheard = 0
        if self.cycle.response_complete:
            self._unwanted += len(body)
            if self._unwanted > UNWANTED_BYTES:
                self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the body."""
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Start the next queued request, or send the refusal."""
        following = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        if following is not None:
            self._running = following
        elif self._refusal is not None and not self.transport.is_closing():
            self._say_refusal(self._refusal)

    def resume_writing(self) -> None:
        """Continue the response, because the client has read much of it."""
        self._patience = float(PATIENCE_S)
        super().resume_writing()

    def _refuse(self, refusal: ProtocolError) -> None:
        """Stop the parser, which then calls `send_400_response`."""
        self._refusal = refusal
        raise ValueError(refusal.title)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text is not used
        """Refuse the last request and close, after the responses to those before it."""
        refusal = self._refusal = self._refusal or NOT_HTTP
        if self._in_body and self._is_queued:
            self.pipeline.popleft()
            last = self.pipeline[0][0] if self.pipeline else self._running
            self.cycle = last  # type: ignore[assignment]
        elif self._in_body:
            if self.cycle.response_started:
                self.transport.close()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._say_refusal(refusal)
            return
        if self.cycle is None or self.cycle.response_complete:
            self._say_refusal(refusal)
        else:
            self.flow.pause_reading()

    def _say_refusal(self, refusal: ProtocolError) -> None:
        request_id = uuid4().hex
        problem = Problem(
            title=refusal.title, status=refusal.status, detail=refusal.detail, request_id=request_id
        )
        body = problem.model_dump_json().encode()
        headers = {
            "Content-Type": MEDIA_TYPE,
            "Content-Length": str(len(body)),
            "Connection": "close",
            "X-Request-Id": request_id,
            **self.safe_headers,
        }
        head = [f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        self.transport.write("\r\n".join((*head, "", "")).encode("latin-1") + body)
        # If the connection were closed while data still arrives, it would be reset and the client
        # would lose this response.
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)

    def _tick(self) -> None:
        """Count the time during which the server waits for the client."""
        self._clock = self.loop.call_later(TICK_S, self._tick)
        now = self.loop.time()
        went, self._ticked = min(LATE_S, now - self._ticked), now
        unread = self._count_unread()
        taken, self._unread = max(0, self._unread - unread), unread
        received, self._received = self._received, 0
        if unread:
            self._spend(went, taken)
        elif self.flow.read_paused or self._refusal is not None:
            return
        elif self._in_head:
            self._patience -= went
        elif self._in_body and not self.cycle.waiting_for_100_continue:
            self._spend(went, received)
        else:
            self._patience = float(PATIENCE_S)
        if self._patience > 0:
            return
        if unread or self.transport.is_closing():
            self._abort()
        elif self._in_head and not self._began:
            self.transport.close()
        else:
            self._refusal = TOO_SLOW
            self.send_400_response("")

    def _abort(self) -> None:
        """Reset the connection, so that the kernel drops the data that the client does not read."""
        reset = struct.pack("ii", 1, 0)
        self.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, reset
        )
        self.transport.abort()

    def _spend(self, went: float, moved: int) -> None:
        self._patience = min(float(PATIENCE_S), self._patience - went + moved / LOWEST_RATE)

    def _count_unread(self) -> int:
        """Count the unread bytes of responses in the buffers of this process and of the kernel.

        It is 0 while the process buffers nothing, whatever the kernel still has.
        """
        buffered = self.transport.get_write_buffer_size()
        if not buffered:
            return 0
        queued = fcntl.ioctl(
            self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4)
        )
        return buffered + int.from_bytes(queued, sys.byteorder)


class HttpsProtocol(HttpProtocol):
    """A connection of a server that people reach over HTTPS."""

    safe_headers = SAFE_HEADERS_HTTPS
