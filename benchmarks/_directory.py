"""Web server of a folder, for the benchmarks that pull images: nginx, or else Python's server."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NGINX = """
daemon off; pid {work}/pid; error_log stderr; {user} worker_processes 1;
events {{ }}
http {{
  access_log off; client_body_temp_path {work}/a; proxy_temp_path {work}/b;
  fastcgi_temp_path {work}/c; uwsgi_temp_path {work}/d; scgi_temp_path {work}/e; sendfile on;
  types {{ image/jpeg jpg; text/html html; }}
  server {{ listen 127.0.0.1:{port}; root {root}; autoindex on; index index.html; }}
}}
"""


@dataclass(frozen=True)
class Directory:
    """A served folder; `origin` is its `host:port`."""

    program: str
    origin: str

    @property
    def url(self) -> str:
        """The URL of the folder."""
        return f"http://{self.origin}/"


@contextlib.contextmanager
def serve(root: Path, work: Path) -> Iterator[Directory]:
    """Serve a folder on a free port of loopback.

    `work` is an empty folder for the server's own files.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if program:
        user = "user root;" if os.geteuid() == 0 else ""
        (work / "nginx.conf").write_text(
            NGINX.format(work=work, root=root, port=port, user=user), encoding="utf-8"
        )
        command = [program, "-p", str(work), "-c", str(work / "nginx.conf")]
    else:
        command = [
            sys.executable,
            "-m",
            "http.server",
            str(port),
            "--bind",
            "127.0.0.1",
            "--directory",
            str(root),
        ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            raise SystemExit(f"{command[0]} did not start")
        yield Directory("nginx" if program else "http.server", f"127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(10)
