"""A server on loopback that returns configured responses and records every request."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.loopback_policy import allow_origins
from trapline.server.platform.network.outbound_policy import OutboundPolicy

NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class ToldServer:
    """`answers` maps a path with its query to a response.

    `answer` creates the responses of others.
    """

    answers: dict[str, bytes] = field(default_factory=dict)
    answer: Callable[[str], bytes] = lambda _: NOT_FOUND
    requests: list[str] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    scheme: str = "http"
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """Its address, with the closing slash."""
        return f"{self.scheme}://{self.host}:{self.port}/"

    def asked(self) -> list[str]:
        """The paths that were asked for, in order."""
        return [head.split(" ")[1] for head in self.requests]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request of one connection."""
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            path = head.split(" ")[1]
            writer.write(self.answers[path] if path in self.answers else self.answer(path))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def told_server(
    tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[ToldServer]:
    """Serve on a free port; `host` is what its address calls it, which a resolver must know."""
    told = ToldServer(scheme="http" if tls is None else "https", host=host)
    server = await asyncio.start_server(told.handle, "127.0.0.1", 0, ssl=tls)
    told.port = server.sockets[0].getsockname()[1]
    async with server:
        yield told


def allow(*servers: ToldServer) -> OutboundPolicy:
    """Allow these servers and nothing else on loopback."""
    return allow_origins(*[("127.0.0.1", server.port) for server in servers])


def say(body: bytes | str, status: int = 200, **headers: str) -> bytes:
    """Build a complete response; `_` in the name of a header is replaced by a hyphen."""
    content = body if isinstance(body, bytes) else body.encode()
    lines = [f"HTTP/1.1 {status} Answer", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content
