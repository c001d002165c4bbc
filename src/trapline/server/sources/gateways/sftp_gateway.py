"""A folder of an SSH server, over SFTP, with its sub-folders; only a server that shows the known key is spoken to."""

import asyncio
import getpass
import posixpath
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import cast
from urllib.parse import unquote, urlsplit

import asyncssh
import structlog

from trapline.server.platform.errors import FileGone, OutboundFailed, Unanswered
from trapline.server.platform.network.dialing import Dialer, get_error_reason
from trapline.server.platform.network.open_file import OpenFile
from trapline.server.platform.network.outbound import Timeouts
from trapline.server.platform.network.timeouts import limit_total_time
from trapline.server.sources.gateways.file_names import find_path, list_encodings
from trapline.server.sources.gateways.gateway import (
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_FOLDERS,
    MAX_SIZE,
    NOT_A_FILE,
    SYMBOLIC_LINK,
    TOO_DEEP,
    ListingTooLarge,
    RemoteFile,
    Walk,
)
from trapline.server.sources.gateways.rate_limiter import RateLimiter

log = structlog.get_logger(__name__)
# It tells of every connection and sign-in.
asyncssh.set_log_level("WARNING")

READ_BYTES = 256 * 1024
HOME = "/~/"
"""What a path begins with that is meant from the folder the user signs in to; every other is from the very top."""


@dataclass(frozen=True)
class SshCredentials:
    """Who signs in to which server: with a password, a private key, or both; and the key that the
    server must show.

    `host_key` is a public key as known_hosts or a .pub file have it, or its fingerprint
    `SHA256:...`.
    """

    host: str
    port: int
    username: str
    password: str | None = field(default=None, repr=False)
    key: asyncssh.SSHKey | None = field(default=None, repr=False)
    host_key: str | None = None


def parse_private_key(text: str) -> asyncssh.SSHKey:
    """Read a private key. Raises ValueError in words that do not repeat it."""
    try:
        return asyncssh.import_private_key(text if text.endswith("\n") else f"{text}\n")
    except asyncssh.KeyEncryptionError:
        pass
    except asyncssh.KeyImportError as error:
        if "assphrase" not in str(error):
            raise ValueError("it is no private key in OpenSSH's or PEM form") from None
    raise ValueError(
        "it is protected by a passphrase, which nobody is there to type; take it off with ssh-keygen -p, or make a key "
        "for this source alone (it is kept encrypted)"
    )


def parse_host_key(text: str) -> str:
    """Read a server's public key, with or without the host before it, or its fingerprint.

    Raises ValueError.
    """
    words = text.split()
    if len(words) == 1 and words[0].startswith("SHA256:") and len(words[0]) == 50:
        return words[0]
    for at, kind in enumerate(words[:-1]):
        if kind.startswith(("ssh-", "ecdsa-", "sk-")):
            try:
                asyncssh.import_public_key(f"{kind} {words[at + 1]}")
            except (asyncssh.KeyImportError, ValueError):
                continue
            return f"{kind} {words[at + 1]}"
    raise ValueError(
        "it is no public key such as `ssh-ed25519 AAAA...`, and no fingerprint such as `SHA256:...`"
    )


class SftpGateway:
    """Lists and opens what lies under `sftp://host/folder`; nothing of this machine's own SSH settings is used."""

    def __init__(
        self,
        dialer: Dialer,
        login: SshCredentials,
        base_url: str,
        timeouts: Timeouts,
        pace: RateLimiter,
    ) -> None:
        self._dialer = dialer
        self._login = login
        path = unquote(urlsplit(base_url).path) or "/"
        self._folder = (
            path.removeprefix(HOME).rstrip("/") or "."
            if path.startswith(HOME)
            else path.rstrip("/") or "/"
        )
        self._timeouts = timeouts
        self._pace = pace
        self._connecting = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None
        self._root = b""

    async def list_files(self, walk: Walk | None = None) -> AsyncIterator[RemoteFile]:
        """List every file of the folder, and of those below it, but links."""
        walk = walk or Walk()
        await self._sign_in()
        waiting = [(self._root, "", 0)]
        folders = count = 0
        while waiting:
            folder, prefix, depth = waiting.pop()
            async for told in self._read_or_record(folder, prefix, walk):
                name = told.filename if isinstance(told.filename, bytes) else told.filename.encode()
                kind = stat.S_IFMT(told.attrs.permissions or 0)
                if name in (b".", b".."):
                    continue
                if kind not in (stat.S_IFDIR, stat.S_IFREG):
                    walk.leave_out(SYMBOLIC_LINK if kind == stat.S_IFLNK else NOT_A_FILE)
                    continue
                path = find_path(name, prefix, walk)
                if path is None:
                    continue
                if kind == stat.S_IFDIR:
                    folders += 1
                    if folders > MAX_FOLDERS:
                        raise ListingTooLarge(
                            f"the listing leads to more than {MAX_FOLDERS:,} folders"
                        )
                    if depth >= MAX_DEPTH:
                        walk.record_unlisted(path, TOO_DEEP)
                    elif walk.enters(path):
                        waiting.append((posixpath.join(folder, name), path + "/", depth + 1))
                    continue
                count += 1
                if count > MAX_ENTRIES:
                    raise ListingTooLarge(f"the listing has more than {MAX_ENTRIES:,} entries")
                yield RemoteFile(
                    path,
                    _size_of(told.attrs),
                    _moment(told.attrs),
                    True,
                    _version_of(told.attrs) or "",
                )

    async def _read_or_record(
        self, folder: bytes, prefix: str, walk: Walk
    ) -> AsyncIterator[asyncssh.SFTPName]:
        """Read the listing of a folder; one below the root that cannot be listed is recorded."""
        await self._pace.wait_turn()
        try:
            # A connection that broke over the folder before is opened again.
            entries = self._read_folder(await self._sign_in(), folder)
            async for told in limit_total_time(entries, self._timeouts.listing_s, self._give_up):
                yield told
            walk.record_listed()
        except OutboundFailed as error:
            if not prefix:
                if isinstance(error, FileGone):
                    raise OutboundFailed(
                        "there is no such folder: check the path of the address"
                    ) from error
                raise
            walk.record_failure(prefix, error)

    @asynccontextmanager
    async def open_file(
        self, path: str, known_etag: str | None = None
    ) -> AsyncIterator[OpenFile | None]:
        """Open one file; None if its size and time are those of `known_etag`."""
        spelled = list_encodings(path)
        await self._pace.wait_turn()
        client = await self._sign_in()
        async with self._in_time():
            where = await self._find(client, spelled)
            # Without a size of blocks the library asks for one piece at a time. For several at once
            # it starts tasks, which go on when nobody waits for them any more.
            file = await client.open(where, "rb", block_size=0)
        try:
            async with self._in_time():
                attrs = await file.stat()
            if not stat.S_ISREG(attrs.permissions or stat.S_IFREG):
                raise OutboundFailed("it is not an ordinary file")
            etag = _version_of(attrs)
            if etag is not None and etag == known_etag:
                yield None
            else:
                yield OpenFile(
                    _size_of(attrs), _moment(attrs), etag, self._read_file(file, attrs.size)
                )
        finally:
            # Nothing was written: whether the server hears that we are done with it is of no
            # consequence.
            with suppress(OutboundFailed):
                async with self._in_time():
                    await file.close()

    async def close(self) -> None:
        """Close the connection."""
        self._give_up()
        await asyncio.sleep(0)

    def _give_up(self) -> None:
        if self._connection is not None:
            self._connection.abort()
        self._connection = self._client = None

    async def _sign_in(self) -> asyncssh.SFTPClient:
        """Sign in once; all files are read over the one connection, which is made anew when it broke."""
        async with self._connecting:
            if (
                self._client is not None
                and self._connection is not None
                and not self._connection.is_closed()
            ):
                return self._client
            host, connect_s = self._login.host, self._timeouts.connect_s
            _check_environment()
            opened = await self._dialer.open_socket("sftp", host, self._login.port, connect_s)
            watch = _Watch(self._login)
            try:
                with _in_words(host, watch):
                    async with asyncio.timeout(connect_s * 3):
                        self._connection = await asyncssh.connect(
                            host,
                            self._login.port,
                            sock=opened,
                            config=None,
                            client_factory=lambda: watch,
                            client_version=f"Trapline_{version('trapline')}",
                            # No key is known beforehand: the watch, and it alone, says which is the
                            # right one.
                            known_hosts=([], [], []),
                            server_host_key_algs=watch.algorithms or "default",
                            x509_trusted_certs=None,
                            x509_trusted_cert_paths=[],
                            username=self._login.username,
                            password=self._login.password,
                            client_keys=[self._login.key] if self._login.key else None,
                            agent_path=None,
                            gss_host=None,
                            connect_timeout=None,
                            login_timeout=0,
                        )
                    async with asyncio.timeout(connect_s * 2):
                        client = await self._connection.start_sftp_client(path_encoding=None)
                        self._root = await client.realpath(self._folder.encode())
            except BaseException:
                opened.close()
                await self.close()
                raise
            self._client = client
            return client

    async def _read_folder(
        self, client: asyncssh.SFTPClient, folder: bytes
    ) -> AsyncIterator[asyncssh.SFTPName]:
        with _in_words(self._login.host):
            entries = client.scandir(folder)
            first = await anext(entries, None)
        while first is not None:
            yield first
            with _in_words(self._login.host):
                first = await anext(entries, None)

    async def _find(self, client: asyncssh.SFTPClient, spelled: list[bytes]) -> bytes:
        """Find where a file really is.

        Raises FileGone where it is not, OutboundFailed where a link leads outside.
        """
        for at, raw in enumerate(spelled, start=1):
            try:
                where = await client.realpath(posixpath.join(self._root, raw))
                await client.stat(where)
            except asyncssh.SFTPNoSuchFile:
                if at == len(spelled):
                    raise
                continue
            if not where.startswith(self._root.rstrip(b"/") + b"/"):
                raise OutboundFailed(
                    "a symbolic link leads out of the folder of the source, and none is followed"
                )
            return where
        raise AssertionError("a path has a spelling")

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        with _in_words(self._login.host):
            async with asyncio.timeout(self._timeouts.download_s):
                yield

    async def _read_file(
        self, file: asyncssh.SFTPClientFile, size: int | None
    ) -> AsyncIterator[bytes]:
        position = 0
        while True:
            async with self._in_time():
                chunk = cast(bytes, await file.read(READ_BYTES, position))
            if not chunk:
                break
            position += len(chunk)
            yield chunk
        if size is not None and position != size:
            raise OutboundFailed(
                "the transfer ended before the length that the server had announced, or after it"
            )


class SftpPermissionDenied(OutboundFailed):
    """The server lets the user in, but not here."""


class _Watch(asyncssh.SSHClient):
    """Looks at the key that a server shows, before anything is sent that is not for everybody."""

    def __init__(self, login: SshCredentials) -> None:
        self._expected = login.host_key
        self.shown: asyncssh.SSHKey | None = None
        self.algorithms: list[str] = []
        if login.host_key and not login.host_key.startswith("SHA256:"):
            key = asyncssh.import_public_key(login.host_key)
            self.algorithms = [name.decode() for name in key.sig_algorithms]

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Accept the one key that is expected."""
        del host, addr, port
        self.shown = key
        return self._expected in (key.get_fingerprint(), _spelled(key))

    def why_refused(self, host: str) -> OutboundFailed:
        """Say what the server showed, and what to do."""
        shown = (
            "" if self.shown is None else f"{_spelled(self.shown)} ({self.shown.get_fingerprint()})"
        )
        if self._expected is None:
            return OutboundFailed(
                f"{host} is not known yet. It shows the key {shown}. Compare it with the server's own (there: "
                "ssh-keyscan localhost, or ask who runs it), then set it as the option host_key. Nothing was sent"
            )
        what = (
            f"shows another key than the one known as host_key: {shown}"
            if shown
            else "shows no key like host_key"
        )
        return OutboundFailed(
            f"{host} {what}. Either the server was set up anew, or somebody stands between; ask who runs it before "
            "host_key is changed. Nothing was sent"
        )


def _spelled(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key().decode().split()[:2])


def _check_environment() -> None:
    """Refuse what the SSH library would otherwise stumble over, though we have no use for it."""
    try:
        getpass.getuser()
    except (KeyError, OSError) as error:
        raise OutboundFailed(
            "SFTP wants the user that Trapline runs as to have a name; set USER in its environment to any"
        ) from error


@contextmanager
def _in_words(host: str, watch: _Watch | None = None) -> Iterator[None]:
    """Say in words what goes wrong between us and an SSH server; nothing that it said is repeated."""
    try:
        yield
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
        if watch is not None and (watch.shown is not None or watch.algorithms):
            raise watch.why_refused(host) from error
        raise OutboundFailed(
            f"{host} and Trapline know no way in common to speak in secret"
        ) from error
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as error:
        raise FileGone("it is not there") from error
    except asyncssh.SFTPPermissionDenied as error:
        raise SftpPermissionDenied(
            f"{host} denies it: check that the user may list and read it"
        ) from error
    except asyncssh.Error as error:
        raise OutboundFailed(_explain(host, error)) from error
    except TimeoutError as error:
        raise Unanswered(f"{host} answered nothing in the time allowed") from error
    except OSError as error:
        raise Unanswered(f"the connection to {host} broke: {get_error_reason(error)}") from error
    except ValueError as error:
        raise OutboundFailed(f"{host} did not speak proper SSH") from error


def _explain(host: str, error: asyncssh.Error) -> str:
    match error:
        case asyncssh.PermissionDenied():
            return f"{host} does not let us in: check user name, and password or key"
        case (
            asyncssh.ConnectionLost() | asyncssh.SFTPConnectionLost() | asyncssh.SFTPNoConnection()
        ):
            return f"the connection to {host} broke"
        case asyncssh.ChannelOpenError():
            return f"{host} lets us in, but offers no SFTP"
        case asyncssh.SFTPError():
            return f"{host} refused what it was asked for (SFTP status {error.code})"
        case asyncssh.DisconnectError():
            return f"{host} ended the connection (SSH reason {error.code})"
        case _:
            return f"{host} did not speak proper SSH"


def _version_of(attrs: asyncssh.SFTPAttrs) -> str | None:
    return None if attrs.size is None or attrs.mtime is None else f"{attrs.size}:{attrs.mtime}"


def _size_of(attrs: asyncssh.SFTPAttrs) -> int | None:
    # The protocol has sizes that no ledger, and no disk, can hold.
    return attrs.size if attrs.size is not None and attrs.size <= MAX_SIZE else None


def _moment(attrs: asyncssh.SFTPAttrs) -> datetime | None:
    try:
        return None if attrs.mtime is None else datetime.fromtimestamp(attrs.mtime, UTC)
    except (ValueError, OverflowError, OSError):
        return None
