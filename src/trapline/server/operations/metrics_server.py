"""A separate port for metrics without a token; it serves nothing else."""

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

Render = Callable[[], Awaitable[bytes]]


class _Server(uvicorn.Server):
    """A Uvicorn server that leaves signals to its process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def build_metrics_app(render: Render) -> ASGIApp:
    """Build the application of the port; `render` returns the body of `/metrics`."""

    async def respond(scope: Scope, receive: Receive, send: Send) -> None:
        response: Response
        if scope["path"].rstrip("/") != "/metrics":
            response = PlainTextResponse("This port serves only /metrics.\n", 404)
        elif scope["method"] not in ("GET", "HEAD"):
            response = PlainTextResponse(
                "Use GET for metrics.\n", 405, headers={"Allow": "GET, HEAD"}
            )
        else:
            response = Response(await render(), media_type=CONTENT_TYPE_LATEST)
        response.headers.update(SAFE_HEADERS)
        await response(scope, receive, send)

    return respond


@asynccontextmanager
async def serve_metrics(listener: socket.socket, render: Render) -> AsyncIterator[None]:
    """Serve metrics on a listening socket within the block."""
    server = _Server(
        uvicorn.Config(
            build_metrics_app(render),
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
