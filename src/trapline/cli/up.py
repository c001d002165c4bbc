"""`trapline up`: run all parts of Trapline on one machine under a supervisor."""

import errno
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import typer

from trapline.cli.errors import CommandError
from trapline.cli.output import build_console
from trapline.cli.restore import UNFINISHED
from trapline.cli.supervisor import Event, ProcessSpec, ShutdownRequested, Supervisor, describe_end

if TYPE_CHECKING:
    from trapline.cli.database_supervision import EmbeddedDatabase

PIPELINE = "animal-detector"
SERVER = "trapline.server.app.main"
LISTEN_SOCKET = "TRAPLINE_LISTEN_SOCKET"
METRICS_SOCKET = "TRAPLINE_METRICS_SOCKET"
METRICS_LISTEN = "TRAPLINE_METRICS_LISTEN"
FAILPOINTS = "TRAPLINE_FAILPOINTS"
# The worker is stopped first, so that it can release its leases through the API. The API needs
# nearly all of the ten seconds to finish its requests. PostgreSQL stops last and writes its
# checkpoint.
WORKER_START_S, WORKER_PATIENCE_S, SERVER_PATIENCE_S, DATABASE_PATIENCE_S = 1.0, 3.0, 10.0, 2.5
STOP_WITHIN_S = SERVER_PATIENCE_S + DATABASE_PATIENCE_S + 7.5
"""Time before `trapline up` may be killed: PostgreSQL gets stronger signals within 6 s."""
READY_WITHIN_S = 60.0
PREPARATIONS = 5
"""Maximum attempts to prepare the database at a start, if PostgreSQL ends meanwhile."""


@dataclass(frozen=True)
class UpOptions:
    """Command-line options in addition to the settings."""

    host: str
    port: int
    processes: int
    with_worker: bool
    pipelines: tuple[str, ...]
    private_sources: bool | None


def up(
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Data folder. [TRAPLINE_DATA, ./trapline-data]"),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for all addresses.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free one.")
    ] = 8000,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes that serve HTTP.")] = 1,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Start no worker; other workers can connect.")
    ] = False,
    pipeline: Annotated[
        list[str] | None,
        typer.Option(
            "--pipeline", "-p", help="Pipeline of the worker here; may be given several times."
        ),
    ] = None,
    private_sources: Annotated[
        bool | None,
        typer.Option(
            "--private-sources/--no-private-sources",
            help="Allow or refuse pull sources in private networks. "
            "[TRAPLINE_ALLOW_PRIVATE_SOURCES, allowed]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start the database, the server, the page, the background work and one worker; Ctrl-C stops
    them cleanly.

    The first start prints a one-time link that creates the owner's account.

    Example: `trapline up --data /srv/trapline --port 8080`
    """
    options = UpOptions(
        host, port, processes, not no_worker, tuple(pipeline or [PIPELINE]), private_sources
    )
    code = run(data, options)
    if code:
        raise typer.Exit(code)


def run(data: Path | None, options: UpOptions) -> int:
    """Start, supervise and stop all processes; return the exit code."""
    # Imported here, so that --help does not load the server's libraries, which takes a second.
    from trapline.cli.child_environments import allows_private_sources, build_server_environment
    from trapline.server.app.settings import load_settings, parse_listen_address
    from trapline.server.platform.failpoints import FailpointsNotAllowed, validate_plan
    from trapline.server.platform.postgres.data_folder import lock_folder
    from trapline.server.platform.postgres.postgres import build_planned_url

    started = time.monotonic()
    console = build_console(to_errors=True)
    settings = load_settings()
    folder = (data or settings.data).resolve()
    try:
        validate_plan(os.environ.get(FAILPOINTS), folder)
    except FailpointsNotAllowed as refused:
        raise CommandError(str(refused)) from None
    lock = lock_folder(folder)
    if (folder / UNFINISHED).exists():
        raise CommandError(
            f"A restore into {folder} was not finished. Remove the folder and run it again."
        )
    listener = _listen(options.host, options.port, f"--port {options.port + 1}")
    metrics = None
    if settings.metrics_listen is not None:
        host, metrics_port = parse_listen_address(settings.metrics_listen)
        metrics = _listen(host, metrics_port, f"{METRICS_LISTEN}={metrics_port + 1}")
    port = listener.getsockname()[1]
    public_url = (
        settings.public_url
        if "public_url" in settings.model_fields_set
        else _build_local_url(options.host, port)
    )
    (folder / "public-url").write_text(f"{public_url}\n", encoding="utf-8")
    # In memory if possible, because processes that write metrics to a full disk end.
    memory = Path("/dev/shm")  # noqa: S108 - the folder made in it is ours alone
    metrics_folder = tempfile.mkdtemp(
        prefix="trapline-metrics-", dir=memory if os.access(memory, os.W_OK) else None
    )
    supervisor = Supervisor(console.print)
    supervisor.install_signal_handlers()
    external_url = settings.database_url.get_secret_value() if settings.database_url else None
    private_sources = allows_private_sources(options.private_sources, settings)
    environment = build_server_environment(
        settings,
        database_url=external_url or build_planned_url(folder),
        folder=folder,
        public_url=public_url,
        private_sources=private_sources,
        metrics=metrics_folder,
    )
    server = _Server(supervisor, environment, listener, metrics, options.processes)
    database = None
    try:
        # The processes load their libraries while the database starts.
        server.start()
        preparing = _begin_preparation(environment, "migrate" if external_url is None else "check")
        if external_url is None:
            # Imported here, so that the children start before this import.
            from trapline.cli.database_supervision import EmbeddedDatabase

            database = EmbeddedDatabase(folder, supervisor, console.print)
            server.move(database.postgres.url)  # another program may have taken the port meanwhile
        prepared = _prepare(preparing, server, database, console)
        supervisor.release_children()
        if _wait_until_ready(port, options.host, server, database):
            server.start_background()
            if options.with_worker and _has_worker():
                supervisor.start(_build_worker(options, port, folder, prepared["worker_token"]))
            _print_ready(
                console,
                public_url,
                prepared["link"],
                options,
                private_sources,
                time.monotonic() - started,
            )
            while not isinstance(event := supervisor.next_event(), ShutdownRequested):
                server.follow(database, event)
        return 0
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        console.print("Stopping.")
        stop_programs(supervisor)
        if database is not None:
            database.stop(DATABASE_PATIENCE_S)
        shutil.rmtree(metrics_folder, ignore_errors=True)
        lock.release()


class _Server:
    """The processes of the server, which are replaced when PostgreSQL moves to another port."""

    def __init__(
        self,
        supervisor: Supervisor,
        environment: Mapping[str, str],
        listener: socket.socket,
        metrics: socket.socket | None,
        processes: int,
    ) -> None:
        self.supervisor, self.environment = supervisor, dict(environment)
        self._sockets = {LISTEN_SOCKET: listener} | ({METRICS_SOCKET: metrics} if metrics else {})
        self._processes, self._with_background = processes, False

    def start(self) -> None:
        """Start the API processes."""
        for program in self._build_programs():
            self.supervisor.start(program)

    def start_background(self) -> None:
        """Start the background process."""
        self._with_background = True
        self.supervisor.start(self._build_programs()[-1])

    def move(self, database_url: str) -> None:
        """Restart all processes if the URL of PostgreSQL has changed."""
        if self.environment["DATABASE_URL"] != database_url:
            self.environment = {**self.environment, "DATABASE_URL": database_url}
            self.supervisor.replace(["api", "background"], self._build_programs())

    def follow(self, database: "EmbeddedDatabase | None", event: Event | None) -> None:
        """Pass an event to the database, and move to its new URL if it was restarted."""
        if database is not None and event is not None and database.handle(event):
            self.move(database.postgres.url)

    def _build_programs(self) -> list[ProcessSpec]:
        numbers = {name: str(opened.fileno()) for name, opened in self._sockets.items()}
        descriptors = tuple(opened.fileno() for opened in self._sockets.values())
        api = ProcessSpec("api", SERVER, ("api",), {**self.environment, **numbers}, descriptors)
        background = (
            [ProcessSpec("background", SERVER, ("background",), self.environment)]
            if self._with_background
            else []
        )
        return [api] * self._processes + background


def stop_programs(supervisor: Supervisor) -> None:
    """Stop the worker and the server within SERVER_PATIENCE_S."""
    started = time.monotonic()
    supervisor.request_stop(["worker"])
    supervisor.wait(["worker"], WORKER_START_S)
    supervisor.request_stop(["api", "background"])
    supervisor.stop(["worker"], WORKER_PATIENCE_S - (time.monotonic() - started))
    supervisor.stop(["api", "background"], SERVER_PATIENCE_S - (time.monotonic() - started))


def _listen(host: str, port: int, instead: str) -> socket.socket:
    """Open the socket on which all API processes accept connections.

    The supervisor keeps it open, so clients wait while an API process restarts. `instead` is an
    option with a free port, for the error message. Raises CommandError.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        # The children of a Trapline that was just killed may still hold the port for a moment.
        for pause in (0.1, 0.2, 0.4, None):
            try:
                listener.bind((host, port))
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE or pause is None:
                    raise
                time.sleep(pause)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CommandError(
                f"Port {port} of {host} is in use by another program. "
                f"Choose another one, such as {instead}."
            ) from None
        raise CommandError(f"Cannot listen on {host} port {port}: {error.strerror}.") from None
    return listener


def _build_local_url(host: str, port: int) -> str:
    return f"http://{'localhost' if _is_loopback(host) else socket.gethostname()}:{port}"


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _build_worker(options: UpOptions, port: int, folder: Path, token: str) -> ProcessSpec:
    from trapline.cli.child_environments import build_worker_environment

    host = "127.0.0.1" if options.host in ("0.0.0.0", "localhost") else options.host  # noqa: S104
    host = f"[{host}]" if ":" in host else host
    environment = build_worker_environment(
        server=f"http://{host}:{port}", token=token, folder=folder
    )
    return ProcessSpec("worker", "trapline.cli.local_worker", options.pipelines, environment)


def _has_worker() -> bool:
    return all(
        importlib.util.find_spec(name) is not None for name in ("onnxruntime", "onnx", "numpy")
    )


def _begin_preparation(environment: Mapping[str, str], schema: str) -> subprocess.Popen[str]:
    """Start the process that migrates or checks the schema once it receives the database URL."""
    return subprocess.Popen(
        [sys.executable, "-m", "trapline.cli.server_setup", schema],
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _prepare(
    preparing: subprocess.Popen[str],
    server: _Server,
    database: "EmbeddedDatabase | None",
    console: Any,
) -> dict[str, str]:
    """Prepare the database, and return the first owner's link and the worker's token.

    The link is None if an account exists. If PostgreSQL ends meanwhile, PostgreSQL and the
    preparation are restarted. Raises CommandError.
    """
    for _ in range(PREPARATIONS):
        result, reason = preparing.communicate(server.environment["DATABASE_URL"])
        if preparing.returncode == 0:
            prepared: dict[str, str] = json.loads(result)
            return prepared
        if database is None or database.postgres.process.poll() is None:
            break
        console.print(
            f"PostgreSQL {describe_end(database.postgres.process.returncode)}. It starts again now."
        )
        database.restart()
        server.move(database.postgres.url)
        preparing = _begin_preparation(server.environment, "migrate")
    raise CommandError(reason.strip() or "The database could not be prepared.")


def is_ready(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether the server on this machine reports that it is ready."""
    host = "127.0.0.1" if host in ("0.0.0.0", "localhost") else host  # noqa: S104 - a comparison
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(
            f"http://{f'[{host}]' if ':' in host else host}:{port}/readyz", timeout=2
        ) as response:
            return bool(json.load(response)["status"] == "ready")
    except (URLError, OSError, ValueError, KeyError):
        return False


def _wait_until_ready(
    port: int, host: str, server: _Server, database: "EmbeddedDatabase | None"
) -> bool:
    """Wait until the server is ready; return False if a stop is requested first."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not is_ready(port, host):
        event = server.supervisor.poll_event(0.02)
        if isinstance(event, ShutdownRequested):
            return False
        server.follow(database, event)
        if time.monotonic() > deadline:
            raise CommandError(
                f"The server was not ready within {READY_WITHIN_S:.0f} s; see its messages above."
            )
    return True


def _print_ready(
    console: Any,
    public_url: str,
    link: str | None,
    options: UpOptions,
    private_sources: bool,
    seconds: float,
) -> None:
    console.print(f"Trapline is ready at {public_url} (after {seconds:.1f} s). Ctrl-C stops it.")
    if link is not None:
        console.print(f"Create the owner's account within a day: {public_url}/welcome#{link}")
    if private_sources:
        console.print(
            "Pull sources in private networks are allowed, as field cameras require. "
            "To refuse them, use --no-private-sources."
        )
    if not _is_loopback(options.host) and public_url.startswith("http://"):
        console.print(
            "Other machines can connect over unencrypted HTTP, where passwords can be intercepted. "
            "Use an HTTPS proxy and set TRAPLINE_PUBLIC_URL."
        )
