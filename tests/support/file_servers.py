"""Real FTP and SSH servers over a folder, started for a test on a free port of loopback."""

import asyncio
import ipaddress
import ssl
import subprocess
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

with warnings.catch_warnings():
    # Python 3.11 warns that asyncore, which pyftpdlib uses, will be removed; later versions use a
    # package.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

USER, PASSWORD = "ranger", "oak & ash"
HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
USER_KEY = asyncssh.generate_private_key("ssh-ed25519")


def public(key: asyncssh.SSHKey) -> str:
    """A key's public half, as a .pub file has it."""
    return key.export_public_key().decode().strip()


@contextmanager
def aioftp_server(root: Path, certificate: Path | None = None) -> Iterator[int]:
    """Serve a folder with aioftp, which has MLSD and MLST but not SIZE and MDTM; yield its port.

    It is a separate process, because it leaves sockets open and Python warns about them.
    """
    program = Path(__file__).with_name("aioftp_server.py")
    command = [
        sys.executable,
        str(program),
        str(root),
        USER,
        PASSWORD,
        *([str(certificate)] if certificate else []),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


class PlainHandler(FTPHandler):  # type: ignore[misc]
    """An FTP server of old, which lists with LIST only, as Unix does."""

    proto_cmds = {
        name: told for name, told in FTPHandler.proto_cmds.items() if name not in ("MLSD", "MLST")
    }


class TlsHandler(TLS_FTPHandler):  # type: ignore[misc]
    """An FTP server that wants TLS for everything, after AUTH TLS."""

    tls_control_required = tls_data_required = True


@contextmanager
def pyftpd(root: Path, handler: type[FTPHandler] = FTPHandler, **settings: Any) -> Iterator[int]:
    """Serve a folder with pyftpdlib, which also supports SIZE and MDTM; yield its port."""
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(root))
    authorizer.add_anonymous(str(root))
    made = type(
        "Handler",
        (handler,),
        {"authorizer": authorizer, "banner": "ready", "auth_failed_timeout": 0, **settings},
    )
    server = FTPServer(("127.0.0.1", 0), made, ioloop=IOLoop())
    ending = threading.Event()

    def serve() -> None:
        while not ending.is_set():
            server.ioloop.loop(timeout=0.02, blocking=False)
        server.close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        ending.set()
        thread.join()


class Doorman(asyncssh.SSHServer):
    """Lets one user in, by password or by key, and notes who tried."""

    def __init__(self, place: "SshPlace") -> None:
        self._place = place
        self._tried = place.tried

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._place.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        self._tried.append(username)
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self._tried.append(password)
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and public(key) == public(USER_KEY)


@dataclass
class SshPlace:
    """A running SSH server, and what was tried to sign in with."""

    port: int = 0
    tried: list[str] = field(default_factory=list)
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)


@asynccontextmanager
async def ssh_server(root: Path, **settings: Any) -> AsyncIterator[SshPlace]:
    """The server of asyncssh, with SFTP over a folder."""
    place = SshPlace()

    def over_folder(channel: Any) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=str(root).encode())

    options = {"server_host_keys": [HOST_KEY], "sftp_factory": over_folder, **settings}
    server = await asyncssh.create_server(lambda: Doorman(place), "127.0.0.1", 0, **options)
    place.port = server.get_port()
    try:
        yield place
    finally:
        server.close()
        for connection in place.connections:
            connection.abort()
            await connection.wait_closed()
        await server.wait_closed()


@contextmanager
def in_a_thread(serve: Callable[[], AbstractAsyncContextManager[int]]) -> Iterator[int]:
    """Run an asynchronous server in a thread with a separate event loop; yield its port."""
    started = threading.Event()
    told: dict[str, Any] = {}

    async def run() -> None:
        told["loop"], told["ending"] = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with serve() as told["port"]:
                started.set()
                await told["ending"].wait()
        finally:
            started.set()

    thread = threading.Thread(target=_run, args=(run(),))
    thread.start()
    started.wait()
    try:
        yield told["port"]
    finally:
        told["loop"].call_soon_threadsafe(told["ending"].set)
        thread.join()


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


@contextmanager
def ftp_of_aioftp(root: Path, work: Path) -> Iterator[str]:
    """An FTP source on the server of aioftp."""
    del work
    with aioftp_server(root) as port:
        yield f"ftp://127.0.0.1:{port}/"


@contextmanager
def ftp_of_pyftpdlib(
    root: Path, work: Path, handler: type[FTPHandler] = FTPHandler
) -> Iterator[str]:
    """An FTP source on the server of pyftpdlib."""
    del work
    with pyftpd(root, handler) as port:
        yield f"ftp://127.0.0.1:{port}/"


@contextmanager
def sftp(root: Path, work: Path) -> Iterator[str]:
    """An SFTP source on the server of asyncssh."""
    del work

    @asynccontextmanager
    async def serve() -> AsyncIterator[int]:
        async with ssh_server(root) as place:
            yield place.port

    with in_a_thread(serve) as port:
        yield f"sftp://127.0.0.1:{port}/"


@dataclass(frozen=True)
class Certificate:
    """A certificate for loopback, signed by a new authority."""

    path: Path
    trusted: ssl.SSLContext

    def server(self) -> ssl.SSLContext:
        """TLS context of a server with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context


def make_certificate(folder: Path, host: str = "127.0.0.1") -> Certificate:
    """Make a certificate that signs itself, as cameras have them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    shown = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(shown + secret)
    return Certificate(path, ssl.create_default_context(cadata=shown.decode()))
