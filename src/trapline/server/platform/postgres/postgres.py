"""Start, watch and stop the embedded PostgreSQL.

Layout of a data folder, as far as the engines are concerned:

    lock                  held by the Trapline that runs on the folder
    database/             PostgreSQL's cluster, owned by the uid that PostgreSQL runs as
    database-password     the password of its one user, mode 0600
    database-port         the port it last listened on, tried again first
    database.log          what PostgreSQL said; database.log.1 is the one before
    engine-VERSION/       a copy of the binaries, only where the installed ones cannot be reached
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from trapline.server.platform.postgres.binaries import find_binaries
from trapline.server.platform.postgres.data_folder import (
    UNPRIVILEGED,
    EngineError,
    ensure_reachable,
    write_secret,
)

MAJOR_VERSION = 18
USER = DATABASE = "trapline"
HARDER = ((signal.SIGQUIT, 3.0), (signal.SIGKILL, 3.0))
"""What a PostgreSQL hears that does not listen to SIGINT, and for how many seconds."""

SETTINGS: Mapping[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "1GB",
    "wal_compression": "pglz",
    "min_wal_size": "80MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "max_worker_processes": "4",
    "max_parallel_workers_per_gather": "1",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""For a small machine; everything that durability needs (fsync, synchronous_commit, checksums) stays on."""


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL that this process started and must wait for; `url` carries the password."""

    process: subprocess.Popen[bytes]
    cluster: Path
    port: int
    url: str


def start_postgres(
    folder: Path,
    settings: Mapping[str, str] | None = None,
    timeout_s: float = 60.0,
    stopping: threading.Event | None = None,
) -> Postgres:
    """Start PostgreSQL on a data folder that the caller has locked, making the cluster the first
    time.

    A postmaster that outlived its Trapline is stopped first. `settings` are added to SETTINGS.
    Returns when the database `trapline` takes connections. When another thread sets `stopping`, the
    start is given up.

    Raises:
        EngineError: it does not start; the message has the last lines of the log.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    ensure_reachable(folder)
    binaries = find_binaries(folder)
    cluster = folder / "database"
    if (cluster / "PG_VERSION").exists():
        _check_version(cluster)
        stop_stale_postmaster(cluster)
    else:
        _make_cluster(folder, binaries)
    deadline = time.monotonic() + timeout_s
    port = _remembered_port(folder)
    while True:
        process = _spawn_postmaster(binaries, cluster, port, {**SETTINGS, **(settings or {})})
        failure = _wait_until_ready(process, cluster, deadline, stopping)
        if failure is None:
            break
        if stopping is not None and stopping.is_set():
            raise EngineError("PostgreSQL was not started, because Trapline stops.")
        # Two hindrances pass: another program took the port in between, and the last backends of a
        # killed postmaster still hold its shared memory for a moment.
        if "could not create any TCP/IP sockets" in failure:
            port = find_free_port()
        elif "shared memory" not in failure or time.monotonic() > deadline:
            raise EngineError(
                f"PostgreSQL did not start; the end of {folder / 'database.log'} says:\n{failure}"
            )
        time.sleep(0.1)
    (folder / "database-port").write_text(f"{port}\n", encoding="utf-8")
    server = _server_url(folder, port)
    started = Postgres(process, cluster, port, f"{server}/{DATABASE}")
    try:
        _make_database(server)
    except psycopg.Error as error:
        stop_postgres(started)
        raise EngineError(f"PostgreSQL started and ended again: {error}") from None
    return started


def build_planned_url(folder: Path) -> str:
    """Say where `start_postgres` will have the database, unless another program takes that port meanwhile."""
    password_file = folder / "database-password"
    if not password_file.exists():
        write_secret(password_file, secrets.token_urlsafe(32))
    port = _remembered_port(folder)
    (folder / "database-port").write_text(f"{port}\n", encoding="utf-8")
    return f"{_server_url(folder, port)}/{DATABASE}"


def stop_postgres(postgres: Postgres, timeout_s: float = 10.0) -> None:
    """Stop it cleanly: SIGINT ends sessions and writes a checkpoint; harder signals follow where it does not listen."""
    for wish, patience in ((signal.SIGINT, timeout_s), *HARDER):
        if postgres.process.poll() is None:
            postgres.process.send_signal(wish)
            try:
                postgres.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
        return


def stop_stale_postmaster(cluster: Path, timeout_s: float = 15.0) -> bool:
    """Stop the postmaster that an earlier Trapline left on this cluster; say whether there was one.

    A postmaster.pid that names another program, or a zombie, is removed: PostgreSQL would refuse to
    start for it.
    """
    pid_file = cluster / "postmaster.pid"
    try:
        pid = int(pid_file.read_text(encoding="utf-8").splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return False
    if not _is_postmaster_of(pid, cluster):
        pid_file.unlink(missing_ok=True)
        return False
    for wish, patience in ((signal.SIGINT, timeout_s), *HARDER):
        try:
            os.kill(pid, wish)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not _is_postmaster_of(pid, cluster):
                pid_file.unlink(missing_ok=True)
                return True
            time.sleep(0.05)
    raise EngineError(
        f"A PostgreSQL (process {pid}) still runs on {cluster} and does not stop. End it by hand."
    )


def find_free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _identity() -> tuple[int | None, int | None, list[int] | None]:
    """The uid, gid and further groups for PostgreSQL's processes: nobody where we are root, ours otherwise."""
    return (UNPRIVILEGED, UNPRIVILEGED, []) if os.geteuid() == 0 else (None, None, None)


def _environment() -> dict[str, str]:
    # Nothing of ours is handed on: PG* variables would change what it does, secrets are none of its
    # business.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _check_version(cluster: Path) -> None:
    found = (cluster / "PG_VERSION").read_text(encoding="utf-8").strip()
    if found != str(MAJOR_VERSION):
        raise EngineError(
            f"{cluster} was made by PostgreSQL {found}; this Trapline brings PostgreSQL {MAJOR_VERSION}. "
            f"Take a dump with the Trapline that made it and load it into a new folder."
        )


def _make_cluster(folder: Path, binaries: Path) -> None:
    """Run initdb beside the final place and rename, so that a kill in the middle leaves no half-made cluster."""
    uid, gid, groups = _identity()
    draft = folder / "database.draft"
    shutil.rmtree(draft, ignore_errors=True)
    password_file = folder / "database-password"
    if not password_file.exists():
        write_secret(password_file, secrets.token_urlsafe(32))
    draft.mkdir(mode=0o700)
    handed = folder / "database-password.draft"
    handed.unlink(missing_ok=True)
    write_secret(handed, password_file.read_text(encoding="utf-8").strip())
    try:
        if uid is not None and gid is not None:
            os.chown(draft, uid, gid)
            os.chown(handed, uid, gid)
        done = subprocess.run(
            [
                str(binaries / "initdb"),
                f"--pgdata={draft}",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                f"--username={USER}",
                f"--pwfile={handed}",
                "--auth=scram-sha-256",
                "--no-instructions",
            ],
            cwd="/",
            env=_environment(),
            user=uid,
            group=gid,
            extra_groups=groups,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        handed.unlink(missing_ok=True)
    if done.returncode != 0:
        raise EngineError(
            f"initdb could not make {draft}: {done.stderr.strip() or done.stdout.strip()}"
        )
    draft.rename(folder / "database")


def _spawn_postmaster(
    binaries: Path, cluster: Path, port: int, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    uid, gid, groups = _identity()
    log = cluster.parent / "database.log"
    if log.exists() and log.stat().st_size > 10_000_000:
        log.replace(log.with_name("database.log.1"))
    options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(binaries / "postgres"), "-D", str(cluster), "-p", str(port), *options],
            cwd="/",
            env=_environment(),
            user=uid,
            group=gid,
            extra_groups=groups,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # A session of its own: Ctrl-C on the terminal reaches us, and we stop PostgreSQL last.
            start_new_session=True,
        )


def _wait_until_ready(
    process: subprocess.Popen[bytes],
    cluster: Path,
    deadline: float,
    stopping: threading.Event | None,
) -> str | None:
    """Wait until this postmaster says that it is ready; answer with the end of its log where it ended instead."""
    log = cluster.parent / "database.log"
    while process.poll() is None:
        try:
            lines = (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            lines = []
        if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
            return None
        if time.monotonic() > deadline or (stopping is not None and stopping.is_set()):
            process.kill()
            process.wait()
            break
        time.sleep(0.005)
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 2000))
        return file.read().decode(errors="replace")


def _server_url(folder: Path, port: int) -> str:
    password = (folder / "database-password").read_text(encoding="utf-8").strip()
    return f"postgresql://{USER}:{password}@127.0.0.1:{port}"


def _make_database(server: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True, connect_timeout=10) as connection:
        there = connection.execute(
            "select 1 from pg_database where datname = %s", [DATABASE]
        ).fetchone()
        if there is None:
            connection.execute(f"create database {DATABASE}")


def _remembered_port(folder: Path) -> int:
    try:
        port = int((folder / "database-port").read_text(encoding="utf-8"))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, ValueError):
        return find_free_port()
    return port


def _is_postmaster_of(pid: int, cluster: Path) -> bool:
    """Whether this process lives and is the postmaster of this cluster, not a later program with the same number."""
    process = Path(f"/proc/{pid}")
    if Path("/proc/self").exists():
        try:
            state = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            return state != "Z" and (process / "cwd").readlink() == cluster
        except (FileNotFoundError, ProcessLookupError):
            return False
    told = subprocess.run(
        ["ps", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return not told.stdout.startswith("Z") and str(cluster) in told.stdout


def find_running_url(folder: Path) -> str | None:
    """The URL of the PostgreSQL that some Trapline runs on this data folder now; None where none runs."""
    folder = folder.resolve()
    try:
        pid = int(
            (folder / "database" / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]
        )
        password = (folder / "database-password").read_text(encoding="utf-8").strip()
        port = int((folder / "database-port").read_text(encoding="utf-8"))
    except (FileNotFoundError, IndexError, ValueError):
        return None
    if not _is_postmaster_of(pid, folder / "database"):
        return None
    return f"postgresql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"
