"""Gateway for a server that announces files over WebSocket (RFC 6455); files come over HTTP."""

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
"""The largest message that is processed."""
END_BYTES = 4 * 1024 * 1024
"""A larger message ends the connection."""
PING_S = 20.0
CLOSE_S = 2.0
HELD_BYTES = 8 * 1024 * 1024
"""The size of buffered messages at which reading from the server stops."""
EACH_BYTES = 200
"""The memory overhead of each message."""
QUEUED = 4
# The log of the library is disabled because it contains the credentials.
_SILENT = logging.getLogger("trapline.websockets")
_SILENT.disabled = True


class WebsocketGateway:
    """Opens announced files, and lists files if the source has a listing."""

    def __init__(self, listing: HttpDirectoryGateway | None, files: HttpDirectoryGateway) -> None:
        self._listing = listing
        self._files = files

    async def list_files(self, walk: Walk | None = None) -> AsyncIterator[RemoteFile]:
        """List every file; yields nothing if the source has no listing."""
        if self._listing is not None:
            async for entry in self._listing.list_files(walk):
                yield entry

    def open_file(
        self, path: str, known_etag: str | None = None
    ) -> AbstractAsyncContextManager[OpenFile | None]:
        """Open one file; None if the server reports that its version is still `known_etag`."""
        return self._files.open_file(path, known_etag)

    async def close(self) -> None:
        """Close every connection."""
        await self._files.close()
        if self._listing is not None:
            await self._listing.close()


class MessageBuffer:
    """Buffer of the received messages of a connection; a too large message is stored as empty."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._received: asyncio.Queue[tuple[str | bytes, int] | None] = asyncio.Queue()
        self._held = 0
        self._room = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        self._closing: asyncio.Task[None] | None = None

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Yield all messages in the order received.

        Raises:
            OutboundFailed: the connection has ended.
        """
        while (received := await self._received.get()) is not None:
            message, size = received
            yield message
            self._held -= size
            self._room.set()
        await self._reading

    def hang_up(self) -> None:
        """Start to close the connection; messages that arrive in the meantime are still yielded."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._connection.close())

    async def end(self) -> None:
        """Stop receiving messages."""
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
            raise OutboundFailed(_describe_close(closed)) from None
        except OSError as error:
            raise OutboundFailed(f"the connection broke ({type(error).__name__})") from None
        finally:
            self._received.put_nowait(None)


@asynccontextmanager
async def open_feed(
    dialer: Dialer, url: str, headers: Mapping[str, str], tls: ssl.SSLContext, connect_s: float
) -> AsyncIterator[MessageBuffer]:
    """Connect and receive messages.

    Pings detect a dead connection. Redirects are not followed, because the credentials are for one
    server only.

    Raises:
        AddressNotAllowed: the policy forbids the address.
        OutboundFailed: the connection cannot be opened, or ends.
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
            # Compressed messages could expand to a thousand times their size.
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
        raise OutboundFailed(_describe_connect_error(error, server.host)) from None
    async with connection:
        inbox = MessageBuffer(connection)
        try:
            yield inbox
        finally:
            await inbox.end()


def _describe_connect_error(error: Exception, host: str) -> str:
    """Describe why connecting failed, without library texts, which could contain credentials."""
    match error:
        case InvalidStatus():
            status = error.response.status_code
            if status in (401, 403):
                return f"{host} denied the login ({status}): check user name, password or header"
            if 300 <= status < 400:
                return f"{host} redirects ({status}), which is not supported: use the final URL"
            return f"{host} answered with status {status} instead of opening a WebSocket"
        case ValueError() if "redirect" in str(error):
            return f"{host} redirects, which is not supported: use the final URL"
        case InvalidURI():
            return "this is not a complete URL, such as wss://camera.example/events"
        case TimeoutError():
            return f"{host} accepted the connection, but opened no WebSocket in the time allowed"
        case ssl.SSLCertVerificationError():
            return f"the certificate of {host} is not trusted: {error.verify_message}"
        case InvalidHandshake() | WebSocketException() | ValueError():
            return f"the WebSocket handshake with {host} failed ({type(error).__name__})"
        case _:
            return f"the connection to {host} failed ({type(error).__name__})"


def _describe_close(closed: ConnectionClosed) -> str:
    """Describe why a connection ended, without server texts, which could contain credentials."""
    if closed.sent is not None and closed.sent.code == 1009:
        return f"the server sent a message larger than {END_BYTES // 2**20} MiB"
    if closed.rcvd is None:
        return "the connection broke: the server no longer answers"
    meaning = CLOSE_CODE_EXPLANATIONS.get(
        closed.rcvd.code, "a code of the server without a standard meaning"
    )
    return f"the server closed the connection (code {closed.rcvd.code}, {meaning})"
