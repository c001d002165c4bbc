"""The HTTP server of one API process, from the settings until a signal stops it."""

import asyncio
import gc
import resource
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI

from trapline.server.app.app_startup import open_app_context
from trapline.server.app.http.application import build_application, receive_hints, wrap_middleware
from trapline.server.app.settings import Settings
from trapline.server.catalogue.events import ChangeSubscribers
from trapline.server.operations.actions.metrics import GaugeReader
from trapline.server.operations.metrics_server import serve_metrics
from trapline.server.platform.failpoints import wrap_replies
from trapline.server.platform.http.connection_acceptor import ConnectionAcceptor
from trapline.server.platform.http.protocol import HttpProtocol, HttpsProtocol
from trapline.server.queue.hint_exchange import HintExchange
from trapline.server.queue.job_subscribers import JobSubscribers
from trapline.server.queue.task_notifier import TaskNotifier

STOP_WITHIN_S = 8
KEEP_ALIVE_S = 75
TICK_S = 1.0


def build_app(settings: Settings, metrics: socket.socket | None = None) -> FastAPI:
    """Build the application of one API process.

    Its context and its port for metrics open and close with it.
    """
    app = build_application(None, outside=settings.ml_analysis_enabled)
    app.state.worker_additions = settings.worker_additions

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as engines:
            app.state.system = system = await engines.enter_async_context(
                open_app_context(settings)
            )
            if metrics is not None:
                await engines.enter_async_context(
                    serve_metrics(metrics, partial(GaugeReader().read, system))
                )
            receive_hints(app, system)
            exchange = HintExchange(system)
            exchange.start()
            engines.push_async_callback(exchange.close)
            yield

    app.router.lifespan_context = lifespan
    return app


class _Server(uvicorn.Server):
    """A Uvicorn server that closes open streams and long polls when a signal stops it."""

    def __init__(
        self,
        config: uvicorn.Config,
        waiting: Sequence[ChangeSubscribers | TaskNotifier | JobSubscribers],
    ) -> None:
        super().__init__(config)
        self._waiting = waiting
        self._end: Callable[[], object] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and accept connections with the project's own acceptor."""
        await super().startup(sockets=[])
        if self.started:
            taken = [
                ConnectionAcceptor(each, self._make_protocol, self.server_state.connections)
                for each in sockets or ()
            ]
            self.servers.extend(cast("list[asyncio.Server]", taken))

    async def main_loop(self) -> None:
        """Wait for the end; update the Date header every second, not ten times a second."""
        loop = asyncio.get_running_loop()
        self._end = partial(loop.call_soon_threadsafe, (ended := asyncio.Event()).set)
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await ended.wait()

    def _make_protocol(self) -> asyncio.Protocol:
        protocol = cast("type[HttpProtocol]", self.config.http_protocol_class)
        return protocol(self.config, self.server_state, self.lifespan.state)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Start to stop."""
        for each in self._waiting:
            each.close()
        super().handle_exit(sig, frame)
        if self._end is not None:
            self._end()


def tune_garbage_collector() -> None:
    """Exclude permanent objects from the garbage collector, and run it less often.

    A request with results creates hundreds of thousands of small objects without cycles. Scanning
    them repeatedly took a quarter of the processing time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def build_server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Build the configuration of Uvicorn: protocol, middleware and trusted proxies."""
    return uvicorn.Config(
        wrap_replies(wrap_middleware(app)),
        log_config=None,
        access_log=False,
        server_header=False,
        http=HttpsProtocol if settings.public_url.startswith("https://") else HttpProtocol,
        ws="none",
        lifespan="on",
        timeout_graceful_shutdown=STOP_WITHIN_S,
        # Workers do not repeat a POST. A short keep-alive would lose those that are sent while the
        # server closes the connection.
        timeout_keep_alive=KEEP_ALIVE_S,
        # Forwarding headers of other hosts are ignored. Without a list, Uvicorn would trust the
        # loopback interface.
        forwarded_allow_ips=list(settings.trusted_proxies),
    )


def serve_api(
    settings: Settings, listener: socket.socket, metrics: socket.socket | None = None
) -> None:
    """Serve HTTP on a listening socket until SIGTERM or SIGINT; current requests are completed."""
    app = build_app(settings, metrics)
    tune_garbage_collector()
    # Each slow client uses a file descriptor; the usual limit of 1,024 is too low for many of them.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    waiting = [app.state.listeners, app.state.arrivals, app.state.followers]
    server = _Server(build_server_config(app, settings), waiting)
    # Uvicorn raises the signal again after it has stopped. Without a handler, that would end this
    # process with the exit status of a kill.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    server.run([listener])
