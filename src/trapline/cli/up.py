"""`trapline up`: everything on one machine, supervised."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import typer

from trapline.cli.failures import CommandFailed
from trapline.cli.output import make_console
from trapline.cli.restore import UNFINISHED
from trapline.cli.supervision import Ended, Program, Supervisor, Wanted

PIPELINE = "animal-detector"
SERVER = "trapline.server.main"
LISTEN_SOCKET = "TRAPLINE_LISTEN_SOCKET"
METRICS_SOCKET = "TRAPLINE_METRICS_SOCKET"
METRICS_LISTEN = "TRAPLINE_METRICS_LISTEN"
FAILPOINTS = "TRAPLINE_FAILPOINTS"
# The worker gives back what it holds, with a start over the API, which needs nearly all of the ten seconds of both to
# finish what is under way; PostgreSQL, which nobody needs then, writes its checkpoint.
WORKER_START_S, WORKER_PATIENCE_S, SERVER_PATIENCE_S, DATABASE_PATIENCE_S = 1.0, 3.0, 10.0, 2.5
STOP_WITHIN_S = SERVER_PATIENCE_S + DATABASE_PATIENCE_S + 7.5
"""When whoever stops `trapline up` may kill it: a PostgreSQL that does not listen hears harder signals for 6 s."""
READY_WITHIN_S = 60.0
# Where systems put the memory cards and disks that somebody plugs in.
MEDIA_FOLDERS = ("/media", "/mnt", "/run/media", "/Volumes")


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for beyond the settings."""

    host: str
    port: int
    processes: int
    with_worker: bool
    pipelines: tuple[str, ...]
    private_sources: bool


def up(
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder for everything it keeps. [TRAPLINE_DATA, ./trapline-data]")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for every one.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free one.")] = 8000,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes that serve HTTP.")] = 1,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="No worker here; others may connect.")] = False,
    pipeline: Annotated[
        list[str] | None, typer.Option("--pipeline", "-p", help="What the worker here runs; several times for more.")
    ] = None,
    no_private_sources: Annotated[
        bool, typer.Option("--no-private-sources", help="Refuse pull sources in private networks.")
    ] = False,
) -> None:
    """Start the database, the server, the page, the background work and one worker; Ctrl-C stops them cleanly.

    The first start prints a one-time link that makes the owner's account.

    Example: `trapline up --data /srv/trapline --port 8080`
    """
    wishes = Wishes(
        host, port, processes, not no_worker, tuple(pipeline or [PIPELINE]), private_sources=not no_private_sources
    )
    code = run(data, wishes)
    if code:
        raise typer.Exit(code)


def run(data: Path | None, wishes: Wishes) -> int:
    """Start, supervise and stop; answers the exit code."""
    # The server's libraries take a second to load: this command's usage need not wait for them.
    from trapline.server.engines.folder import lock_folder
    from trapline.server.engines.postgres import plan_url, start_postgres, stop_postgres
    from trapline.server.failpoints import FailpointsRefused, check
    from trapline.server.settings import load_settings, read_place

    started = time.monotonic()
    console = make_console(to_errors=True)
    settings = load_settings()
    folder = (data or settings.data).resolve()
    try:
        check(os.environ.get(FAILPOINTS), folder)
    except FailpointsRefused as refused:
        raise CommandFailed(str(refused)) from None
    lock = lock_folder(folder)
    if (folder / UNFINISHED).exists():
        raise CommandFailed(f"A restore into {folder} was not finished. Remove the folder and run it again.")
    listener = _listen(wishes.host, wishes.port, f"--port {wishes.port + 1}")
    metrics = None
    if settings.metrics_listen is not None:
        host, metrics_port = read_place(settings.metrics_listen)
        metrics = _listen(host, metrics_port, f"{METRICS_LISTEN}={metrics_port + 1}")
    port = listener.getsockname()[1]
    public_url = settings.public_url if "public_url" in settings.model_fields_set else _local_url(wishes.host, port)
    (folder / "public-url").write_text(f"{public_url}\n", encoding="utf-8")
    # In memory where there is such a place: a full disk would end whoever counts.
    memory = Path("/dev/shm")  # noqa: S108 - the folder made in it is ours alone
    counted = tempfile.mkdtemp(prefix="trapline-metrics-", dir=memory if os.access(memory, os.W_OK) else None)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = counted
    supervisor = Supervisor(console.print)
    supervisor.catch_signals()
    postgres = None
    try:
        outside = settings.database_url.get_secret_value() if settings.database_url else None
        url = outside or plan_url(folder)
        environment = _environment(url, folder, public_url, wishes)
        environment["TRAPLINE_SOURCE_FOLDERS"] = ",".join(settings.source_folders or MEDIA_FOLDERS)
        # They load their libraries while the database starts, and wait for it then.
        programs = [_api_program(environment, listener, metrics)] * wishes.processes
        for program in programs:
            supervisor.start(program)
        preparing = _begin_preparation(environment, "migrate" if outside is None else "check")
        if outside is None:
            postgres = start_postgres(folder)
            supervisor.watch(postgres.process)
            if postgres.url != url:  # another program took the port meanwhile
                environment["DATABASE_URL"] = postgres.url
                supervisor.replace([_api_program(environment, listener, metrics)] * wishes.processes)
        prepared = _finish_preparation(preparing, environment["DATABASE_URL"])
        supervisor.open_gate()
        if _wait_until_ready(port, wishes.host, supervisor, postgres.process if postgres else None):
            supervisor.start(Program("background", SERVER, ("background",), environment))
            if wishes.with_worker and _has_worker():
                supervisor.start(_worker_program(wishes, port, folder, prepared["worker_token"]))
            _greet(console, public_url, prepared["link"], wishes, time.monotonic() - started)
            while not isinstance(event := supervisor.next_event(), Wanted):
                if isinstance(event, Ended) and postgres is not None and event.process is postgres.process:
                    console.print("PostgreSQL ended by itself; it is started again.")
                    postgres = start_postgres(folder)
                    supervisor.watch(postgres.process)
        return 0
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        console.print("Stopping.")
        stop_programs(supervisor)
        if postgres is not None:
            stop_postgres(postgres, DATABASE_PATIENCE_S)
        shutil.rmtree(counted, ignore_errors=True)
        lock.release()


def stop_programs(supervisor: Supervisor) -> None:
    """End the worker, and the server beside it, within SERVER_PATIENCE_S."""
    began = time.monotonic()
    supervisor.ask(["worker"])
    supervisor.wait(["worker"], WORKER_START_S)
    supervisor.ask(["api", "background"])
    supervisor.stop(["worker"], WORKER_PATIENCE_S - (time.monotonic() - began))
    supervisor.stop(["api", "background"], SERVER_PATIENCE_S - (time.monotonic() - began))


def _listen(host: str, port: int, instead: str) -> socket.socket:
    """Open the socket that every API process accepts from; it outlives each of them, so that callers only wait.

    `instead` says how another port is chosen where this one is taken. Raises CommandFailed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        # The children of a Trapline that was just killed need a moment to notice.
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
            raise CommandFailed(
                f"Port {port} of {host} is taken by another program. Choose another one, such as {instead}."
            ) from None
        raise CommandFailed(f"Nobody can listen on {host} port {port} here: {error.strerror}.") from None
    return listener


def _local_url(host: str, port: int) -> str:
    return f"http://{'localhost' if _is_loopback(host) else socket.gethostname()}:{port}"


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")


def _environment(database_url: str, folder: Path, public_url: str, wishes: Wishes) -> dict[str, str]:
    """What the server's processes read their settings from."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "TRAPLINE_DATA": str(folder),
        "TRAPLINE_PUBLIC_URL": public_url,
        "TRAPLINE_ALLOW_PRIVATE_SOURCES": str(wishes.private_sources).lower(),
    }
    environment.pop("TRAPLINE_TOKEN", None)
    # The API tells for all: the port is opened once, here. Empty, because a `.env` file may say it, too.
    environment[METRICS_LISTEN] = ""
    return environment


def _api_program(environment: dict[str, str], listener: socket.socket, metrics: socket.socket | None) -> Program:
    handed = {LISTEN_SOCKET: listener} | ({METRICS_SOCKET: metrics} if metrics else {})
    serving = {**environment, **{name: str(each.fileno()) for name, each in handed.items()}}
    return Program("api", SERVER, ("api",), serving, tuple(each.fileno() for each in handed.values()))


def _worker_program(wishes: Wishes, port: int, folder: Path, token: str) -> Program:
    # The worker knows the server's address and a token, and nothing else of the server.
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    host = "127.0.0.1" if wishes.host in ("0.0.0.0", "localhost") else wishes.host  # noqa: S104 - a comparison
    host = f"[{host}]" if ":" in host else host
    environment.update(
        TRAPLINE_SERVER=f"http://{host}:{port}", TRAPLINE_TOKEN=token, TRAPLINE_OUTBOX=str(folder / "outbox")
    )
    return Program("worker", "trapline.cli.local_worker", wishes.pipelines, environment)


def _has_worker() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in ("onnxruntime", "onnx", "numpy"))


def _begin_preparation(environment: dict[str, str], schema: str) -> subprocess.Popen[str]:
    """Let a process load what it takes to migrate or check the schema; it waits to be told the database's address."""
    return subprocess.Popen(
        [sys.executable, "-m", "trapline.cli.preparation", schema],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _finish_preparation(preparing: subprocess.Popen[str], url: str) -> dict[str, str]:
    """Have it done: the first owner's link, where nobody has an account yet, and the worker's token."""
    said, told = preparing.communicate(url)
    if preparing.returncode != 0:
        raise CommandFailed(told.strip() or "The database could not be prepared.")
    prepared: dict[str, str] = json.loads(said)
    return prepared


def is_ready(port: int, host: str = "127.0.0.1") -> bool:
    """Whether the server here answers that it is ready."""
    host = "127.0.0.1" if host in ("0.0.0.0", "localhost") else host  # noqa: S104 - a comparison
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(f"http://{f'[{host}]' if ':' in host else host}:{port}/readyz", timeout=2) as answer:
            return bool(json.load(answer)["status"] == "ready")
    except (URLError, OSError, ValueError, KeyError):
        return False


def _wait_until_ready(port: int, host: str, supervisor: Supervisor, database: subprocess.Popen[bytes] | None) -> bool:
    """Wait until the server answers; False where somebody wanted it to end before."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not is_ready(port, host):
        event = supervisor.poll_event(0.02)
        if isinstance(event, Wanted):
            return False
        if isinstance(event, Ended) and event.process is database:
            raise CommandFailed("PostgreSQL ended while the server started; its last words are in database.log.")
        if time.monotonic() > deadline:
            raise CommandFailed(f"The server was not ready within {READY_WITHIN_S:.0f} s; its messages are above.")
    return True


def _greet(console: Any, public_url: str, link: str | None, wishes: Wishes, seconds: float) -> None:
    console.print(f"Trapline is ready at {public_url} (after {seconds:.1f} s). Ctrl-C stops it.")
    if link is not None:
        console.print(f"Make the owner's account, once, within a day: {public_url}/welcome#{link}")
    if wishes.private_sources:
        console.print(
            "Pull sources may be in private networks, where field cameras live; --no-private-sources ends it."
        )
    if not _is_loopback(wishes.host) and public_url.startswith("http://"):
        console.print(
            "It listens beyond this machine over plain HTTP: passwords can be read on the way. Put a proxy with "
            "HTTPS before it and set TRAPLINE_PUBLIC_URL."
        )
