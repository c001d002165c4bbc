"""Real web servers that list a folder, started for a test on a free port of loopback."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NGINX = """
daemon off; pid {work}/pid; error_log stderr; {user}
events {{ }}
http {{
  access_log off; client_body_temp_path {work}/a; proxy_temp_path {work}/b;
  fastcgi_temp_path {work}/c; uwsgi_temp_path {work}/d; scgi_temp_path {work}/e;
  types {{ image/jpeg jpg JPG; }}
  server {{ listen 127.0.0.1:{port}; root {root}; autoindex on; {option} }}
}}
"""
APACHE = """
ServerRoot {work}
ServerName localhost
PidFile {work}/pid
ErrorLog /dev/stderr
Listen 127.0.0.1:{port}
{user}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule autoindex_module /usr/lib/apache2/modules/mod_autoindex.so
DocumentRoot {root}
IndexOptions {option}
<Directory {root}>
  Options +Indexes
  Require all granted
</Directory>
"""
LIGHTTPD = """
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.modules = ( "mod_dirlisting" )
dir-listing.activate = "enable"
mimetype.assign = ( ".JPG" => "image/jpeg" )
"""


@contextmanager
def python_server(root: Path, work: Path) -> Iterator[str]:
    """Python's own http.server, which gives neither sizes nor times."""
    del work
    port = _free_port()
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
    with _running(command, port):
        yield f"http://127.0.0.1:{port}/"


@contextmanager
def nginx(root: Path, work: Path, form: str = "html", more: str = "") -> Iterator[str]:
    """Nginx with its autoindex, as HTML or as JSON, and `more` in its server."""
    program = _find("nginx")
    port = _free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    option = f"autoindex_format {form}; {more}"
    _write(
        work / "nginx.conf", NGINX.format(work=work, root=root, port=port, user=user, option=option)
    )
    with _running([program, "-p", str(work), "-c", str(work / "nginx.conf")], port):
        yield f"http://127.0.0.1:{port}/"


@contextmanager
def apache(
    root: Path, work: Path, option: str = "FancyIndexing HTMLTable NameWidth=*"
) -> Iterator[str]:
    """Apache with mod_autoindex, as a table or as `<pre>`."""
    program = _find("apache2")
    port = _free_port()
    # Apache will not serve as root; the folder of a test is made readable to everybody instead.
    user = "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""
    _write(
        work / "apache.conf",
        APACHE.format(work=work, root=root, port=port, user=user, option=option),
    )
    with _running([program, "-X", "-d", str(work), "-f", str(work / "apache.conf")], port):
        yield f"http://127.0.0.1:{port}/"


@contextmanager
def lighttpd(root: Path, work: Path) -> Iterator[str]:
    """Lighttpd with mod_dirlisting."""
    program = _find("lighttpd")
    port = _free_port()
    _write(work / "lighttpd.conf", LIGHTTPD.format(root=root, port=port))
    with _running([program, "-D", "-f", str(work / "lighttpd.conf")], port):
        yield f"http://127.0.0.1:{port}/"


def _find(program: str) -> str:
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None and os.environ.get("CI") and program == "nginx":
        pytest.fail("nginx is not installed, and with CI set that is a failure")
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        for _ in range(100):
            if process.poll() is not None:
                assert process.stderr is not None
                pytest.fail(f"{command[0]} did not start: {process.stderr.read().decode()[-500:]}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=10)
