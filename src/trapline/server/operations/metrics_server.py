"""Metrics on a port of their own, for a monitoring that asks without a token: nothing else is there."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from trapline.server.platform.http.protocol import HttpProtocol
from trapline.server.platform.http.security_headers import SAFE_HEADERS

Tell = Callable[[], Awaitable[bytes]]


class _Server(uvicorn.Server):
    """Signals are for the process that this is only a part of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def build_metrics_app(tell: Tell) -> ASGIApp:
    """Make the application of the port: `tell` writes what `/metrics` answers."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response: Response
        if scope["path"].rstrip("/") != "/metrics":
            response = PlainTextResponse("Here is only /metrics.\n", 404)
        elif scope["method"] not in ("GET", "HEAD"):
            response = PlainTextResponse(
                "Metrics are only read.\n", 405, headers={"Allow": "GET, HEAD"}
            )
        else:
            response = Response(await tell(), media_type=CONTENT_TYPE_LATEST)
        response.headers.update(SAFE_HEADERS)
        await response(scope, receive, send)

    return answer


@asynccontextmanager
async def serve_metrics(listener: socket.socket, tell: Tell) -> AsyncIterator[None]:
    """Answer on a listening socket as long as the block runs."""
    server = _Server(
        uvicorn.Config(
            build_metrics_app(tell),
            log_config=None,
            access_log=False,
            server_header=False,
            http=HttpProtocol,
            ws="none",
            lifespan="off",
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
