"""Entry point of the server's processes.

`python -m trapline.server.app.main api` serves HTTP, `... background` runs background tasks and
loops. `trapline up` starts both.
"""

import asyncio
import gc
import importlib
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from trapline.server.app.settings import (
    Settings,
    SettingsError,
    load_settings,
    parse_listen_address,
)
from trapline.server.platform.db.migrations import check_present
from trapline.server.platform.errors import DatabaseUnavailable, TraplineError
from trapline.server.platform.failpoints import FailpointsNotAllowed, enable
from trapline.server.platform.telemetry import configure_logging

log = structlog.get_logger(__name__)

LISTEN_SOCKET = "TRAPLINE_LISTEN_SOCKET"
METRICS_SOCKET = "TRAPLINE_METRICS_SOCKET"
FAILPOINTS = "TRAPLINE_FAILPOINTS"
AGAIN_AFTER_S = 0.2


async def run_background_tasks(settings: Settings) -> None:
    """Run the background process until SIGTERM or SIGINT."""
    from trapline.server.app.app_startup import open_app_context
    from trapline.server.app.background.background_process import run_background

    async with AsyncExitStack() as engines:
        system = await engines.enter_async_context(open_app_context(settings))
        if settings.metrics_listen is not None:
            await engines.enter_async_context(_serve_counters(settings.metrics_listen))
        await run_background(system)


@asynccontextmanager
async def _serve_counters(place: str) -> AsyncIterator[None]:
    """Serve the counters of this process; API processes also serve the figures of the database."""
    from trapline.server.operations.metrics_server import serve_metrics
    from trapline.server.platform.metrics import render_metrics

    async def render() -> bytes:
        return render_metrics([])

    host, port = parse_listen_address(place)
    try:
        listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise SettingsError(
            f"TRAPLINE_METRICS_LISTEN: the server cannot listen on {place}: {error.strerror}."
        ) from None
    async with serve_metrics(listener, render):
        yield


def _find_inherited_socket(name: str) -> socket.socket | None:
    """Return the listening socket that `trapline up` passes under this name, if any."""
    number = os.environ.get(name)
    return socket.socket(fileno=int(number)) if number else None


def _check_schema(url: str, *, wait: bool) -> None:
    """Refuse a database with another schema version.

    A process also starts without a database. The API responds with 503 until it is available, and
    reports its version then; with `wait` this function waits for it.

    Raises:
        TraplineError: the schema has another version.
    """
    is_logged = False
    while True:
        try:
            check_present(url)
        except DatabaseUnavailable as away:
            if not is_logged:
                log.warning("the database does not answer", reason=away.detail)
            is_logged = True
            if wait:
                time.sleep(AGAIN_AFTER_S)
                continue
        return


def preload_modules(arguments: list[str]) -> None:
    """Import the modules of a process before there is work for it."""
    # Only the modules of this process, so that it starts quickly.
    modules = {
        "api": "trapline.server.app.http_server",
        "background": "trapline.server.app.background.background_process",
    }
    # Loaded modules are never freed; collecting garbage during the imports took 1/5 of the time.
    gc.disable()
    for name in arguments[:1]:
        if name in modules:
            importlib.import_module(modules[name])
    gc.enable()


def main(arguments: list[str]) -> int:
    """Run one process of the server; return its exit code."""
    try:
        settings = load_settings()
        configure_logging(settings.log_format, settings.log_level)
        assert settings.database_url is not None, "DATABASE_URL"
        enable(os.environ.get(FAILPOINTS), settings.data)
        _check_schema(settings.database_url.get_secret_value(), wait=arguments == ["background"])
        preload_modules(arguments)
        match arguments:
            case ["api"]:
                from trapline.server.app.http_server import serve_api

                listener = _find_inherited_socket(LISTEN_SOCKET)
                assert listener is not None, LISTEN_SOCKET
                serve_api(settings, listener, _find_inherited_socket(METRICS_SOCKET))
            case ["background"]:
                asyncio.run(run_background_tasks(settings))
            case _:
                sys.stderr.write("usage: python -m trapline.server.app.main api|background\n")
                return 2
    except (SettingsError, TraplineError, FailpointsNotAllowed) as error:
        log.error("this process cannot start", reason=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
