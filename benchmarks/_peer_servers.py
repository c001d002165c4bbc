"""Installation of other queues, and a temporary Redis server, for the comparison of queues."""

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from _peer_measurement import wait_until

PACKAGES = ("celery[redis]", "dramatiq[redis]", "procrastinate", "psycopg[binary]")


class Missing(Exception):
    """A requirement of another queue is unavailable; the message names it."""


def make_environment(folder: Path) -> Path:
    """Install the other queues into a new environment; return its folder of programs."""
    uv = Path(sys.executable).with_name("uv")
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, folder],
        [uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", *PACKAGES],
    ):
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Missing(f"{command[1]}: {done.stderr.strip()[-300:]}")
    return folder / "bin"


def find_redis(folder: Path) -> list[str]:
    """Return the command of a Redis server: the system's, or Debian's unpacked into a folder."""
    found = shutil.which("redis-server")
    if found:
        return [found]
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Missing("there is no redis-server, and no apt-get to fetch one")
    (folder / "partial").mkdir(parents=True)
    fetch = ["apt-get", "install", "--yes", "--no-install-recommends", "--download-only"]
    fetch += ["-o", f"Dir::Cache::archives={folder}", "-o", "Debug::NoLocking=1", "redis-server"]
    done = subprocess.run(fetch, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"apt-get: {done.stderr.strip()[-300:]} (apt-get update may help)")
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(folder / "root")], check=True)
    libraries = ":".join(
        str(path) for path in (folder / "root" / "usr" / "lib").glob("*-linux-gnu")
    )
    return [
        "env",
        f"LD_LIBRARY_PATH={libraries}",
        str(folder / "root" / "usr" / "bin" / "redis-server"),
    ]


@contextlib.contextmanager
def open_redis(folder: Path, command: list[str], fsync: str) -> Iterator[int]:
    """Run Redis with its append-only file in an empty folder; yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(dir=folder) as data:
        options = [
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--dir",
            data,
            "--save",
            "",
            "--appendonly",
            "yes",
        ]
        process = subprocess.Popen(
            [*command, *options, "--appendfsync", fsync, "--daemonize", "no"],
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: ask_redis(port, "PING") == "+PONG", 10, "redis-server did not start")
            yield port
        finally:
            process.terminate()
            process.wait(10)


def ask_redis(port: int, command: str, database: int = 0) -> str:
    """Send a command with a one-line reply; return "" if Redis is not listening."""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
        connection.makefile("rw", newline="") as wire,
    ):
        wire.write(f"SELECT {database}\r\n{command}\r\n")
        wire.flush()
        wire.readline()
        return wire.readline().strip()
    return ""
