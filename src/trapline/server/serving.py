"""Serving HTTP: the application over its engines, in one process, until it is told to stop."""

import gc
import resource
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from trapline.server.arrivals import Arrivals
from trapline.server.events import Listeners
from trapline.server.failpoints import watch_replies
from trapline.server.following import Followers
from trapline.server.opening import open_system
from trapline.server.routes.application import dress, make_application
from trapline.server.routes.protocol import Protocol
from trapline.server.settings import Settings

STOP_WITHIN_S = 8
KEEP_ALIVE_S = 75


def make_app(settings: Settings) -> FastAPI:
    """Make the application of one API process; its engines open with it and close with it."""
    app = make_application(None, outside=settings.ml_analysis_enabled)
    app.state.worker_additions = settings.worker_additions

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_system(settings) as system:
            app.state.system = system
            yield

    app.router.lifespan_context = lifespan
    return app


class _Server(uvicorn.Server):
    """Uvicorn waits for open streams and long waits before it stops: ours end at the signal."""

    def __init__(self, config: uvicorn.Config, waiting: Sequence[Listeners | Arrivals | Followers]) -> None:
        super().__init__(config)
        self._waiting = waiting

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        for each in self._waiting:
            each.close()
        super().handle_exit(sig, frame)


def spare_collection() -> None:
    """Let the collector of cycles pass over what lives as long as the process, and come by less often.

    Bodies of results are read into hundreds of thousands of small objects without a cycle among them: looking through
    these again and again took a quarter of the line's time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def serve_api(settings: Settings, listener: socket.socket) -> None:
    """Serve HTTP on a listening socket until SIGTERM or SIGINT; requests that are under way may end first."""
    app = make_app(settings)
    spare_collection()
    # Slow callers hold a descriptor each until they are closed; the usual 1,024 are soon theirs.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    config = uvicorn.Config(
        watch_replies(dress(app)),
        log_config=None,
        access_log=False,
        server_header=False,
        http=Protocol,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=STOP_WITHIN_S,
        # Workers never repeat a POST: one that goes out on a connection which is just being closed is lost.
        timeout_keep_alive=KEEP_ALIVE_S,
        forwarded_allow_ips=list(settings.trusted_proxies) or "",
    )
    _Server(config, [app.state.listeners, app.state.arrivals, app.state.followers]).run([listener])
