"""Start, watch and stop the embedded PostgreSQL.

Its files in the data folder:

    lock                  locked by the Trapline that runs on the folder
    database/             PostgreSQL's cluster, owned by the uid that PostgreSQL runs as
    database-password     the password of its only user, mode 0600
    database-port         the port that it last listened on, which is tried first
    database.log          PostgreSQL's log; database.log.1 is the previous one
    engine-VERSION/       a copy of the binaries, only if the installed ones cannot be read
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
STRONGER_SIGNALS = ((signal.SIGQUIT, 3.0), (signal.SIGKILL, 3.0))
"""The signals for a PostgreSQL that does not end after SIGINT, each with a wait in seconds."""

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
"""Settings for a small machine; those for durability (fsync, synchronous_commit) stay on."""


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL that this process started and must wait for; `url` contains the password."""

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
    """Start PostgreSQL on a data folder that the caller has locked.

    The cluster is created at the first start. A postmaster that an earlier Trapline left running is
    stopped first. `settings` are added to SETTINGS. The function returns when the database
    `trapline` accepts connections. If another thread sets `stopping`, the start is cancelled.

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
        _create_cluster(folder, binaries)
    deadline = time.monotonic() + timeout_s
    port = _get_last_port(folder)
    while True:
        process = _spawn_postmaster(binaries, cluster, port, {**SETTINGS, **(settings or {})})
        failure = _wait_until_ready(process, cluster, deadline, stopping)
        if failure is None:
            break
        if stopping is not None and stopping.is_set():
            raise EngineError("PostgreSQL was not started, because Trapline stops.")
        # Two failures are temporary: another program may have taken the port, and the backends of a
        # killed postmaster hold its shared memory for a moment.
        if "could not create any TCP/IP sockets" in failure:
            port = find_free_port()
        elif "shared memory" not in failure or time.monotonic() > deadline:
            raise EngineError(
                f"PostgreSQL did not start. The end of {folder / 'database.log'}:\n{failure}"
            )
        time.sleep(0.1)
    (folder / "database-port").write_text(f"{port}\n", encoding="utf-8")
    server = _server_url(folder, port)
    started = Postgres(process, cluster, port, f"{server}/{DATABASE}")
    try:
        _create_database(server)
    except psycopg.Error as error:
        stop_postgres(started)
        raise EngineError(f"PostgreSQL started and ended again: {error}") from None
    return started


def build_planned_url(folder: Path) -> str:
    """Return the URL that the database will have after `start_postgres`, if the port stays free."""
    password_file = folder / "database-password"
    if not password_file.exists():
        write_secret(password_file, secrets.token_urlsafe(32))
    port = _get_last_port(folder)
    (folder / "database-port").write_text(f"{port}\n", encoding="utf-8")
    return f"{_server_url(folder, port)}/{DATABASE}"


def stop_postgres(postgres: Postgres, timeout_s: float = 10.0) -> None:
    """Stop PostgreSQL: SIGINT ends sessions and writes a checkpoint; STRONGER_SIGNALS follow."""
    for number, patience in ((signal.SIGINT, timeout_s), *STRONGER_SIGNALS):
        if postgres.process.poll() is None:
            postgres.process.send_signal(number)
            try:
                postgres.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
        return


def stop_stale_postmaster(cluster: Path, timeout_s: float = 15.0) -> bool:
    """Stop the postmaster that an earlier Trapline left running; return whether there was one.

    A postmaster.pid of another program or a zombie is removed, because PostgreSQL would refuse to
    start.

    Raises:
        EngineError: the postmaster does not stop.
    """
    pid_file = cluster / "postmaster.pid"
    try:
        pid = int(pid_file.read_text(encoding="utf-8").splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return False
    if not _is_postmaster_of(pid, cluster):
        pid_file.unlink(missing_ok=True)
        return False
    for number, patience in ((signal.SIGINT, timeout_s), *STRONGER_SIGNALS):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not _is_postmaster_of(pid, cluster):
                pid_file.unlink(missing_ok=True)
                return True
            time.sleep(0.05)
    raise EngineError(
        f"A PostgreSQL (process {pid}) still runs on {cluster} and does not stop. Stop it manually."
    )


def find_free_port() -> int:
    """Return a free TCP port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _identity() -> tuple[int | None, int | None, list[int] | None]:
    """Return the uid, gid and groups of PostgreSQL: unprivileged if Trapline is root, else its own.

    None keeps those of this process.
    """
    return (UNPRIVILEGED, UNPRIVILEGED, []) if os.geteuid() == 0 else (None, None, None)


def _environment() -> dict[str, str]:
    # No other variables are passed on: PG* variables would change its behaviour, and it must not
    # get any secrets.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _check_version(cluster: Path) -> None:
    found = (cluster / "PG_VERSION").read_text(encoding="utf-8").strip()
    if found != str(MAJOR_VERSION):
        raise EngineError(
            f"{cluster} was created by PostgreSQL {found}; this Trapline contains PostgreSQL "
            f"{MAJOR_VERSION}. Nothing was changed. Dump the database with the Trapline that "
            "created it, and load the dump into a new folder."
        )


def _create_cluster(folder: Path, binaries: Path) -> None:
    """Run initdb in a draft folder and rename it, so that a kill leaves no incomplete cluster."""
    uid, gid, groups = _identity()
    draft = folder / "database.draft"
    shutil.rmtree(draft, ignore_errors=True)
    password_file = folder / "database-password"
    if not password_file.exists():
        write_secret(password_file, secrets.token_urlsafe(32))
    draft.mkdir(mode=0o700)
    password_copy = folder / "database-password.draft"
    password_copy.unlink(missing_ok=True)
    write_secret(password_copy, password_file.read_text(encoding="utf-8").strip())
    try:
        if uid is not None and gid is not None:
            os.chown(draft, uid, gid)
            os.chown(password_copy, uid, gid)
        done = subprocess.run(
            [
                str(binaries / "initdb"),
                f"--pgdata={draft}",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                f"--username={USER}",
                f"--pwfile={password_copy}",
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
        password_copy.unlink(missing_ok=True)
    if done.returncode != 0:
        raise EngineError(
            f"initdb could not create {draft}: {done.stderr.strip() or done.stdout.strip()}"
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
            # In a separate session, Ctrl-C does not reach PostgreSQL: Trapline stops it last.
            start_new_session=True,
        )


def _wait_until_ready(
    process: subprocess.Popen[bytes],
    cluster: Path,
    deadline: float,
    stopping: threading.Event | None,
) -> str | None:
    """Wait until this postmaster is ready; return the end of its log if it fails."""
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


def _create_database(server: str) -> None:
    with psycopg.connect(f"{server}/postgres", autocommit=True, connect_timeout=10) as connection:
        there = connection.execute(
            "select 1 from pg_database where datname = %s", [DATABASE]
        ).fetchone()
        if there is None:
            connection.execute(f"create database {DATABASE}")


def _get_last_port(folder: Path) -> int:
    try:
        port = int((folder / "database-port").read_text(encoding="utf-8"))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except (OSError, ValueError):
        return find_free_port()
    return port


def _is_postmaster_of(pid: int, cluster: Path) -> bool:
    """Return whether a process runs and is the postmaster of this cluster, not another program."""
    process = Path(f"/proc/{pid}")
    if Path("/proc/self").exists():
        try:
            state = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            return state != "Z" and (process / "cwd").readlink() == cluster
        except (FileNotFoundError, ProcessLookupError):
            return False
    status = subprocess.run(
        ["ps", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return not status.stdout.startswith("Z") and str(cluster) in status.stdout


def find_running_url(folder: Path) -> str | None:
    """Return the URL of the PostgreSQL that runs on this data folder; None if it does not run."""
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
