"""A server that pushes messages of new files over WebSocket (RFC 6455); the files are fetched over HTTP."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)
from websockets.frames import CLOSE_CODE_EXPLANATIONS

from trapline.server.platform.errors import OutboundFailed
from trapline.server.platform.network.dialing import Dialer
from trapline.server.platform.network.open_file import OpenFile
from trapline.server.platform.network.outbound import USER_AGENT
from trapline.server.sources.gateways.gateway import RemoteFile, Walk
from trapline.server.sources.gateways.http_directory_gateway import HttpDirectoryGateway
from trapline.server.sources.rules.source_urls import get_server

MESSAGE_BYTES = 1024 * 1024
"""The largest message that is read."""
END_BYTES = 4 * 1024 * 1024
"""A larger one ends the connection."""
PING_S = 20.0
CLOSE_S = 2.0
HELD_BYTES = 8 * 1024 * 1024
"""So much is received ahead of whoever takes it; nothing more is read from the server then."""
EACH_BYTES = 200
"""What a message takes beside its text."""
QUEUED = 4
# The library's own log quotes what is sent, sign-in included.
_SILENT = logging.getLogger("trapline.websockets")
_SILENT.disabled = True


class WebsocketGateway:
    """Opens the files that messages told of, and lists what is there where the source also has a listing."""

    def __init__(self, listing: HttpDirectoryGateway | None, files: HttpDirectoryGateway) -> None:
        self._listing = listing
        self._files = files

    async def list_files(self, walk: Walk | None = None) -> AsyncIterator[RemoteFile]:
        """List every file; none where nothing but messages tells of them."""
        if self._listing is not None:
            async for entry in self._listing.list_files(walk):
                yield entry

    def open_file(
        self, path: str, known_etag: str | None = None
    ) -> AbstractAsyncContextManager[OpenFile | None]:
        """Open one file; None if the server says that it still is the version `known_etag`."""
        return self._files.open_file(path, known_etag)

    async def close(self) -> None:
        """Close every connection."""
        await self._files.close()
        if self._listing is not None:
            await self._listing.close()


class MessageBuffer:
    """The messages of a connection, received ahead of whoever takes them; one that is too large comes empty."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._received: asyncio.Queue[tuple[str | bytes, int] | None] = asyncio.Queue()
        self._held = 0
        self._room = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        self._closing: asyncio.Task[None] | None = None

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Give the messages as they come, all that were received.

        Raises OutboundFailed when the connection ended.
        """
        while (received := await self._received.get()) is not None:
            message, size = received
            yield message
            self._held -= size
            self._room.set()
        await self._reading

    def hang_up(self) -> None:
        """End the connection; what the server sends until it knows of that is received and given all the same."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._connection.close())

    async def end(self) -> None:
        """Receive nothing more."""
        self._reading.cancel()
        await asyncio.gather(
            self._reading, *([self._closing] if self._closing else []), return_exceptions=True
        )

    async def _read(self) -> None:
        try:
            while True:
                message = await self._connection.recv()
                size = len(
                    message.encode("utf-8", "replace") if isinstance(message, str) else message
                )
                if size > MESSAGE_BYTES:
                    message, size = b"", 0
                self._held += size + EACH_BYTES
                self._received.put_nowait((message, size + EACH_BYTES))
                while self._held > HELD_BYTES:
                    self._room.clear()
                    await self._room.wait()
        except ConnectionClosed as closed:
            raise OutboundFailed(_why_closed(closed)) from None
        except OSError as error:
            raise OutboundFailed(f"the connection broke ({type(error).__name__})") from None
        finally:
            self._received.put_nowait(None)


@asynccontextmanager
async def open_feed(
    dialer: Dialer, url: str, headers: Mapping[str, str], tls: ssl.SSLContext, connect_s: float
) -> AsyncIterator[MessageBuffer]:
    """Connect, and receive messages.

    Pings tell whether the server is still there. No redirect is followed, because the credentials
    are this server's. Raises OutboundRefused for what the policy forbids, and OutboundFailed
    whenever the connection ends.
    """
    server = get_server(url)
    opened = await dialer.open_socket(server.scheme, server.host, server.port, connect_s)
    secure: dict[str, Any] = (
        {"ssl": tls, "server_hostname": server.host} if server.scheme == "wss" else {}
    )
    try:
        connection = await connect(
            url.partition("#")[0],
            sock=opened,
            additional_headers=dict(headers),
            user_agent_header=USER_AGENT,
            # What is packed could unpack to a thousand times as much.
            compression=None,
            open_timeout=connect_s,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=CLOSE_S,
            max_size=END_BYTES,
            max_queue=QUEUED,
            logger=_SILENT,
            **secure,
        )
    except (WebSocketException, OSError, TimeoutError, ValueError) as error:
        opened.close()
        raise OutboundFailed(_why_not(error, server.host)) from None
    async with connection:
        inbox = MessageBuffer(connection)
        try:
            yield inbox
        finally:
            await inbox.end()


def _why_not(error: Exception, host: str) -> str:
    """Say why no connection was made; what the library says may quote what was sent, secrets and all."""
    match error:
        case InvalidStatus():
            status = error.response.status_code
            if status in (401, 403):
                return f"{host} asks for another sign-in ({status}): check user name, password or header"
            if 300 <= status < 400:
                return f"{host} redirects ({status}), which is not followed: give the address that it redirects to"
            return f"{host} answered with status {status} instead of opening a WebSocket"
        case ValueError() if "redirect" in str(error):
            return f"{host} redirects, which is not followed: give the address that it redirects to"
        case InvalidURI():
            return "this is not a complete address, such as wss://camera.example/events"
        case TimeoutError():
            return f"{host} took the connection and opened no WebSocket in the time allowed"
        case ssl.SSLCertVerificationError():
            return f"the certificate of {host} is not trusted: {error.verify_message}"
        case InvalidHandshake() | WebSocketException() | ValueError():
            return f"{host} does not speak WebSocket properly ({type(error).__name__})"
        case _:
            return f"no WebSocket to {host} ({type(error).__name__})"


def _why_closed(closed: ConnectionClosed) -> str:
    """Say why a connection ended; the reason that the server gave may quote what was sent to it, secrets and all."""
    if closed.sent is not None and closed.sent.code == 1009:
        return f"the server sent a message larger than {END_BYTES // 2**20} MiB"
    if closed.rcvd is None:
        return "the connection broke: the server answers no longer"
    meaning = CLOSE_CODE_EXPLANATIONS.get(
        closed.rcvd.code, "which only the server knows the meaning of"
    )
    return f"the server closed the connection (code {closed.rcvd.code}, {meaning})"
